"""The untrained twin: the same architecture as if training had never happened."""

from __future__ import annotations

import copy
from collections.abc import Iterable
from contextlib import ExitStack
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _NormBase

from ..errors import CensusError
from .nets import call, unwrap
from .open import Model


def untrained(model: Model, seed: int) -> tuple[nn.Module, str]:
    """The twin and, in words, how it was made. The model itself is not touched; the same seed gives the same twin.

    Raises:
        CensusError: when some weights cannot be re-drawn, since a twin that keeps trained weights would be no twin.
    """
    net = unwrap(model.net)
    if model.fresh is not None:
        twin = model.fresh(seed)
        how = f"made anew by its own maker with seed {seed}"
    else:
        twin = _copied(net)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            redrawn = _reset(twin)
        how = f"re-initialised with seed {seed} by each layer's own initialiser"
        if redrawn:
            how += f"; without one, and so drawn as a linear layer's: {_some(redrawn)}"
    _refuse_trained(net, twin)
    example = next((p for p in net.parameters() if p.is_floating_point()), None)
    if example is not None:
        twin = twin.to(example.device, example.dtype)
    return twin.eval(), how


def _copied(net: nn.Module) -> nn.Module:
    try:
        return copy.deepcopy(net)
    except Exception as error:
        raise CensusError(
            f"The model cannot be copied for its untrained twin ({type(error).__name__}: {error}). "
            "Pass twin=a module of yours, or twin=False (--no-twin)."
        ) from error


@torch.no_grad()
def _reset(net: nn.Module) -> list[str]:
    """Re-draw every parameter; returns the names of those whose module has no initialiser."""
    redrawn = []
    for name, module in net.named_modules():
        own = dict(module.named_parameters(recurse=False))
        reset = getattr(module, "reset_parameters", None) or getattr(module, "_reset_parameters", None)
        if callable(reset):
            reset()
        else:
            for part, parameter in own.items():
                _draw(part, parameter)
                redrawn.append(f"{name}.{part}".lstrip("."))
        if hasattr(module, "parametrizations"):
            for parameter in module.parametrizations.parameters():
                _draw("original", parameter)
    return redrawn


def _draw(name: str, parameter: Tensor) -> None:
    if not parameter.is_floating_point():
        return
    if parameter.ndim >= 2:
        nn.init.kaiming_uniform_(parameter, a=5**0.5)
    elif any(word in name for word in ("weight", "gamma", "scale", "original")):
        nn.init.ones_(parameter)
    else:
        nn.init.zeros_(parameter)


def _refuse_trained(net: nn.Module, twin: nn.Module) -> None:
    fresh = dict(twin.named_parameters())
    kept = [
        name
        for name, p in net.named_parameters()
        if p.ndim >= 2 and p.numel() > 1 and name in fresh and fresh[name].shape == p.shape
        and bool(p.detach().any()) and torch.equal(p.detach().cpu().float(), fresh[name].detach().cpu().float())
    ]  # fmt: skip
    if kept:
        raise CensusError(
            f"The untrained twin would keep {len(kept)} trained weights ({_some(kept)}). "
            "Pass twin=a module of yours, or twin=False (--no-twin)."
        )


def _some(names: list[str]) -> str:
    return ", ".join(names[:4]) + (f" and {len(names) - 4} more" if len(names) > 4 else "")


@torch.no_grad()
def calibrate(net: nn.Module, batches: Iterable[Any]) -> int:
    """Estimate the running statistics of all normalisation layers on `batches`; returns how many layers there are.

    Only these layers are in train mode, averaging cumulatively over batches; their modes and momenta are put back.
    A batch on which a statistic cannot be formed (one value a channel) is left out.
    """
    layers = [m for m in net.modules() if isinstance(m, _NormBase) and m.running_mean is not None]
    if not layers:
        return 0
    with ExitStack() as stack:
        for module in net.modules():
            stack.callback(setattr, module, "training", module.training)
            module.training = False
        for layer in layers:
            stack.callback(setattr, layer, "momentum", layer.momentum)
            layer.reset_running_stats()
            layer.momentum, layer.training = None, True
        for inputs in batches:
            try:
                call(net, inputs)
            except ValueError as error:
                if "Expected more than 1 value per channel" not in str(error):
                    raise
    return len(layers)
