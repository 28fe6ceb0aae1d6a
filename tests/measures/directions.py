"""Layers of nets whose shared and learned directions are planted, and nets that were never trained."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from layercensus.measures import Evidence
from layercensus.tally import Needs, Rows
from layercensus.testing import evidence, panel

WIDTH, INPUTS, UNTRAINED = 32, 6, 7


def needs_of(units: Tensor, reader: Tensor, needed: int | None = None) -> Needs:
    """The answers rest on the first directions of `reader` (units, directions), all of them by default."""
    needed = reader.shape[1] if needed is None else needed
    centred = units.flatten(0, 1).double() - units.mean((0, 1)).double()
    scores = centred @ reader.double()
    value, vector = torch.linalg.eigh(scores.T @ scores / len(scores))
    white = vector / value.clamp(min=1e-12).sqrt() @ vector.T if needed else vector
    tried = torch.tensor(sorted({max(0, needed - 1), needed}))
    change = (tried < needed).double()[:, None].expand(-1, 4).clone()
    ones, none = torch.ones(4, dtype=torch.float64), torch.full((len(tried),), torch.nan, dtype=torch.float64)
    return Needs(
        units.mean((0, 1)).double(), reader.double() @ white, reader.double() @ white,
        torch.ones(reader.shape[1], dtype=torch.float64), tried, change, ones, torch.arange(4), none,
        torch.tensor(len(units)), torch.tensor(len(centred)), torch.tensor(True),
    )  # fmt: skip


@dataclass(frozen=True)
class Random:
    """Random features of the same inputs: what nets of one architecture have that were never trained."""

    inputs: Tensor  # (examples, spots, inputs)
    generator: torch.Generator
    response: Callable[[Tensor], Tensor] = torch.relu

    @classmethod
    def of(cls, seed: int, examples: int, spots: int, response: Callable[[Tensor], Tensor] = torch.relu) -> Random:
        """Half of an input's variance is of its example, half of its position."""
        generator = torch.Generator().manual_seed(seed)
        whole = torch.randn(examples, 1, INPUTS, generator=generator)
        own = torch.randn(examples, spots, INPUTS, generator=generator)
        return cls((whole + own) / 2**0.5, generator, response)

    def normal(self, *shape: int) -> Tensor:
        return torch.randn(*shape, generator=self.generator)

    def net(self, width: int = WIDTH) -> Tensor:
        """(examples, spots, width)."""
        weights = self.normal(self.inputs.shape[2], width) / self.inputs.shape[2] ** 0.5
        return self.response(self.inputs @ weights + 0.3 * self.normal(width))


def principal(units: Tensor, directions: int) -> Needs:
    """A net whose answers rest on its first principal directions."""
    vectors = torch.linalg.eigh(torch.cov(units.flatten(0, 1).T.double())).eigenvectors
    return needs_of(units, vectors[:, -directions:])


def run(features: Random, contents: Tensor) -> tuple[Tensor, Needs]:
    """Units of one training run and its needs: it needs exactly the contents (examples, spots, directions).

    They stand in directions of their own; the other directions hold random features.
    """
    basis = torch.linalg.qr(features.normal(WIDTH, WIDTH)).Q
    needed = contents.shape[2]
    contents = (contents - contents.mean((0, 1))) / contents.std((0, 1))
    units = features.net() @ basis[:, needed:] @ basis[:, needed:].T + contents @ basis[:, :needed].T
    return units, needs_of(units, basis[:, :needed])


def compared(runs: Sequence[tuple[Tensor, Needs]], untrained: Sequence[Tensor], directions: int = 8) -> Evidence:
    """The evidence of the first run, whose replicas are the others."""
    (units, needs), *others = runs
    keys = torch.arange(len(units))
    whole = evidence(units, units.mean(1), units.mean(1), keys=keys)
    return replace(
        whole, needs=needs, replica_needs=tuple(n for _, n in others),
        replicas=tuple(panel(u, u.mean(1), u.mean(1), keys) for u, _ in others),
        untrained=tuple(Rows(keys, u) for u in untrained),
        untrained_needs=tuple(principal(u, directions) for u in untrained[:2]),
    )  # fmt: skip


def planted(
    seed: int, *, shared: int, needed: int, grafted: int = 0, examples: int = 256, spots: int = 2, runs: int = 2
) -> Evidence:
    """Runs that need the same `shared` directions, `grafted` units of one untrained net, and private ones."""
    features = Random.of(seed, examples, spots)
    untrained = [features.net() for _ in range(UNTRAINED)]
    common = features.normal(examples, spots, shared)
    private = needed - shared - grafted
    contents = [
        torch.cat([common, untrained[0][..., :grafted], features.normal(examples, spots, private)], 2)
        for _ in range(runs)
    ]
    return compared([run(features, each) for each in contents], untrained)
