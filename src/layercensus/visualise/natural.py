"""What objectives say about the user's own examples: the distribution that every made picture is held against."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ..data.batch import Batch
from ..data.keys import key
from ..data.source import Source
from ..errors import CensusError
from ..layers.layer import Layer
from ..layers.memory_format import FORMATS, format_of, memory_format
from ..layers.net import call, count_examples
from ..layers.tap import tap
from .objective_values import Enough, exact
from .objectives import Objective, Term

BATCH = 32


@dataclass(frozen=True)
class Natural:
    """Responses to examples; every array is (objectives, examples).

    value: of the objective itself. mean, peak: of its unit over the map, where it is about a single unit, else as
    value. place: position of the peak in row-major order, -1 without one.
    """

    ids: tuple[str, ...]
    value: NDArray[np.float32]
    mean: NDArray[np.float32]
    peak: NDArray[np.float32]
    place: NDArray[np.int32]

    def take(self, rows: Sequence[int]) -> Natural:
        """Some objectives alone, or several times."""
        at = np.array(rows, dtype=np.int64)
        return Natural(self.ids, self.value[at], self.mean[at], self.peak[at], self.place[at])

    def top(self, objective: int, count: int, by: str = "value") -> list[int]:
        """Rows of the examples with the highest responses, the highest first."""
        values: NDArray[np.float32] = getattr(self, by)[objective]
        return [int(row) for row in np.argsort(-values, kind="stable")[:count]]


def chosen_ids(source: Source, count: int, also: Sequence[str] = ()) -> list[str] | None:
    """Ids of `count` examples (the least hashes) and of `also`; None where ids are not known before reading."""
    if source.ids is None:
        return None
    some = sorted(source.ids, key=key)[:count]
    return list(dict.fromkeys([*some, *also]))


def read(source: Source, ids: Sequence[str] | None, count: int) -> list[Batch]:
    """These examples, or the first `count` ones."""
    if ids is None:
        found = list(source.peek(count, BATCH))
    else:
        found = [source.pick(ids[at : at + BATCH]) for at in range(0, len(ids), BATCH)]
    found = [batch for batch in found if batch.ids]
    if not found:
        raise CensusError(f"data must hold at least one example. Got none from {source.name}.")
    return found


def respond(
    net: nn.Module, layers: Sequence[Layer], objectives: Sequence[Objective], batches: Sequence[Batch],
    tick: Callable[[int], None] = lambda done: None,
) -> Natural:  # fmt: skip
    """One forward pass over the examples, as far as the last layer that is read."""
    parts = []
    for batch in batches:
        parts.append(_respond(net, layers, objectives, batch.for_net(net), batch.mask))
        bad = ~np.isfinite(parts[-1][0]).all(0)
        if bad.any():
            raise CensusError(
                f"Activations must be finite. Got NaN or inf for example {batch.ids[int(bad.argmax())]!r}."
            )
        tick(len(batch.ids))
    value, mean, peak, place = (np.concatenate(arrays, axis=1) for arrays in zip(*parts, strict=True))
    return Natural(tuple(id for batch in batches for id in batch.ids), value, mean, peak, place.astype(np.int32))


def activations(
    net: nn.Module, layers: Sequence[Layer], objectives: Sequence[Objective], pictures: Tensor
) -> NDArray[np.float32]:
    """(objectives, pictures): what every objective says of every picture, given as the net takes them."""
    parts = [_respond(net, layers, objectives, some, None)[0] for some in pictures.split(BATCH)]  # type: ignore[no-untyped-call]
    return np.concatenate(parts, axis=1)


def _respond(
    net: nn.Module, layers: Sequence[Layer], objectives: Sequence[Objective], inputs: object, mask: Tensor | None
) -> list[NDArray[np.float32]]:
    """Value, mean, peak and place of the peak of each objective: each (objectives, examples)."""
    jobs: dict[str, list[tuple[int, int]]] = {}
    for number, objective in enumerate(objectives):
        for at, term in enumerate(objective.terms):
            if not term.couples:
                jobs.setdefault(term.layer, []).append((number, at))
    wanted = tuple(layer for layer in layers if layer.name in jobs)
    left = set(jobs)
    inputs_of: dict[str, Tensor] = {}
    found: list[list[Tensor]] = [[] for _ in objectives]
    units: list[tuple[Tensor, Tensor, Tensor] | None] = [None] * len(objectives)

    def before(layer: Layer, x: Tensor) -> None:
        if any(objectives[number].terms[at].before for number, at in jobs[layer.name]):
            inputs_of[layer.name] = exact(layer.view.apply(x, examples).movedim(layer.unit_axis, 1))

    def after(layer: Layer, x: Tensor) -> None:
        outs = x.movedim(layer.unit_axis, 1)
        outs = outs.float() if outs.dtype in (torch.float16, torch.bfloat16) else outs
        for number, at in jobs[layer.name]:
            objective = objectives[number]
            term, weight = objective.terms[at], objective.weights[at]
            seen = inputs_of[layer.name] if term.before else outs
            weight = weight if not isinstance(weight, tuple) else sum(weight) / len(weight)
            found[number].append(weight * _read(term, seen, mask).float())
            if objective.lone is not None and term.unit is not None:
                mean, peak, place = _unit(seen[:, term.unit].reshape(len(seen), -1).float(), mask)
                units[number] = weight * mean, weight * peak, place
        left.discard(layer.name)
        if not left:
            raise Enough

    examples = count_examples(inputs)
    name = format_of(inputs)
    if isinstance(inputs, Tensor) and name != "contiguous":
        inputs = inputs.contiguous(memory_format=FORMATS[name])
    with memory_format(net, name), tap(net, wanted, after, before=before), suppress(Enough):
        call(net, inputs)  # type: ignore[arg-type]
    value = torch.stack([torch.stack(parts).sum(0) for parts in found])
    none = torch.full_like(value[0], -1)
    mean, peak, place = (
        torch.stack([(v, v, none)[part] if u is None else u[part] for v, u in zip(value, units, strict=True)])
        for part in range(3)
    )
    return [part.cpu().numpy() for part in (value, mean, peak, place)]


def _read(term: Term, seen: Tensor, mask: Tensor | None) -> Tensor:
    """(examples,) what a term says, of the positions that count."""
    if mask is None or mask.shape != (seen.shape[0], *seen.shape[2:]):
        return term.natural(seen)
    counted = mask.to(seen.device)
    return torch.cat([term.natural(one[None, :, some]) for one, some in zip(seen, counted, strict=True)])


def _unit(maps: Tensor, mask: Tensor | None) -> tuple[Tensor, Tensor, Tensor]:
    """Mean, maximum and place of the maximum of a unit's maps (examples, positions)."""
    if mask is None or mask.shape != maps.shape:
        peak, place = maps.max(1)
        return maps.mean(1), peak, place.float() if maps.shape[1] > 1 else torch.full_like(peak, -1)
    counted = mask.to(maps.device)
    peak, place = maps.masked_fill(~counted, -torch.inf).max(1)
    return (maps * counted).sum(1) / counted.sum(1).clamp(min=1), peak, place.float()


def places_of(net: nn.Module, layers: Sequence[Layer], objectives: Sequence[Objective], pictures: Tensor) -> list[int]:
    """For each picture, given as the net takes it, where its own objective's unit peaks; -1 without positions."""
    parameter = next(net.parameters(), None)
    x = pictures if parameter is None else pictures.to(parameter.device, parameter.dtype)
    return [int(place) for place in _respond(net, layers, objectives, x, None)[3].diagonal()]
