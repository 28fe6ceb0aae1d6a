"""What a net answers: one row of numbers for each example, whatever form its output has."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

import torch
from torch import Tensor

from ..errors import CensusError, first_line, some_of
from ..layers.outputs import first_tensor, tensors

MOST = 512  # numbers of an answer that are compared; of more, so many random combinations
CHUNK = 65_536  # coordinates whose signs are drawn together
Choice = str | int | Callable[[Any], Any] | None


@dataclass(frozen=True)
class Answers:
    """How an answer is read from a net's output.

    output: None for the first floating-point tensor, a key or index for a part of it, or a function of it, whose result
    is taken as it is. centred: whether scores of classes are compared after their mean over the classes is taken off,
    as a softmax does.
    """

    output: Choice = None
    centred: bool = False
    seed: int = 0

    def of(self, output: Any, examples: int, mask: Tensor | None) -> Tensor:
        """(examples, numbers) float32 or better, with gradients; positions that the mask leaves out are 0.

        Raises:
            CensusError: the output has no such part, or no row for each example.
        """
        y = self._part(output)
        if not isinstance(y, Tensor) or not y.is_floating_point():
            raise CensusError(f"output must choose a floating-point tensor of the net's output. Got {_says(y)}.")
        y = y.to(torch.promote_types(y.dtype, torch.float32))
        if examples == 1 and (not y.ndim or y.shape[0] != 1):
            y = y.unsqueeze(0)
        if not y.ndim or y.shape[0] != examples:
            raise CensusError(
                f"output must choose a tensor with a row for each of {examples} examples. Got {_says(y)}."
            )
        if mask is not None and y.ndim > 2 and y.shape[:2] == mask.shape:
            y = y * mask.to(y.device).reshape(*mask.shape, *(1,) * (y.ndim - 2))
        if self.centred and y.ndim == 2 and y.shape[1] > 1:
            y = y - y.mean(1, keepdim=True)
        return y.flatten(1) if y.ndim > 1 else y.unsqueeze(1)

    def compared(self, y: Tensor) -> Tensor:
        """(examples, at most MOST) float64: the answers, or random combinations that keep distances on average.

        The combinations of an answer do not depend on how far it was padded.
        """
        if y.shape[1] <= MOST:
            return y.double() if y.device.type != "mps" else y
        out = y.new_zeros(len(y), MOST)
        for start in range(0, y.shape[1], CHUNK):
            part = y[:, start : start + CHUNK]
            bins, signs = (t.to(y.device)[: part.shape[1]] for t in _drawn(self.seed, start))
            out.index_add_(1, bins, part * signs)
        return out.double() if y.device.type != "mps" else out

    def _part(self, output: Any) -> Any:
        if self.output is None:
            return first_tensor(output)
        if callable(self.output):
            return _result(self.output, output)
        try:
            if isinstance(output, Tensor):
                raise TypeError
            return getattr(output, self.output) if _named(output, self.output) else output[self.output]  # type: ignore[arg-type]
        except (KeyError, IndexError, TypeError, AttributeError) as error:
            raise CensusError(
                f"output must name a part of the net's output, {_parts(output)}. Got {self.output!r}."
            ) from error


def named(output: Choice) -> str:
    """The user's choice of an answer in words, and of a function also which one it is."""
    if output is None:
        return "the first floating-point tensor"
    if not callable(output):
        return repr(output)
    code = getattr(output, "__code__", None)
    written = "" if code is None else sha256(code.co_code + repr(code.co_consts).encode()).hexdigest()[:8]
    return f"{getattr(output, '__name__', type(output).__name__)} {written}".strip()


def _result(function: Callable[[Any], Any], output: Any) -> Any:
    try:
        return function(output)
    except Exception as error:
        raise CensusError(
            f"output must be a function that takes the net's output, {_parts(output)}. Got {first_line(error)}."
        ) from error


def _parts(output: Any) -> str:
    """What the net's output has, in words."""
    if isinstance(output, Tensor):
        return f"which is one tensor, {_says(output)}"
    found = [f"{path} ({_says(tensor)})" for path, tensor in tensors(output)]
    return f"which has {some_of(found, most=8)}" if found else f"which is of type {type(output).__name__}"


def _named(output: Any, name: str | int) -> bool:
    return isinstance(name, str) and hasattr(output, name)


def _drawn(seed: int, start: int) -> tuple[Tensor, Tensor]:
    """To which of the combinations each coordinate of a chunk goes, and with which sign."""
    rng = torch.Generator().manual_seed((seed * 1_000_003 + start) % 2**63)
    bins = torch.randint(MOST, (CHUNK,), generator=rng)
    return bins, torch.randint(2, (CHUNK,), generator=rng) * 2.0 - 1


def _says(y: Any) -> str:
    return f"{str(y.dtype).removeprefix('torch.')} {tuple(y.shape)}" if isinstance(y, Tensor) else type(y).__name__
