"""Now and then a few examples of a batch pass by themselves too: what the probe showed must hold here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from ..data.batch import Batch
from ..errors import CensusError, out_of_memory
from ..layers.torch_state import whole_products
from ..tally import Reading
from .nets import LayerKey
from .one_by_one import Spots
from .plan import Plan
from .read_batch import Readings, read_net

SPREAD = 0.05  # of a unit's spread over the batch, by which rounding may move its reading
SIZE = {torch.float64: 1e-8, torch.float32: 1e-4}  # of a unit's largest reading
ROUGH = 0.05  # of other precisions
USUAL = 0.1  # of that part of what is usual in the layer: small units take part in sums of large ones


def is_due(number: int) -> bool:
    """Whether the batch of this number is checked: the first, second, fourth, eighth, ...

    >>> [number for number in range(20) if is_due(number)]
    [0, 1, 3, 7, 15]
    """
    return number & (number + 1) == 0


def spot_check(plan: Plan, batch: Batch, clean: Readings) -> None:
    """Refuse a batch whose rows are not its examples, as in a net that sorts only large batches.

    Where products may be shorter than float32 (TF32, autocast), rounding follows the batch: what differs is compared
    once more in float32. Cost: up to four forward passes of one example, and the same with one of the batch where one
    differs. A net that takes no single example is not checked.

    Raises:
        CensusError: an example that passes by itself has other readings than in the batch.
    """
    net, size = plan.nets.trained, len(batch.ids)
    if size < 2 or plan.nets.alone:
        return
    rows = sorted({0, size // 3, 2 * size // 3, size - 1})
    together = _allowed(plan, clean, rows)
    again: dict[LayerKey, _Allowed] | None = None
    for number, row in enumerate(rows):
        if again is None and _other(plan, batch, row, together, number) is None:
            continue
        with whole_products(autocast=False):
            again = again or _allowed(plan, read_net(net, batch, Spots(), {}), rows)
            wrong = _other(plan, batch, row, again, number)
        if wrong is not None:
            raise CensusError(_message(wrong, batch, row))


@dataclass(frozen=True)
class _Allowed:
    """What some rows of a batch have read of a layer, and by how much they may read otherwise alone."""

    rows: Tensor  # (2, rows, units) float64: means and peaks
    by: Tensor  # (2, units)
    reached: Tensor | None  # (rows,) bool

    def same(self, number: int, own: Reading) -> bool:
        """Whether a row is what its example gives alone, where both were read."""
        if own.reached is not None:
            return self.reached is not None and not bool(self.reached[number])
        here, alone = self.rows[:, number], torch.stack([own.mean[0], own.peak[0]]).cpu().double()
        finite = here.isfinite() & alone.isfinite()
        return bool(((here - alone).abs() <= self.by)[finite].all())


def _allowed(plan: Plan, readings: Readings, rows: list[int]) -> dict[LayerKey, _Allowed]:
    """Of the trained net's layers: reduced where they lie, so that a device hands over little."""
    parameter = next((p for p in plan.nets.trained.net.parameters() if p.is_floating_point()), None)
    part = SIZE.get(torch.float32 if parameter is None else parameter.dtype, ROUGH)
    found = {}
    for layer in plan.nets.trained.layers:
        key = plan.nets.trained.key(layer)
        if key not in readings:
            continue
        reading = readings[key]
        both = torch.stack(
            [torch.cat([x[rows].double(), _by(x.double(), part)[None]]) for x in (reading.mean, reading.peak)]
        ).cpu()
        reached = None if reading.reached is None else reading.reached[rows].cpu()
        found[key] = _Allowed(both[:, :-1], both[:, -1], reached)
    return found


def _by(x: Tensor, part: float) -> Tensor:
    """(units,) by how much rounding may move each unit's reading. x: (examples, units)."""
    x = x.nan_to_num(0, 0, 0)
    largest = x.abs().amax(0)
    return torch.maximum(SPREAD * x.std(0) + part * largest, USUAL * part * largest.median())


def _other(plan: Plan, batch: Batch, row: int, together: Mapping[LayerKey, _Allowed], number: int) -> LayerKey | None:
    """The first layer whose reading of this example alone is another than in the batch."""
    try:
        own = read_net(plan.nets.trained, batch.take(torch.tensor([row])), Spots(), {})
    except CensusError as error:
        if isinstance(error.__cause__, (MemoryError, RuntimeError)) and out_of_memory(error.__cause__):
            raise
        return None  # an example that the net does not take alone
    return next((key for key, reading in own.items() if not together[key].same(number, reading)), None)


def _message(key: LayerKey, batch: Batch, row: int) -> str:
    return (
        f"Each row of a layer must be its example's whatever the batch. Got another in layer {key.layer!r} for example "
        f"{batch.ids[row]!r} among {len(batch.ids)} than for it alone. Pass Settings(batch=1), or a smaller batch."
    )
