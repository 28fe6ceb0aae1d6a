"""Random numbers of which each image has its own: a unit's image does not depend on what is made beside it."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256

import torch
from torch import Tensor

from .objective import Objective


class Rng:
    """One generator of random numbers for each image. Everything it gives is (images, ...)."""

    def __init__(self, seeds: Sequence[int]) -> None:
        self._generators = [torch.Generator().manual_seed(seed) for seed in seeds]

    def normal(self, *shape: int) -> Tensor:
        """Standard normal."""
        return torch.stack([torch.randn(shape, generator=g) for g in self._generators])

    def uniform(self, *shape: int) -> Tensor:
        """From 0 to 1."""
        return torch.stack([torch.rand(shape, generator=g) for g in self._generators])

    def integers(self, low: int, high: int) -> Tensor:
        """(images,) integers from low to high, both included."""
        return torch.stack([torch.randint(low, high + 1, (), generator=g) for g in self._generators])

    def __len__(self) -> int:
        return len(self._generators)


def rng_for(objectives: Sequence[Objective], seed: int, purpose: str) -> Rng:
    """One for every face of every objective: from the seed, the objective's name and the number of the face."""
    named = [(objective.name, face) for objective in objectives for face in range(objective.faces)]
    return Rng([_seed(f"{seed}|{purpose}|{name}|{face}") for name, face in named])


def _seed(text: str) -> int:
    return int.from_bytes(sha256(text.encode("utf-8", "backslashreplace")).digest()[:7], "big")
