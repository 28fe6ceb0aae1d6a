"""Examples dealt into blocks of whole groups: what every bootstrap draws, and how far few blocks can be trusted."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from scipy.stats import norm
from scipy.stats import t as student
from torch import Tensor

from ..tally.groups import alone, numbered

BLOCKS = 32  # that the examples are dealt into; a resample is a weighted sum of their sums


@dataclass(frozen=True)
class Dealt:
    """Examples in at most BLOCKS blocks; a group (the examples of one photograph, one speaker) lies in one of them."""

    rows: tuple[slice | Tensor, ...]  # the examples of each block
    examples: int
    grouped: bool  # whether some examples share a group: else each is evidence of its own

    @classmethod
    def of(cls, group: Tensor | int) -> Dealt:
        """group: (examples,) int64, equal where examples share one; or the number of examples, where none do.

        >>> [rows.tolist() for rows in Dealt.of(torch.tensor([4, 4, 9, 9, 9])).rows]
        [[2, 3, 4], [0, 1]]
        """
        examples = group if isinstance(group, int) else len(group)
        if isinstance(group, int) or alone(group):
            return cls(tuple(slice(block, None, BLOCKS) for block in range(min(BLOCKS, examples))), examples, False)
        block = numbered(group) % BLOCKS
        blocks = int(block.max()) + 1
        return cls(tuple((block == number).nonzero().flatten() for number in range(blocks)), examples, True)

    def block(self) -> Tensor:
        """(examples,) int64, the number of each example's block."""
        block = torch.empty(self.examples, dtype=torch.int64)
        for number, rows in enumerate(self.rows):
            block[rows] = number
        return block

    def sums(self, values: Tensor) -> Tensor:
        """Sums over each block: (examples, columns) -> (blocks, columns) float64."""
        blocks = len(self.rows)
        if self.grouped:
            return torch.stack([values[rows].sum(0) for rows in self.rows]).double()
        missing = -len(values) % blocks
        padded = torch.nn.functional.pad(values, (0, 0, 0, missing))
        return padded.view(-1, blocks, values.shape[1]).sum(0).double()

    def weights(self, resamples: int, seed: int) -> Tensor:
        """How often each block is drawn: (resamples, blocks) float64, every row sums to the number of blocks."""
        return drawn(len(self.rows), resamples, seed)

    def corrected(self, resampled: Tensor, estimate: Tensor) -> Tensor:
        """Resamples of each unit's number, freed of what few groups add to it; those of ungrouped examples as they are.

        resampled: (resamples, units); estimate: (units,). As far as a resample is beyond the estimate on average, the
        estimate is taken to be beyond the truth: a variance between few groups reads low, in a resample once more.
        """
        return resampled + 2 * (estimate - resampled.mean(0)) if self.grouped else resampled

    def widened(self, counts: Tensor, estimate: float, most: float) -> Tensor:
        """Resampled counts, (resamples,), spread as few groups ask for; of ungrouped examples as they are.

        Their distance from the estimate grows by `for_few`, and every second one is reflected, since the sign of a
        count's bias is not known from few groups. A single block says nothing: from 0 to `most`.
        """
        if not self.grouped:
            return counts
        blocks = len(self.rows)
        odd = torch.arange(len(counts)) % 2 == 1
        if blocks == 1:
            return torch.where(odd, float(most), 0.0).double()
        away = (counts.double() - estimate) * for_few(blocks)
        return (estimate + torch.where(odd, -away, away)).clamp(0, most)


def drawn(blocks: int, resamples: int, seed: int) -> Tensor:
    """How often each of some blocks is drawn: (resamples, blocks) float64, every row sums to `blocks`."""
    rng = np.random.default_rng(seed)
    return torch.from_numpy(rng.multinomial(blocks, np.full(blocks, 1 / blocks), size=resamples).astype(np.float64))


def for_few(blocks: int) -> float:
    """How much further than the normal distribution Student's t reaches, with a degree of freedom less than blocks."""
    return float(student.ppf(0.975, blocks - 1)) / float(norm.ppf(0.975))
