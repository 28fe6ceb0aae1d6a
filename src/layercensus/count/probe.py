"""The few examples that show what a net is made of before anything is counted."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase
from itertools import islice

import torch
from torch import nn

from ..data.batch import Batch, joined, tensors
from ..data.keys import key
from ..data.source import Source
from ..layers.ways import Way, decides, uncalled, way_of

PROBE = 4  # examples that are passed through the net in different company
MOST = 8  # where they take different ways
SEARCHED = 32  # examples whose ways are followed where the data may decide
SEARCHED_NAMED = 2048  # where the user names a layer that none of these reached
FIRST = 256  # of a stream, among which a probe is chosen


def choose_probe(net: nn.Module, source: Source, layers: str | Sequence[str] | None = None) -> Batch:
    """A few examples of equal shape that together show as many of the net's layers as single examples can.

    They are those with the smallest keys, so that a sorted data set misleads nobody. Where the net looks at values to
    decide what runs, or holds weights that they do not reach, the ways of more examples are followed, and those that
    show something else are added. layers: globs that the user gave.

    Cost: one pass of four examples; passes of 32 single examples for nets that decide, of up to 2,048 where a named
    layer is not reached.
    """
    first, coming = _first(source)
    if not decides(net, first.for_net(net)):
        return first
    search = _Search(net, [first.take(torch.tensor([row])) for row in range(len(first.ids))])
    search.follow(coming, layers)
    added = search.chosen[len(first.ids) :]
    return _together(source, first, added) if added else first


class _Search:
    """Examples that together take as many ways as can be."""

    def __init__(self, net: nn.Module, chosen: list[Batch]) -> None:
        self.net, self.chosen = net, chosen
        self.ways: list[Way] = [way_of(net, example.for_net(net)) for example in chosen]

    def follow(self, coming: Iterator[Batch], layers: str | Sequence[str] | None) -> None:
        """Look at more examples, at many more for as long as a layer that the user names is not reached."""
        for number, example in enumerate(islice(coming, SEARCHED_NAMED)):
            called = {module for way in self.ways for module, _ in way}
            if len(self.chosen) == MOST or (number >= SEARCHED and not _named(uncalled(self.net, called), layers)):
                return
            self._add(example)

    def _add(self, example: Batch) -> None:
        way = way_of(self.net, example.for_net(self.net))
        known = frozenset[tuple[str, int]]().union(*self.ways)
        another = len(set(self.ways)) == 1 and way not in self.ways
        if way and (another or not way <= known):
            self.chosen.append(example)
            self.ways.append(way)


def _named(names: Sequence[str], layers: str | Sequence[str] | None) -> bool:
    patterns = [layers] if isinstance(layers, str) else [p for p in layers or () if isinstance(p, str)]
    return any(fnmatchcase(name, pattern) for name in names for pattern in patterns)


def _first(source: Source) -> tuple[Batch, Iterator[Batch]]:
    """The examples with the smallest keys, in one batch, and those behind them one by one."""
    if source.ids is not None:
        ids = sorted(source.ids, key=key)
        picked = source.pick(ids[:PROBE])
        if picked.ids:
            return picked, (one for one in (source.pick([id]) for id in ids[PROBE:]) if one.ids)
    singles = sorted(source.peek(FIRST, 1), key=lambda one: key(one.ids[0]))
    alike = [one for one in singles if _shapes(one) == _shapes(singles[0])]
    some = {id for one in alike[:PROBE] for id in one.ids}
    return joined(alike[:PROBE]), (one for one in alike if one.ids[0] not in some)


def _together(source: Source, first: Batch, added: Sequence[Batch]) -> Batch:
    if source.ids is not None:
        return source.pick([*first.ids, *(one.ids[0] for one in added)])
    return joined([first, *added])


def _shapes(batch: Batch) -> list[tuple[int, ...]]:
    masks = [] if batch.mask is None else [batch.mask]
    return [tuple(x.shape[1:]) for x in (*tensors(batch.inputs), *masks)]
