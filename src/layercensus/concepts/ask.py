"""Which concepts the panel's examples have, and what the net is given there: read once more, kept beside the panel."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from ..count.plan import Plan
from ..count.read_batch import draws_of, keys_of
from ..count.side_files import has_marks, save_marks
from ..count.store import Store
from ..data.batch import Batch
from ..data.keys import key
from ..errors import CensusError
from ..progress import tqdm
from ..tally import Marks
from . import inputs
from .places import EXAMPLES, Map, map_of
from .sets import ConceptSet
from .tags import length_of


@dataclass
class _Read:
    """What was read of one place, batch by batch."""

    value: list[Tensor] = field(default_factory=list)
    inputs: list[Tensor] = field(default_factory=list)


def identity_of(sets: Sequence[ConceptSet]) -> Any:
    """What must be equal for a count to be resumed, as JSON."""
    return [[each.name, list(each.concepts), each.digest] for each in sets]


def about_sets(sets: Sequence[ConceptSet]) -> dict[str, Any]:
    """Names of all concepts in the order of their numbers, and the set of each: those of whole examples come first."""
    ordered = [*_whole(sets), *_placed(sets)]
    return {
        "names": [name for each in ordered for name in each.concepts],
        "sets": [each.name for each in ordered for _ in each.concepts],
        "at_positions": [each.name for each in _placed(sets)],
        "graded": [each.name for each in ordered if each.graded],
    }


def ask_concepts(plan: Plan, store: Store, sets: Sequence[ConceptSet]) -> Mapping[str, Any]:
    """Read what the panel's examples have of the concepts, keep it in `store`, and say what was asked, as JSON.

    Cost: the panel's examples are read once more; no forward pass. What was kept before an interruption stays.

    Raises:
        CensusError: a set does not fit an example.
    """
    if not sets:
        return {}
    about, maps = about_sets(sets), _maps(plan, store.unmasked) if _placed(sets) else {}
    found = about | {"places": {layer: of.place for layer, of in maps.items()}}
    keys = torch.from_numpy(store.panel_members(plan.settings.panel))
    wanted = ([EXAMPLES] if _whole(sets) else []) + sorted({of.place for of in maps.values()})
    if not wanted or all(has_marks(store.folder, place, keys) for place in wanted):
        return found
    read, order = _read(plan, keys, sets, {of.place: of for of in maps.values()})
    total = len(about["names"])
    first = sum(len(each.concepts) for each in _whole(sets))
    for place, one in read.items():
        own = _whole(sets) if place == EXAMPLES else _placed(sets)
        begins, count = (0, first) if place == EXAMPLES else (first, total - first)
        graded = torch.tensor([each.graded for each in own for _ in each.concepts])
        marks = Marks(
            keys, torch.cat(one.value)[order], torch.cat(one.inputs)[order], torch.arange(begins, begins + count),
            graded, torch.tensor(total),
        )  # fmt: skip
        save_marks(store.folder, place, marks)
    return found


def _whole(sets: Sequence[ConceptSet]) -> list[ConceptSet]:
    return [each for each in sets if each.values is not None]


def _placed(sets: Sequence[ConceptSet]) -> list[ConceptSet]:
    return [each for each in sets if each.at is not None]


def _maps(plan: Plan, unmasked: Sequence[str]) -> dict[str, Map]:
    """The layers whose positions have a place in the examples."""
    kind, probe = plan.source.kind, plan.probe
    tokens = length_of(probe) if kind == "tokens" and probe.mask is None else None
    fitting = [layer for layer in plan.nets.trained.layers if layer.name not in unmasked]
    found = {layer.name: map_of(layer, kind, tokens) for layer in fitting}
    return {name: each for name, each in found.items() if each is not None}


def _read(
    plan: Plan, keys: Tensor, sets: Sequence[ConceptSet], maps: Mapping[str, Map]
) -> tuple[dict[str, _Read], Tensor]:
    """Everything of every place, in the order of reading; and which of them each of the keys is."""
    read = {place: _Read() for place in ([EXAMPLES] if _whole(sets) else []) + sorted(maps)}
    met = list[Tensor]()
    for batch, at in _batches(plan, keys):
        met.append(at)
        if _whole(sets):
            read[EXAMPLES].value.append(_valued(batch, _whole(sets)))
            read[EXAMPLES].inputs.append(inputs.of_examples(batch, plan.source.kind)[:, None])
        draws = draws_of(at.numpy(), plan.settings.spots, plan.seed)
        for place, of in maps.items():
            places = of.of(batch, draws)
            read[place].value.append(torch.cat([each.at(batch, places) for each in _placed(sets) if each.at], 2))
            read[place].inputs.append(inputs.at_places(batch, places, plan.source.kind))
    ordered, order = torch.cat(met).sort()
    if not torch.equal(ordered, keys):
        raise CensusError("concepts need data that give the same examples when read again. Got others.")
    return read, order


def _valued(batch: Batch, sets: Sequence[ConceptSet]) -> Tensor:
    """(examples, 1, concepts) values of whole examples."""
    found = [each.values(batch).float() for each in sets if each.values]
    return torch.cat(found, 1)[:, None]


def _batches(plan: Plan, keys: Tensor) -> Iterator[tuple[Batch, Tensor]]:
    """The panel's examples with their keys."""
    wanted = set(keys.tolist())
    quiet = not plan.settings.progress
    with tqdm(total=len(keys), desc="reading concepts", unit="ex", disable=quiet) as bar:
        for batch in plan.source.batches(plan.settings.batch, skip=lambda id: key(id) not in wanted):
            yield batch, torch.from_numpy(keys_of(batch))
            bar.update(len(batch.ids))
