"""Whether a net that was trained on normalised images is given them as 0..1: read of its own statistics."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import torch
from torch import Tensor, nn

from ..data.batch import tensors
from ..layers.net import call
from .objective_values import StopForward
from .subject import Subject

COMMON = {  # normalisations that trained nets come with, on the scale 0..1
    "(x - mean) / std of ImageNet": ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
    "2 x - 1": ((0.5, 0.5, 0.5), (0.5, 0.5, 0.5)),
    "255 x": ((0.0, 0.0, 0.0), (1 / 255, 1 / 255, 1 / 255)),
}
BETTER = 2.0  # times as near to the net's running statistics, from which on a normalisation is told
OFF = 0.5  # of a standard deviation that channels must be off by as they are, on average, for anything to be told
EXAMPLES = 64
HOW = "normalise your data, or name it: lc.Model(net, 'name', prepare=lc.Prepare(mean=..., std=...))"


def normalisation_finding(subject: Subject) -> str:
    """One line where the examples are colour images of 0..1 and the net says that it was trained on others; else "".

    What tells is a configuration that the net carries (timm's `pretrained_cfg`), or the running statistics of its
    first batch normalisation, which fit a common normalisation better than the images as they are.
    """
    x = _examples(subject)
    if x is None or float(x.min()) < 0 or float(x.max()) > 1:
        return ""
    declared = _declared(subject.net)
    if declared is not None:
        return f"The net names a normalisation, mean {declared[0]} and std {declared[1]}, and is given 0..1: {HOW}."
    misfits = {name: _misfit(subject.net, (x - _column(m)) / _column(s)) for name, (m, s) in COMMON.items()}
    raw = _misfit(subject.net, x)
    known = {name: value for name, value in misfits.items() if value is not None}
    if raw is None or raw < OFF or not known:
        return ""
    best = min(known, key=lambda name: known[name])
    if known[best] * BETTER > raw:
        return ""
    return f"The net is given 0..1, and its first batch normalisation fits {best} better: {HOW}."


def _examples(subject: Subject) -> Tensor | None:
    """Some colour images as the net takes them; None where there are none or their normalisation is known."""
    source = subject.source
    if source is None or subject.space is None or subject.space.shape[0] != 3:
        return None
    if source.prepare is not None and (source.prepare.mean is not None or source.prepare.transform is not None):
        return None
    x = torch.cat([tensors(batch.inputs)[0].float().cpu() for batch in subject.batches[: -(-EXAMPLES // 32)]])
    return x[:EXAMPLES] if x.ndim == 4 else None


def _declared(net: nn.Module) -> tuple[tuple[float, ...], tuple[float, ...]] | None:
    """Mean and standard deviation that a net says it was trained with, where they change anything."""
    config = getattr(net, "pretrained_cfg", None) or getattr(net, "default_cfg", None)
    if not isinstance(config, Mapping):
        return None
    mean, std = (_numbers(config.get(name)) for name in ("mean", "std"))
    if mean is None or std is None or (not any(mean) and set(std) == {1.0}):
        return None
    return mean, std


def _numbers(value: Any) -> tuple[float, ...] | None:
    return tuple(float(v) for v in value) if isinstance(value, (tuple, list)) and len(value) == 3 else None


def _misfit(net: nn.Module, x: Tensor) -> float | None:
    """How far what the first batch normalisation is given lies from its running statistics: 0 where it does not.

    The mean over channels of the offset of the mean and the logarithm of the standard deviation's ratio, in the running
    standard deviation. None without such a layer, or with statistics as they are before training.
    """
    first: list[float] = []

    def read(module: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        assert isinstance(module, nn.BatchNorm2d)
        assert module.running_mean is not None
        assert module.running_var is not None
        seen = inputs[0].detach().float().transpose(0, 1).flatten(1)
        scale = module.running_var.float().clamp(min=1e-12).sqrt()
        offset = ((seen.mean(1) - module.running_mean.float()) / scale).abs()
        ratio = (seen.std(1).clamp(min=1e-12) / scale).log().abs()
        first.append(float((offset + ratio).median()))
        raise StopForward

    hooks = [module.register_forward_pre_hook(read) for module in net.modules() if _trained(module)]
    if not hooks:
        return None
    parameter = next(net.parameters())
    try:
        with torch.no_grad(), suppress(StopForward):
            call(net, x.to(parameter.device, parameter.dtype))
    finally:
        for hook in hooks:
            hook.remove()
    return first[0] if first else None


def _trained(module: nn.Module) -> bool:
    """Whether a batch normalisation has statistics of a training run."""
    if not isinstance(module, nn.BatchNorm2d) or module.running_mean is None or module.running_var is None:
        return False
    return bool((module.running_mean != 0).any())


def _column(values: tuple[float, ...]) -> Tensor:
    return torch.tensor(values).view(-1, 1, 1)
