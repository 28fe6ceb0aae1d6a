"""Now and then a few examples of a batch pass by themselves too: what the probe showed must hold here."""

from __future__ import annotations

import torch
from torch import Tensor

from ..data.batch import Batch
from ..errors import CensusError
from ..tally import Reading
from .nets import LayerKey
from .one_by_one import Spots
from .plan import Plan
from .read_batch import Readings, read_net

ROUNDING = {torch.float64: 1e-2, torch.float32: 1e-2}  # of an example's largest reading in a layer
ROUGH = 0.1  # of other precisions


def is_due(number: int) -> bool:
    """Whether the batch of this number is checked: the first, second, fourth, eighth, ...

    >>> [number for number in range(20) if is_due(number)]
    [0, 1, 3, 7, 15]
    """
    return number & (number + 1) == 0


def spot_check(plan: Plan, batch: Batch, clean: Readings) -> None:
    """Refuse a batch whose rows are not its examples, as in a net that sorts only large batches.

    Cost: up to four forward passes of one example. A net that takes no single example is not checked.

    Raises:
        CensusError: an example that passes by itself has other readings than in the batch.
    """
    net, size = plan.nets.trained, len(batch.ids)
    if size < 2 or plan.nets.alone:
        return
    for row in {0, size // 3, 2 * size // 3, size - 1}:
        try:
            own = read_net(net, batch.take(torch.tensor([row])), Spots(), {})
        except CensusError:
            return
        wrong = next((key for key, reading in own.items() if not _same(clean[key], row, reading, plan)), None)
        if wrong is not None:
            raise CensusError(_message(wrong, batch, row))


def _same(batch: Reading, row: int, own: Reading, plan: Plan) -> bool:
    if own.reached is not None:
        return True  # the tap has its own words for a layer that only some examples reach
    parameter = next((p for p in plan.nets.trained.net.parameters() if p.is_floating_point()), None)
    tolerance = ROUNDING.get(torch.float32 if parameter is None else parameter.dtype, ROUGH)
    return _near(batch.mean[row], own.mean[0], tolerance) and _near(batch.peak[row], own.peak[0], tolerance)


def _near(first: Tensor, second: Tensor, tolerance: float) -> bool:
    return bool((first - second).abs().max() <= tolerance * second.abs().max() + 1e-6)


def _message(key: LayerKey, batch: Batch, row: int) -> str:
    return (
        f"Each row of a layer must be its example's whatever the batch. Got another in layer {key.layer!r} for example "
        f"{batch.ids[row]!r} among {len(batch.ids)} than for it alone. Pass Settings(batch=1), or a smaller batch."
    )
