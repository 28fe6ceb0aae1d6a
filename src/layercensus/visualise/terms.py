"""One number read of one layer: where of its map, and of which unit."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from torch import Tensor

from ..errors import CensusError

Read = Callable[[Tensor], Tensor]  # (faces, units, *map) -> (faces,)
LAST = ""  # stands for the net's last layer


@dataclass(frozen=True)
class Term:
    """One number read of one layer for each image.

    of_example: how the same is read of an example, where the pattern may lie anywhere. couples: the number depends on
    the other images of its group, and says nothing about one alone; fades: it counts only until images have formed.
    unit: the highest unit that is read, to be checked; single: no other is read. local: it is read at one position,
    not of a whole map.
    """

    layer: str  # dotted name, or LAST
    name: str
    read: Read
    of_example: Read
    before: bool = False  # read of what goes into the layer
    couples: bool = False
    fades: bool = False
    local: bool = False
    unit: int | None = None
    single: bool = False

    def of(self, unit: int) -> Term:
        """The same of another unit; of terms that read a single one."""
        assert isinstance(self.read, Reader)
        assert isinstance(self.of_example, Reader)
        return replace(self, unit=unit, read=self.read.of(unit), of_example=self.of_example.of(unit))


@dataclass(frozen=True)
class Reader:
    """What a single unit says: (faces, units, *map) -> (faces,)."""

    unit: int

    def __call__(self, x: Tensor) -> Tensor:
        raise NotImplementedError

    def of(self, unit: int) -> Reader:
        """The same of another unit."""
        return replace(self, unit=unit)


class Mean(Reader):
    """The mean of one unit over its map."""

    def __call__(self, x: Tensor) -> Tensor:
        return _map(x, self.unit).mean(1)


class Peak(Reader):
    """One unit where it is highest."""

    def __call__(self, x: Tensor) -> Tensor:
        return _map(x, self.unit).amax(1)


class MiddlePeak(Reader):
    """One unit where it is highest in the middle third of its map."""

    def __call__(self, x: Tensor) -> Tensor:
        middle = x[:, self.unit]
        for axis, size in enumerate(x.shape[2:], 1):
            third = max(1, round(size / 3))
            middle = middle.narrow(axis, (size - third) // 2, third)
        return middle.reshape(len(middle), -1).amax(1)


@dataclass(frozen=True)
class AtPosition(Reader):
    """One unit at one position of its map."""

    position: tuple[int, ...]

    def __call__(self, x: Tensor) -> Tensor:
        shape = x.shape[2:]
        inside = len(self.position) == len(shape) and all(
            -size <= index < size for index, size in zip(self.position, shape, strict=False)
        )
        if not inside:
            raise CensusError(f"position must lie in a map of {' x '.join(map(str, shape))}. Got {self.position}.")
        value = x[:, self.unit]
        for index in self.position:
            value = value.select(1, index)
        return value


def _map(x: Tensor, unit: int) -> Tensor:
    """One unit at all its positions: (faces, positions)."""
    return x[:, unit].reshape(len(x), -1)
