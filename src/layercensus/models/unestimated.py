"""Normalisation layers whose running statistics were never estimated: in eval mode they normalise nothing."""

from __future__ import annotations

from torch import nn
from torch.nn.modules.batchnorm import _NormBase


def unestimated(net: nn.Module) -> tuple[str, ...]:
    """Names of the normalisation layers whose running means are all 0 and running variances all 1.

    >>> net = nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8))
    >>> unestimated(net)
    ('1',)
    >>> import torch
    >>> _ = net(torch.randn(16, 4))
    >>> unestimated(net)
    ()
    """
    return tuple(name for name, m in net.named_modules() if isinstance(m, _NormBase) and at_start(m))


def at_start(norm: _NormBase) -> bool:
    """Whether its running statistics are those that it is made with."""
    mean, variance = norm.running_mean, norm.running_var
    if mean is None or variance is None or mean.is_meta:
        return False
    return bool((mean == 0).all()) and bool((variance == 1).all())
