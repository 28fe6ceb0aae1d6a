"""Held-out examples drawn again and again from a pool whose number of needed directions is known."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from ..intervene.search import search
from ..measures.fidelity import smallest
from ..measures.needed import FIDELITY, curves
from ..tally import Needs

EXAMPLES = 20_000
KINDS = ("normal", "skewed", "softmax")


@dataclass(frozen=True)
class Pool:
    """Examples whose answers are known with any number of directions kept."""

    change: Tensor  # (directions + 1, examples) float64, the squared change of each answer with the first k directions
    answers: Tensor  # (examples, numbers) float64
    spectrum: Tensor  # (directions,) float64

    @classmethod
    def of(cls, kind: str, directions: int, fall: float) -> Pool:
        """kind: normal, or skewed (clipped lognormal) scores that are the answers, or a softmax of skewed mixtures.

        fall: by how much each direction's standard deviation is smaller than the one's before.
        """
        rng = torch.Generator().manual_seed(0)
        rows = torch.randn(EXAMPLES, directions, generator=rng, dtype=torch.float64)
        if kind == "skewed":
            rows = rows.exp().clamp(max=20)
            rows = (rows - rows.mean(0)) / rows.std(0)
        spectrum = fall ** (2 * torch.arange(directions, dtype=torch.float64))
        mixed = torch.linalg.qr(torch.randn(directions, directions, generator=rng, dtype=torch.float64))[0]

        def answers(kept: int) -> Tensor:
            h = torch.where(torch.arange(directions) < kept, rows, 0.0) * spectrum.sqrt()
            return (6 * h @ mixed[:, :10]).softmax(1) if kind == "softmax" else h

        y = answers(directions)
        return cls(torch.stack([(answers(k) - y).square().sum(1) for k in range(directions + 1)]), y, spectrum)

    @property
    def loss(self) -> Tensor:
        """(directions + 1,) float64: 1 - fidelity over the whole pool."""
        around: Tensor = (self.answers - self.answers.mean(0)).square().sum()
        return self.change.sum(1) / around

    @property
    def needed(self) -> int:
        """The number of directions over the whole pool."""
        return int(smallest(self.loss, FIDELITY))

    def drawn(self, at: Tensor) -> Needs:
        """What a count would keep of these held-out examples. at: (held out,) int64."""
        nothing, own = torch.zeros(0), self.answers[at]
        variance = (own - own.mean(0)).square().sum(1) * len(at) / (len(at) - 1)
        tried = torch.tensor(list(search(lambda k: float(self.change[k, at].sum() / variance.sum()), self.spectrum)))
        return Needs(
            nothing, nothing, nothing, self.spectrum, tried, self.change[tried][:, at], variance, at,
            torch.full((len(tried),), torch.nan), torch.tensor(400), torch.tensor(400), torch.tensor(True),
        )  # fmt: skip


def number_held(pool: Pool, held_out: int, draws: int) -> tuple[float, float]:
    """In what fraction of draws the interval holds the pool's number, and how many directions it is wide on average."""
    ends = []
    for at in _draws(pool, held_out, draws):
        _, low, high = curves(pool.drawn(at))
        ends.append((smallest(low, FIDELITY), min(smallest(high, FIDELITY), len(pool.spectrum))))
    held = sum(low <= pool.needed <= high for low, high in ends)
    return held / draws, sum(high - low for low, high in ends) / draws


def loss_held(pool: Pool, held_out: int, draws: int, kept: int) -> float:
    """In what fraction of draws the interval of the loss with so many directions kept holds the pool's."""
    held, truth = 0, float(pool.loss[kept])
    for at in _draws(pool, held_out, draws):
        one = replace(pool.drawn(at), tried=torch.tensor([kept]), change=pool.change[kept : kept + 1, at])
        _, low, high = curves(one)
        held += float(low[kept]) <= truth <= float(high[kept])
    return held / draws


def _draws(pool: Pool, held_out: int, draws: int) -> Iterator[Tensor]:
    """(held out,) each, without replacement."""
    rng = torch.Generator().manual_seed(1)
    for _ in range(draws):
        yield torch.randperm(len(pool.answers), generator=rng)[:held_out]
