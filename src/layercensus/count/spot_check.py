"""Now and then a few examples of a batch pass by themselves too: what the probe showed must hold here."""

from __future__ import annotations

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
    for row in {0, size // 3, 2 * size // 3, size - 1}:
        if _other(plan, batch, row, clean) is None:
            continue
        with whole_products(autocast=False):
            wrong = _other(plan, batch, row, read_net(net, batch, Spots(), {}))
        if wrong is not None:
            raise CensusError(_message(wrong, batch, row))


def _other(plan: Plan, batch: Batch, row: int, together: Readings) -> LayerKey | None:
    """The first layer whose reading of this example alone is another than in the batch."""
    try:
        own = read_net(plan.nets.trained, batch.take(torch.tensor([row])), Spots(), {})
    except CensusError as error:
        if isinstance(error.__cause__, (MemoryError, RuntimeError)) and out_of_memory(error.__cause__):
            raise
        return None  # an example that the net does not take alone
    return next(
        (key for key, reading in own.items() if not _same(together[key].on_cpu(), row, reading.on_cpu(), plan)), None
    )


def _same(batch: Reading, row: int, own: Reading, plan: Plan) -> bool:
    if own.reached is not None:
        return batch.reached is not None and not bool(batch.reached[row])
    parameter = next((p for p in plan.nets.trained.net.parameters() if p.is_floating_point()), None)
    part = SIZE.get(torch.float32 if parameter is None else parameter.dtype, ROUGH)
    return _near(batch.mean, row, own.mean[0], part) and _near(batch.peak, row, own.peak[0], part)


def _near(batch: Tensor, row: int, own: Tensor, part: float) -> bool:
    """Whether a row of the batch (examples, units) is what its example gives alone, where both were read."""
    here, finite = batch[row].double(), torch.isfinite(batch[row]) & torch.isfinite(own)
    largest = batch.double().nan_to_num(0, 0, 0).abs().amax(0)
    allowed = SPREAD * batch.double().nan_to_num(0, 0, 0).std(0) + part * largest
    allowed = torch.maximum(allowed, USUAL * part * largest.median())
    return bool(((here - own.double()).abs() <= allowed)[finite].all())


def _message(key: LayerKey, batch: Batch, row: int) -> str:
    return (
        f"Each row of a layer must be its example's whatever the batch. Got another in layer {key.layer!r} for example "
        f"{batch.ids[row]!r} among {len(batch.ids)} than for it alone. Pass Settings(batch=1), or a smaller batch."
    )
