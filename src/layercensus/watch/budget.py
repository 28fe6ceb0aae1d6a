"""What a watch may cost: a share of the training time, kept by leaving readings out."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

SHARES = {"activity": 0.25, "units": 0.35, "needed": 0.4}  # of the budget; what one leaves, no other takes
DEARER = {"activity": 1.0, "units": 6.0, "needed": 30.0}  # than activity: a guess until it was done once


@dataclass
class Budget:
    """Knows what each part of a reading cost, and whether the next is affordable.

    share: seconds of watching for each second of training; None: as many as it takes. The training's time is what
    passes while nothing is read.
    """

    share: float | None
    clock: Callable[[], float]  # seconds
    spent: dict[str, float] = field(default_factory=lambda: dict.fromkeys(SHARES, 0.0))
    cost: dict[str, float] = field(default_factory=dict)  # of the last of each part
    first: float = 0.0  # seconds that the first reading is expected to take
    started: float = field(init=False)

    def __post_init__(self) -> None:
        self.started = self.clock()

    @property
    def total(self) -> float:
        """Seconds of watching."""
        return sum(self.spent.values())

    @property
    def trained(self) -> float:
        """Seconds of training."""
        return max(0.0, self.clock() - self.started - self.total)

    def affords(self, part: str) -> bool:
        """Whether one more such part stays within its purse."""
        if self.share is None:
            return True
        return self.spent[part] + self._expected(part) <= SHARES[part] * self.share * self.trained

    def affords_start(self) -> bool:
        """Whether all purses together hold what was spent until now, and a first reading."""
        return self.share is None or self.total + self.first <= self.share * self.trained

    def expect(self, rehearse: Callable[[], float]) -> None:
        """Time what does a part of a first reading and returns how large a part it is; of two times the shorter."""
        times = []
        for _ in range(2):
            start = self.clock()
            part = rehearse()
            times.append((self.clock() - start) / part)
        self.first = min(times)

    @property
    def over(self) -> bool:
        """Whether watching took more than its share."""
        return self.share is not None and self.total > self.share * self.trained

    @contextmanager
    def fixed(self) -> Iterator[None]:
        """What passes in the block falls on all purses in proportion, whichever part it was for."""
        try:
            with self.whole():
                yield
        finally:
            total = self.total
            self.spent = {name: share * total for name, share in SHARES.items()}

    @contextmanager
    def paying(self, part: str) -> Iterator[None]:
        """What passes in the block is paid for by this purse, and is what this part is expected to cost next."""
        start = self.clock()
        try:
            yield
        finally:
            seconds = self.clock() - start
            self.spent[part] += seconds
            self.cost[part] = seconds

    @contextmanager
    def whole(self) -> Iterator[None]:
        """What passes in the block beside its parts is paid for as well, by the purse of activity."""
        start, paid = self.clock(), self.total
        try:
            yield
        finally:
            self.spent["activity"] += max(0.0, self.clock() - start - (self.total - paid))

    def _expected(self, part: str) -> float:
        return self.cost.get(part, DEARER[part] * self.cost.get("activity", 0.0))
