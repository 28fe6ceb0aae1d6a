"""Runs a net on images as far as it must, and adds up what objectives read of its layers."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace

import torch
from torch import Tensor, nn

from ..errors import CensusError
from ..layers.layer import Layer
from ..layers.net import call
from ..layers.select import select
from ..layers.tap import tap
from .objective import Objective
from .terms import LAST, Term

Values = Callable[..., Tensor]  # (images, coupling=1.0) -> (images,)
_RECTIFIED = ("ReLU", "ReLU6", "relu", "relu6")


class StopForward(Exception):  # noqa: N818 - ends a forward pass; nothing went wrong
    """Every layer that is read has been reached."""


def resolved(objectives: Sequence[Objective], net: nn.Module, layers: Sequence[Layer]) -> tuple[Objective, ...]:
    """The objectives with the layers' full names, when the net has them and their units.

    Raises:
        CensusError: no such layer, several, or no such unit.
    """
    by_name: dict[str, Layer] = {}

    def resolve(term: Term) -> Term:
        if term.layer not in by_name:
            by_name[term.layer] = _layer(term.layer, net, layers)
        layer = by_name[term.layer]
        if term.unit is not None and not 0 <= term.unit < layer.width:
            raise CensusError(f"Layer {layer.name!r} has units 0 to {layer.width - 1}. Got unit {term.unit}.")
        return replace(term, layer=layer.name)

    return tuple(replace(o, terms=tuple(resolve(term) for term in o.terms)) for o in objectives)


def _layer(name: str, net: nn.Module, layers: Sequence[Layer]) -> Layer:
    if name == LAST:
        last = [x for x in layers if x.role == "output" and x.problem is None] or [x for x in layers if not x.problem]
        if not last:
            raise CensusError("The net must have a last layer that can be read. Got none.")
        return last[-1]
    matching = select(net, layers, name)
    if len(matching) > 1:
        raise CensusError(f"An objective must name one layer. Got {name!r}, which matches {len(matching)}.")
    return matching[0]


@contextmanager
def objective_values(
    net: nn.Module, layers: Sequence[Layer], objectives: Sequence[Objective], *, redirect: bool = True
) -> Iterator[Values]:
    """While open: a function from images to what each one's objective says, with gradients of the images.

    The images of an objective lie side by side, in the order of `objectives`: (sum of faces, ...) -> (sum of faces,).
    coupling: what terms that fade are multiplied by. A forward pass ends behind the last layer
    that is read. redirect: where a unit behind a ReLU is silent, and so
    gives no gradient, it is read before the ReLU.
    """
    reader = _Reader(layers, objectives, redirect)
    with tap(net, reader.layers, reader.after, before=reader.before, gradients=True):

        def values(images: Tensor, coupling: float = 1.0) -> Tensor:
            reader.begin(len(images), coupling)
            with suppress(StopForward):
                call(net, images)
            return reader.total()

        yield values


class _Reader:
    """Reads layers as they come."""

    def __init__(self, layers: Sequence[Layer], objectives: Sequence[Objective], redirect: bool) -> None:
        self._redirect = redirect
        self._jobs: dict[str, list[tuple[slice, Term, float | tuple[float, ...]]]] = {}
        first = 0
        for objective in objectives:
            rows = slice(first, first + objective.faces)
            first += objective.faces
            for term, weight in zip(objective.terms, objective.weights, strict=True):
                self._jobs.setdefault(term.layer, []).append((rows, term, weight))
        self.layers = tuple(layer for layer in layers if layer.name in self._jobs)
        self._images, self._parts = first, list[tuple[slice, Tensor]]()
        self._inputs: dict[str, Tensor] = {}
        self._left: set[str] = set()
        self._coupling = 1.0

    def begin(self, images: int, coupling: float) -> None:
        """A forward pass begins."""
        self._coupling = coupling
        if images != self._images:
            raise ValueError(f"{self._images} images must be given. Got {images}.")
        self._parts, self._inputs, self._left = [], {}, set(self._jobs)

    def before(self, layer: Layer, x: Tensor) -> None:
        """What goes into a layer; kept as a copy, since the layer may overwrite it."""
        asked = any(term.before for _, term, _ in self._jobs[layer.name])
        if (asked or self._redirects(layer)) and x.ndim and x.shape[0] % self._images == 0:
            seen = layer.view.apply(x, self._images)
            if seen.ndim == len(layer.shape) + 1 and seen.shape[layer.unit_axis] == layer.width:
                self._inputs[layer.name] = exact(seen.movedim(layer.unit_axis, 1))

    def after(self, layer: Layer, x: Tensor) -> None:
        """What comes out of a layer."""
        x = exact(x.movedim(layer.unit_axis, 1))
        inputs = self._inputs.get(layer.name)
        outs, ins = x.unbind(0), inputs.unbind(0) if inputs is not None else None
        for rows, term, weight in self._jobs[layer.name]:
            if term.before and ins is None:
                raise CensusError(f"Layer {layer.name!r} has no input of its own form; name the layer before it.")
            seen = _group(ins if term.before and ins is not None else outs, rows)
            read = term.read(seen)
            weights = torch.as_tensor(weight, dtype=read.dtype, device=read.device)
            if ins is not None and not term.before and self._redirects(layer):
                read = _redirected(read, term, _group(ins, rows), weights > 0)
            self._parts.append((rows, read * weights * (self._coupling if term.fades else 1.0)))
        self._left.discard(layer.name)
        if not self._left:
            raise StopForward

    def _redirects(self, layer: Layer) -> bool:
        return self._redirect and layer.kind in _RECTIFIED

    def total(self) -> Tensor:
        """What was read, added up for each image."""
        out = self._parts[0][1].new_zeros(self._images)
        for rows, part in self._parts:
            rest = self._images - rows.stop
            out = out + torch.nn.functional.pad(part.expand(rows.stop - rows.start), (rows.start, rest))
        return out


def _group(maps: Sequence[Tensor], rows: slice) -> Tensor:
    """The maps of one group of images, (faces, units, *map); those of a single image without a copy."""
    group = maps[rows]
    return group[0].unsqueeze(0) if len(group) == 1 else torch.stack(tuple(group))


def exact(x: Tensor) -> Tensor:
    """A copy, since the next module may overwrite it; in single precision at least, which sums need."""
    return x.float() if x.dtype in (torch.float16, torch.bfloat16) else x.clone()


def _redirected(read: Tensor, term: Term, before: Tensor, raised: Tensor) -> Tensor:
    """The reading, or where that is nothing at all and should be more, the same of what goes in."""
    if term.unit is None or term.couples:
        return read
    silent = (read == 0) & raised
    return torch.where(silent, term.read(before), read) if bool(silent.any()) else read
