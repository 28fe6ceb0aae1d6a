"""The receptive field: what part of a picture or signal each position of a layer's map can see."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Line:
    """One axis of a map: position i sees the `size` inputs from start + i x stride on, along one axis of the input."""

    of: int  # which axis of the input, 0 = the first behind the channels
    stride: float = 1.0
    start: float = 0.0
    size: float = 1.0

    def slid(self, steps: float, before: float, span: float) -> Line:
        """Behind a window that moves by `steps`, begins `before` positions earlier and spans `span` further ones."""
        start, size = self.start - before * self.stride, self.size + span * abs(self.stride)
        return Line(self.of, self.stride * steps, start - (span * abs(self.stride) if self.stride < 0 else 0), size)


@dataclass(frozen=True)
class Field:
    """The receptive field of every position of one layer's map.

    shape: of the map without its unit axis; positions are numbered in its row-major order. lines: for each axis of the
    input the axis of the map that runs along it, and how; None where every position sees all of it. beyond: every
    position also sees the rest of the input through a gate or a normalisation over the map.
    """

    shape: tuple[int, ...]
    lines: tuple[tuple[int, Line] | None, ...]
    beyond: bool = False

    def window(self, position: int, size: Sequence[int]) -> tuple[tuple[int, int], ...]:
        """What a position sees: for each axis of an input of this size the first index, and the one behind the last.

        It may reach over the edges of the input, into what convolutions pad. position: in the row-major order of
        `shape`; -1 for a map without positions, which sees everything.

        >>> Field((6,), ((0, Line(0, stride=2, size=5)),)).window(3, [16])
        ((6, 11),)
        """
        if position < 0 or not self.shape or position >= math.prod(self.shape):
            return tuple((0, n) for n in size)
        at = [position // math.prod(self.shape[axis + 1 :]) % n for axis, n in enumerate(self.shape)]
        lines = self.lines or (None,) * len(size)
        return tuple(_covered(along, at, n) for along, n in zip(lines, size, strict=True))

    def inside(self, position: int, size: Sequence[int]) -> float:
        """Which fraction of what a position sees lies in an input of this size, and not in what convolutions pad.

        >>> Field((3, 3), ((0, Line(0, stride=8, start=-8, size=16)), (1, Line(1, 8, -8, 16)))).inside(0, [16, 16])
        0.25
        """
        window = self.window(position, size)
        parts = [
            max(0, min(high, n) - max(low, 0)) / max(high - low, 1) for (low, high), n in zip(window, size, strict=True)
        ]
        return math.prod(parts)

    def as_json(self) -> dict[str, Any]:
        """Everything as JSON."""
        lines = [
            None if along is None else [along[0], along[1].stride, along[1].start, along[1].size]
            for along in self.lines
        ]
        return {"shape": list(self.shape), "lines": lines, "beyond": self.beyond}

    @classmethod
    def from_json(cls, saved: dict[str, Any]) -> Field:
        """The field that `as_json` gave."""
        lines = tuple(
            None if along is None else (int(along[0]), Line(of, *map(float, along[1:])))
            for of, along in enumerate(saved["lines"])
        )
        return cls(tuple(saved["shape"]), lines, bool(saved["beyond"]))


def _covered(along: tuple[int, Line] | None, at: Sequence[int], n: int) -> tuple[int, int]:
    if along is None:
        return 0, n
    axis, line = along
    first = line.start + at[axis] * line.stride
    low, high = math.floor(first + 1e-6), math.ceil(first + line.size - 1e-6)
    return (0, n) if low <= 0 and high >= n else (low, high)
