"""The panel's examples, read once more: one half calibrates, the other is held out."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..count.calibration import CALIBRATION
from ..count.fitting import Fitting
from ..data.batch import Batch
from ..data.keys import key
from ..data.replay import portions
from ..data.source import Source
from ..errors import OutOfMemoryError
from ..tally.groups import halves

Keys = NDArray[np.int64]
T = TypeVar("T")
BATCH = 32  # examples whose activations are held for a backward pass
LEAST = 4  # examples on each side, below which nothing is tried


@dataclass(frozen=True)
class Examples:
    """Batches of the examples that choose directions, and of those that judge them."""

    calibration: Sequence[Batch]
    held_out: Sequence[Batch]

    @property
    def largest(self) -> int:
        """Examples of the largest batch."""
        return max((len(batch.ids) for batch in (*self.calibration, *self.held_out)), default=0)

    def in_batches(self, size: int) -> Examples:
        """The same in batches of at most `size`."""
        both = self.calibration, self.held_out
        sides = ([part for batch in side for part in portions(batch, size, None)] for side in both)
        return Examples(*sides)

    @property
    def enough(self) -> bool:
        """Whether both sides hold some."""
        return min(self.calibrating, self.judging) >= LEAST

    @property
    def calibrating(self) -> int:
        """How many choose directions."""
        return sum(len(batch.ids) for batch in self.calibration)

    @property
    def judging(self) -> int:
        """How many are held out."""
        return sum(len(batch.ids) for batch in self.held_out)


def that_fit(examples: Examples, ask: Callable[[Examples], T], *, said: bool) -> T:
    """What `ask` makes of the examples, in batches of half the size each time that memory does not suffice.

    Raises:
        OutOfMemoryError: it does not suffice for single examples.
    """
    fitting = Fitting(examples.largest, said=said)
    while True:
        try:
            return ask(examples.in_batches(fitting.size))
        except OutOfMemoryError:
            if fitting.size <= 1:
                raise
        fitting.halve(fitting.size)


def read_examples(
    source: Source, panel: Keys, group: Tensor | None = None, *, calibration: int, held_out: int, batch: int
) -> Examples:
    """The first examples of each half of the panel, by their keys; examples of one source are in the same half.

    panel: ascending keys. group: (panel,) int64, equal where examples share a source; None: each stands for itself. Of
    data that can be read only once those that are kept are halved instead.
    """
    size = min(batch, BATCH)
    if source.reusable:
        sides = _halves(panel, group, calibration, held_out)
        read = list(_picked(source, np.concatenate(sides), size))
    else:
        read = list(source.peek(CALIBRATION, size))
        sides = _halves(*_known(read), calibration, held_out)
    return Examples(*([part for part in (_of(batch, side) for batch in read) if part.ids] for side in sides))


def groups_of(source: Source, panel: Keys, batch: int) -> Tensor:
    """(panel,) int64: the group of each of these examples, its own key where it has none. Reads all of them."""
    found = {
        number: group
        for part in _picked(source, panel, batch)
        for numbers in [torch.tensor([key(id) for id in part.ids])]
        for number, group in zip(numbers.tolist(), part.sources(numbers).tolist(), strict=True)
    }
    return torch.tensor([found.get(number, number) for number in panel.tolist()])


def _halves(panel: Keys, group: Tensor | None, calibration: int, held_out: int) -> tuple[Keys, Keys]:
    side = halves(torch.from_numpy(panel) if group is None else group).numpy()
    return panel[side == 0][:calibration], panel[side == 1][:held_out]


def _known(read: Sequence[Batch]) -> tuple[Keys, Tensor]:
    """Keys of what was read, ascending, and the groups of these examples."""
    keys = torch.tensor([key(id) for part in read for id in part.ids])
    group = torch.cat([part.sources(torch.tensor([key(id) for id in part.ids])) for part in read])
    order = keys.argsort()
    return keys[order].numpy(), group[order]


def _picked(source: Source, keys: Keys, size: int) -> Iterator[Batch]:
    wanted = set(keys.tolist())
    yield from source.batches(size, skip=lambda id: key(id) not in wanted)


def _of(batch: Batch, keys: Keys) -> Batch:
    """Those of the batch's examples that are among these."""
    wanted = set(keys.tolist())
    rows = [row for row, id in enumerate(batch.ids) if key(id) in wanted]
    return batch.take(torch.tensor(rows, dtype=torch.int64))
