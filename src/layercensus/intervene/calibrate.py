"""One forward and one backward pass over the calibration examples for all layers at once."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from ..count.nets import Net
from ..data.batch import Batch, each
from ..data.keys import key
from ..errors import CensusError, out_of_memory
from ..layers.exchange import Given
from ..layers.layer import Layer
from ..layers.tap import tap
from .answers import Answers
from .effects import Effects
from .moments import WIDE, Moments
from .passes import passed, passes, plain_kernels, plain_tensors, shown

PROBE = 7  # apart from the seeds of views and positions


@dataclass
class Calibration:
    """The moments of each layer in two halves of the calibration examples, and what each unit moves."""

    halves: dict[str, tuple[Moments, Moments]] = field(default_factory=dict)  # by layer
    effects: dict[str, Effects] = field(default_factory=dict)

    def whole(self, layer: str) -> Moments:
        """Over all calibration examples."""
        one, other = self.halves[layer]
        return one.plus(other)


def calibrate(net: Net, layers: Sequence[Layer], batches: Sequence[Batch], answers: Answers) -> Calibration:
    """The moments of these layers. Memory: activations of one batch, and two matrices of units by units a layer.

    A net that does not run where gradients are kept is read without them.
    """
    with plain_kernels(net), plain_tensors(net.net):
        try:
            return _calibrated(net, layers, batches, answers, gradients=True)
        except CensusError as error:
            if error.__cause__ is None or out_of_memory(error.__cause__):
                raise
    return _calibrated(net, layers, batches, answers, gradients=False)


def _calibrated(
    net: Net, layers: Sequence[Layer], batches: Sequence[Batch], answers: Answers, *, gradients: bool
) -> Calibration:
    found = Calibration(
        {layer.name: (Moments(), Moments()) for layer in layers}, {layer.name: Effects() for layer in layers}
    )
    reader = _Reader(found, sum(len(batch.ids) for batch in batches))
    with tap(net.net, layers, exchange=reader.take, gradients=gradients):
        for batch in passes(net, batches, answers.seed):
            _pass(net, batch, answers, reader)
    return found


def _pass(net: Net, batch: Batch, answers: Answers, reader: _Reader) -> None:
    inputs = each(batch.for_net(net.net), _watched if torch.is_grad_enabled() else Tensor.detach)
    reader.start(batch)
    y = answers.of(passed(net, batch, inputs), len(batch.ids), batch.mask)
    leaves = [x for x in reader.leaves if x.requires_grad]
    if not y.requires_grad or not leaves:
        return
    probe = torch.from_numpy(np.stack([_probe(answers.seed, id, y.shape[1]) for id in batch.ids]))
    try:
        with warnings.catch_warnings():  # quantised functions take part in a backward pass and have no derivative
            warnings.filterwarnings("ignore", ".*autograd kernel was not registered", UserWarning)
            torch.autograd.grad((y * probe.to(y)).sum(), leaves, allow_unused=True)
    except RuntimeError as error:  # a function without a derivative: no layer before it gets a gradient
        if out_of_memory(error):
            raise


def _watched(x: Tensor) -> Tensor:
    """An input that gradients reach, as no leaf, so that the net may write into it."""
    own = x.clone() if x.is_inference() else x.detach()
    return own.requires_grad_().clone() if own.is_floating_point() else own


def _probe(seed: int, id: str, numbers: int) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """One random direction of an example's answer, whatever batch it comes in and however far it is padded."""
    return np.random.default_rng([seed, PROBE, key(id) & (2**64 - 1)]).standard_normal(numbers)


class _Reader:
    """Takes in each layer's output as it comes, and its gradient on the way back."""

    def __init__(self, found: Calibration, examples: int) -> None:
        self._found, self._positions = found, max(1, WIDE // max(1, examples))
        self.leaves: list[Tensor] = []
        self._mask: Tensor | None = None
        self._rows: list[Tensor] = []  # of the examples of each half in this pass, on the processor
        self._here: dict[torch.device, list[Tensor]] = {}  # the same on a layer's device

    def start(self, batch: Batch) -> None:
        """A pass of these examples begins."""
        self.leaves, self._mask = [], shown(batch)
        first = torch.tensor([bool(key(id) & 2) for id in batch.ids])
        self._rows, self._here = [half.nonzero().flatten() for half in (first, ~first)], {}

    def take(self, given: Given) -> Tensor | None:
        """A layer has given this."""
        x, replaced = given.raw, None
        if not x.requires_grad and torch.is_grad_enabled():
            leaf = x.detach().requires_grad_()
            x = replaced = leaf.clone()
            self.leaves.append(leaf)
        else:
            self.leaves.append(x)
        with torch.no_grad():
            rows = given.rows(x.detach())
            places = self._places(rows)
            weight = self._weight(rows)[:, places]
            weight = weight / weight.sum(1, keepdim=True).clamp(min=1e-9)
            for half, moments in self._halves(given.layer, rows.device):
                moments.add(rows[half][:, places], weight[half])
        if x.requires_grad:
            moved = self._found.effects[given.layer.name].watch(rows)
            x.register_hook(lambda gradient: self._back(given, gradient, places, moved))  # type: ignore[no-untyped-call]
        return replaced

    def _back(
        self, given: Given, gradient: Tensor | None, places: Tensor | slice, moved: Callable[[Tensor], None]
    ) -> None:
        if gradient is None:  # a function that takes part in the backward pass and has no derivative
            return
        with torch.no_grad():
            rows = given.rows(gradient.detach())
            moved(rows)
            for half, moments in self._halves(given.layer, rows.device):
                moments.add_gradient(rows[half][:, places])

    def _halves(self, layer: Layer, device: torch.device) -> list[tuple[Tensor, Moments]]:
        """The rows of each half that has some in this pass, and the moments that they go to."""
        if device not in self._here:  # brought there once a pass
            self._here[device] = [rows.to(device) for rows in self._rows]
        both = zip(self._here[device], self._found.halves[layer.name], strict=True)
        return [(rows, moments) for rows, moments in both if len(rows)]

    def _weight(self, rows: Tensor) -> Tensor:
        """(examples, positions): 1 at those that the net looks at."""
        if self._mask is not None and self._mask.shape == rows.shape[:2]:
            return self._mask.to(rows.device, torch.float32)
        return torch.ones(rows.shape[:2], device=rows.device)

    def _places(self, rows: Tensor) -> Tensor | slice:
        """Which positions are kept of a wide layer: evenly spread ones; all of any other."""
        positions = rows.shape[1]
        if rows.shape[2] <= WIDE or positions <= self._positions:
            return slice(None)
        return (torch.arange(self._positions, device=rows.device) * positions) // self._positions
