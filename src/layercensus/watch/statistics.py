"""Whether a net's running statistics are those of the data already, and not yet what they were set to at first."""

from __future__ import annotations

import math

from torch import nn
from torch.nn.modules.batchnorm import _NormBase

LEFT = 0.01  # of a running statistic that may still be its initial value


def settling_in(net: nn.Module) -> bool:
    """Whether some normalisation in training still answers with more than LEFT of its initial mean and variance.

    After n steps (1 - momentum) ** n of them is left: with torch's momentum of .1 for 44 steps. Until then the net
    that is read, which normalises by these statistics, is not the one that trains, which normalises by its batches.

    >>> net = nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2))
    >>> settling_in(net), settling_in(net.eval())
    (True, False)
    """
    return any(_left(module) > LEFT for module in net.modules() if isinstance(module, _NormBase))


def _left(norm: _NormBase) -> float:
    """The part of its statistics that is their initial value; 0 where it follows none."""
    done = norm.num_batches_tracked
    if not norm.training or norm.running_mean is None or done is None:
        return 0.0
    steps = int(done)
    if norm.momentum is None:  # the mean of all batches
        return 0.0 if steps else 1.0
    return math.pow(1 - norm.momentum, steps)
