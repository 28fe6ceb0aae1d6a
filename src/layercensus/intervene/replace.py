"""The net's answers with a layer projected on some of its directions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass

import torch
from torch import Tensor

from ..count.nets import Net
from ..data.batch import Batch
from ..layers.exchange import Given
from ..layers.layer import Layer
from ..layers.tap import tap
from ..tally import Needs
from .answers import Answers
from .directions import Directions
from .moments import WIDE
from .passes import passed, passes
from .prefix import Prefix

Change = Callable[[Tensor], Tensor]  # from a layer's rows (examples, positions, units) to others of the same shape


@dataclass(frozen=True)
class Judge:
    """The answers of a net on held-out examples, as it is, to be compared with those of the net changed."""

    net: Net
    batches: Sequence[Batch]
    answers: Answers
    plain: Tensor  # (examples, numbers) float64, sorted as the examples come
    keys: tuple[str, ...]

    @classmethod
    def of(cls, net: Net, batches: Sequence[Batch], answers: Answers) -> Judge:
        """One forward pass over the held-out examples."""
        plain = _answers(net, batches, answers)
        return cls(net, batches, answers, plain, tuple(id for batch in batches for id in batch.ids))

    @property
    def variance(self) -> Tensor:
        """(examples,) float64: squared distance of each answer from the mean answer, times n / (n - 1).

        So their mean is the variance without bias: the mean answer is that of the same examples.
        """
        examples = len(self.plain)
        return (self.plain - self.plain.mean(0)).square().sum(1).cpu() * examples / max(1, examples - 1)

    def with_layer(self, layer: Layer, change: Change, prefix: Prefix | None = None) -> Tensor:
        """(examples, numbers) float64: the answers where the layer's rows are changed."""
        return _answers(self.net, self.batches, self.answers, layer, change, prefix)

    def change(self, layer: Layer, change: Change, prefix: Prefix | None = None) -> Tensor:
        """(examples,) float64: squared change of each answer where the layer's rows are changed.

        prefix: spares what runs before the layer in all passes but the first; it is checked in the second.
        """
        other = self.with_layer(layer, change, prefix)
        if prefix is not None and prefix.fresh:
            again = _answers(self.net, self.batches[:1], self.answers, layer, change, prefix)
            prefix.check(torch.allclose(again, other[: len(again), : again.shape[1]], rtol=1e-3, atol=1e-5))
        return (other - self.plain).square().sum(1).nan_to_num(torch.inf).cpu()


def projection(directions: Directions | Needs, kept: int) -> Change:
    """The change that leaves the first `kept` directions and puts the rest at the mean."""

    def change(rows: Tensor) -> Tensor:
        own = torch.float64 if rows.dtype == torch.float64 else torch.float32
        mean, *factors = (x.to(rows.device) for x in (directions.mean, directions.reader, directions.writer))
        reader, writer = (factor[:, :kept] for factor in factors)
        rows, mean = rows.to(own), mean.to(own)
        if len(mean) > WIDE:
            return mean + (rows - mean) @ reader.to(own) @ writer.to(own).T
        return mean + (rows - mean) @ (reader @ writer.T).to(own)

    return change


def _answers(
    net: Net, batches: Sequence[Batch], answers: Answers, layer: Layer | None = None,
    change: Change = lambda rows: rows, prefix: Prefix | None = None,
) -> Tensor:  # fmt: skip
    def exchange(given: Given) -> Tensor:
        return given.put(change(given.rows()))

    found = []
    with tap(net.net, () if layer is None else (layer,), exchange=exchange):
        for number, batch in enumerate(passes(net, batches, answers.seed)):
            with nullcontext() if prefix is None else prefix.of_batch(number):
                output = passed(net, batch)
            found.append(answers.compared(answers.of(output, len(batch.ids), batch.mask)))
    return _together(found)


def _together(parts: Sequence[Tensor]) -> Tensor:
    """Answers of all batches; where padding made some shorter, 0 stands in the positions that they lack."""
    most = max(part.shape[1] for part in parts)
    return torch.cat([torch.nn.functional.pad(part, (0, most - part.shape[1])) for part in parts])
