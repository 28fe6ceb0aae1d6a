"""What objectives say about the given examples: the distribution that every optimised image is held against."""

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
from .objective import Objective
from .objective_values import StopForward, exact
from .terms import Term

BATCH = 32


@dataclass(frozen=True)
class Responses:
    """Responses to examples; every array is (objectives, examples).

    value: of the objective itself. mean, peak: of its unit over the map, where it is about a single unit, else as
    value. position: of the peak in row-major order, -1 without one.
    """

    ids: tuple[str, ...]
    value: NDArray[np.float32]
    mean: NDArray[np.float32]
    peak: NDArray[np.float32]
    position: NDArray[np.int32]

    def select(self, rows: Sequence[int]) -> Responses:
        """Some objectives alone, or several times."""
        index = np.array(rows, dtype=np.int64)
        return Responses(self.ids, self.value[index], self.mean[index], self.peak[index], self.position[index])

    def top(self, objective: int, count: int, by: str = "value") -> list[int]:
        """Rows of the examples with the highest responses, the highest first."""
        values: NDArray[np.float32] = getattr(self, by)[objective]
        return [int(row) for row in np.argsort(-values, kind="stable")[:count]]


def chosen_ids(source: Source, count: int) -> list[str] | None:
    """Ids of the `count` examples with the least hashes; None where ids are not known before reading."""
    if source.ids is None:
        return None
    return sorted(source.ids, key=key)[:count]


def read_examples(source: Source, ids: Sequence[str] | None, count: int) -> list[Batch]:
    """These examples, or the first `count` ones."""
    if ids is None:
        batches = list(source.peek(count, BATCH))
    else:
        batches = [source.pick(ids[start : start + BATCH]) for start in range(0, len(ids), BATCH)]
    batches = [batch for batch in batches if batch.ids]
    if not batches:
        raise CensusError(f"data must hold at least one example. Got none from {source.name}.")
    return batches


def respond(
    net: nn.Module, layers: Sequence[Layer], objectives: Sequence[Objective], batches: Sequence[Batch],
    tick: Callable[[int], None] = lambda done: None,
) -> Responses:  # fmt: skip
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
    value, mean, peak, position = (np.concatenate(arrays, axis=1) for arrays in zip(*parts, strict=True))
    return Responses(tuple(id for batch in batches for id in batch.ids), value, mean, peak, position.astype(np.int32))


def activations(
    net: nn.Module, layers: Sequence[Layer], objectives: Sequence[Objective], images: Tensor
) -> NDArray[np.float32]:
    """(objectives, images): what every objective says of every image, given as the net takes them."""
    parts = _as_parameters(net, images).split(BATCH)  # type: ignore[no-untyped-call]
    return np.concatenate([_respond(net, layers, objectives, part, None)[0] for part in parts], axis=1)


def own_activations(
    net: nn.Module, layers: Sequence[Layer], objectives: Sequence[Objective], x: Tensor
) -> NDArray[np.float32]:
    """(images,): what each image's own objective says of it, given as the net takes them."""
    return activations(net, layers, objectives, x).diagonal().copy()


def _as_parameters(net: nn.Module, x: Tensor) -> Tensor:
    """On the device and of the type of the net's parameters."""
    parameter = next(net.parameters(), None)
    return x if parameter is None else x.to(parameter.device, parameter.dtype)


def _respond(
    net: nn.Module, layers: Sequence[Layer], objectives: Sequence[Objective], inputs: object, mask: Tensor | None
) -> list[NDArray[np.float32]]:
    """Value, mean, peak and position of the peak of each objective: each (objectives, examples)."""
    jobs: dict[str, list[tuple[int, int]]] = {}
    for number, objective in enumerate(objectives):
        for index, term in enumerate(objective.terms):
            if not term.couples:
                jobs.setdefault(term.layer, []).append((number, index))
    read_layers = tuple(layer for layer in layers if layer.name in jobs)
    left = set(jobs)
    inputs_of: dict[str, Tensor] = {}
    term_values: list[list[Tensor]] = [[] for _ in objectives]
    units: list[tuple[Tensor, Tensor, Tensor] | None] = [None] * len(objectives)

    def before(layer: Layer, x: Tensor) -> None:
        if any(objectives[number].terms[index].before for number, index in jobs[layer.name]):
            inputs_of[layer.name] = exact(layer.view.apply(x, examples).movedim(layer.unit_axis, 1))

    def after(layer: Layer, x: Tensor) -> None:
        outs = x.movedim(layer.unit_axis, 1)
        outs = outs.float() if outs.dtype in (torch.float16, torch.bfloat16) else outs
        for number, index in jobs[layer.name]:
            objective = objectives[number]
            term, weight = objective.terms[index], objective.weights[index]
            seen = inputs_of[layer.name] if term.before else outs
            weight = weight if not isinstance(weight, tuple) else sum(weight) / len(weight)
            term_values[number].append(weight * _read(term, seen, mask).float())
            if objective.only_term is not None and term.unit is not None:
                mean, peak, position = _unit(seen[:, term.unit].reshape(len(seen), -1).float(), mask)
                units[number] = weight * mean, weight * peak, position
        left.discard(layer.name)
        if not left:
            raise StopForward

    examples = count_examples(inputs)
    name = format_of(inputs)
    if isinstance(inputs, Tensor) and name != "contiguous":
        inputs = inputs.contiguous(memory_format=FORMATS[name])
    with memory_format(net, name), tap(net, read_layers, after, before=before), suppress(StopForward):
        call(net, inputs)  # type: ignore[arg-type]
    value = torch.stack([torch.stack(values).sum(0) for values in term_values])
    none = torch.full_like(value[0], -1)
    mean, peak, position = (
        torch.stack([(v, v, none)[part] if u is None else u[part] for v, u in zip(value, units, strict=True)])
        for part in range(3)
    )
    return [part.cpu().numpy() for part in (value, mean, peak, position)]


def _read(term: Term, seen: Tensor, mask: Tensor | None) -> Tensor:
    """(examples,) what a term says, of the positions that count."""
    if mask is None or mask.shape != (seen.shape[0], *seen.shape[2:]):
        return term.of_example(seen)
    counted = mask.to(seen.device)
    return torch.cat([term.of_example(maps[None, :, inside]) for maps, inside in zip(seen, counted, strict=True)])


def _unit(maps: Tensor, mask: Tensor | None) -> tuple[Tensor, Tensor, Tensor]:
    """Mean, maximum and position of the maximum of a unit's maps (examples, positions)."""
    if mask is None or mask.shape != maps.shape:
        peak, position = maps.max(1)
        return maps.mean(1), peak, position.float() if maps.shape[1] > 1 else torch.full_like(peak, -1)
    counted = mask.to(maps.device)
    peak, position = maps.masked_fill(~counted, -torch.inf).max(1)
    return (maps * counted).sum(1) / counted.sum(1).clamp(min=1), peak, position.float()


def peak_positions(
    net: nn.Module, layers: Sequence[Layer], objectives: Sequence[Objective], images: Tensor
) -> list[int]:
    """For each image, given as the net takes it, where its own objective's unit peaks; -1 without positions."""
    positions = _respond(net, layers, objectives, _as_parameters(net, images), None)[3]
    return [int(position) for position in positions.diagonal()]
