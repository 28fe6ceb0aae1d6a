"""What objectives say about the given examples: the distribution that every optimised image is held against."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ..data.batch import Batch, tensors
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
Inside = Callable[[str, tuple[int, ...]], NDArray[np.bool_] | None]  # of a layer's name and the image's side


@dataclass(frozen=True)
class Responses:
    """Responses to examples; every array is (objectives, examples).

    value: of the objective itself. mean, peak: of its unit over the map, where it is about a single unit, else as
    value. position: of the peak in row-major order, -1 without one. inner, inner_position: of the peak among positions
    that see the image alone (`inside`), where there are any.
    """

    ids: tuple[str, ...]
    value: NDArray[np.float32]
    mean: NDArray[np.float32]
    peak: NDArray[np.float32]
    position: NDArray[np.int32]
    inner: NDArray[np.float32]
    inner_position: NDArray[np.int32]

    def select(self, rows: Sequence[int]) -> Responses:
        """Some objectives alone, or several times."""
        index = np.array(rows, dtype=np.int64)
        return Responses(
            self.ids, self.value[index], self.mean[index], self.peak[index], self.position[index], self.inner[index],
            self.inner_position[index],
        )  # fmt: skip

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
    tick: Callable[[int], None] = lambda done: None, inside: Inside | None = None,
) -> Responses:  # fmt: skip
    """One forward pass over the examples, as far as the last layer that is read.

    inside: which positions of a layer's map count for `inner`; None for all.
    """
    parts = []
    read = {term.layer for objective in objectives for term in objective.terms} if inside is not None else set()
    for batch in batches:
        inputs = batch.for_net(net)
        inner = {} if inside is None else {name: inside(name, tuple(tensors(inputs)[0].shape[2:])) for name in read}
        parts.append(_respond(net, layers, objectives, inputs, batch.mask, inner))
        bad = ~np.isfinite(parts[-1][0]).all(0)
        if bad.any():
            raise CensusError(
                f"Activations must be finite. Got NaN or inf for example {batch.ids[int(bad.argmax())]!r}."
            )
        tick(len(batch.ids))
    value, mean, peak, position, high, at = (np.concatenate(arrays, axis=1) for arrays in zip(*parts, strict=True))
    ids = tuple(id for batch in batches for id in batch.ids)
    return Responses(ids, value, mean, peak, position.astype(np.int32), high, at.astype(np.int32))


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
    net: nn.Module, layers: Sequence[Layer], objectives: Sequence[Objective], inputs: object, mask: Tensor | None,
    inner: Mapping[str, NDArray[np.bool_] | None] = MappingProxyType({}),
) -> list[NDArray[np.float32]]:  # fmt: skip
    """Value, mean, peak and its position, inner peak and its position: each (objectives, examples)."""
    reading = _Reading(objectives, count_examples(inputs), mask, inner)
    read_layers = tuple(layer for layer in layers if layer.name in reading.jobs)
    name = format_of(inputs)
    if isinstance(inputs, Tensor) and name != "contiguous":
        inputs = inputs.contiguous(memory_format=FORMATS[name])
    with (
        memory_format(net, name), tap(net, read_layers, reading.after, before=reading.before), suppress(StopForward)
    ):  # fmt: skip
        call(net, inputs)  # type: ignore[arg-type]
    return reading.result()


class _Reading:
    """What objectives say of one batch, read of the layers as they come; the last of them stops the forward pass."""

    def __init__(
        self, objectives: Sequence[Objective], examples: int, mask: Tensor | None,
        inner: Mapping[str, NDArray[np.bool_] | None],
    ) -> None:  # fmt: skip
        self._objectives, self._examples, self._mask, self._inner = objectives, examples, mask, inner
        self.jobs: dict[str, list[tuple[int, int]]] = {}  # by layer: numbers of objectives and of their terms
        for number, objective in enumerate(objectives):
            for index, term in enumerate(objective.terms):
                if not term.couples:
                    self.jobs.setdefault(term.layer, []).append((number, index))
        self._left = set(self.jobs)
        self._inputs: dict[str, Tensor] = {}
        self._values: list[list[Tensor]] = [[] for _ in objectives]
        self._units: list[tuple[Tensor, ...] | None] = [None] * len(objectives)

    def before(self, layer: Layer, x: Tensor) -> None:
        """What goes into a layer."""
        if any(self._objectives[number].terms[index].before for number, index in self.jobs[layer.name]):
            self._inputs[layer.name] = exact(layer.view.apply(x, self._examples).movedim(layer.unit_axis, 1))

    def after(self, layer: Layer, x: Tensor) -> None:
        """What comes out of a layer."""
        outs = x.movedim(layer.unit_axis, 1)
        outs = outs.float() if outs.dtype in (torch.float16, torch.bfloat16) else outs
        for number, index in self.jobs[layer.name]:
            term = self._objectives[number].terms[index]
            self._read_term(number, index, self._inputs[layer.name] if term.before else outs)
        self._left.discard(layer.name)
        if not self._left:
            raise StopForward

    def _read_term(self, number: int, index: int, maps: Tensor) -> None:
        objective = self._objectives[number]
        term, weight = objective.terms[index], objective.weights[index]
        weight = weight if not isinstance(weight, tuple) else sum(weight) / len(weight)
        self._values[number].append(weight * _read(term, maps, self._mask).float())
        if objective.only_term is not None and term.unit is not None:
            own = maps[:, term.unit].reshape(len(maps), -1).float()
            mean, peak, position = _unit(own, self._mask)
            high, at = self._inner_peak(term.layer, own, peak, position)
            self._units[number] = weight * mean, weight * peak, position, weight * high, at

    def _inner_peak(self, layer: str, own: Tensor, peak: Tensor, position: Tensor) -> tuple[Tensor, Tensor]:
        """Of positions that see the image alone; of all where it is not known which do."""
        places = self._inner.get(layer)
        if places is None or len(places) != own.shape[1] or self._mask is not None:
            return peak, position
        return _unit(own, torch.from_numpy(places).expand(own.shape))[1:]

    def result(self) -> list[NDArray[np.float32]]:
        """As `_respond` gives them; the peaks and the mean are the value where an objective is not about one unit."""
        value = torch.stack([torch.stack(values).sum(0) for values in self._values])
        none = torch.full_like(value[0], -1)
        units = [(v, v, none, v, none) if unit is None else unit for v, unit in zip(value, self._units, strict=True)]
        parts = [value, *(torch.stack(part) for part in zip(*units, strict=True))]
        return [part.cpu().numpy() for part in parts]


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
