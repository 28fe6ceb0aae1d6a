"""Every parameter of a net initialised again, as if training had never happened."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize
from torch.nn.utils.spectral_norm import SpectralNorm
from torch.nn.utils.weight_norm import WeightNorm

from ..errors import CensusError, first_line

POWER_STEPS = 15  # of the power iteration with which a spectral norm starts, as torch's own


@torch.no_grad()
def reinitialise(net: nn.Module) -> list[str]:
    """Re-initialise the net's parameters in place; returns the names of those that no module's own initialiser sets.

    Each module's own initialiser does it, children before parents, so that what a parent does to its children holds.
    A parameter without one is initialised as a linear layer's weight, or set to one or zero where it has one dimension.
    A parameter that is computed (weight norm, spectral norm) is initialised as it would be without, then decomposed.

    Raises:
        CensusError: when a module's own initialiser fails.
    """
    bare: list[str] = []
    for name, module in reversed(list(net.named_modules())):
        if isinstance(module, parametrize.ParametrizationList):
            continue  # initialised with the module that it belongs to
        initialised = _initialise_module(name, module)
        bare += [f"{name}.{part}".lstrip(".") for part in initialised]
    return sorted(bare)


def _initialise_module(name: str, module: nn.Module) -> list[str]:
    own: Callable[[], None] | None = next(
        (f for f in (getattr(module, n, None) for n in ("reset_parameters", "_reset_parameters")) if callable(f)), None
    )
    computed = _computed(module)
    with parametrize.cached():
        before = {part: getattr(module, part).detach().clone() for part in computed}
        if own is None:
            bare = _initialise_bare(module)
        else:
            bare = []
            _call_initialiser(own, name or type(module).__name__)
        after = {part: getattr(module, part).detach().clone() for part in computed}
    for part, decompose in computed.items():
        if torch.equal(before[part], after[part]):  # the initialiser went through parameters() and set the pieces
            own_pieces = (f"parametrizations.{part}.", f"{part}_v", f"{part}_orig")
            named = [p for n, p in module.named_parameters() if n.startswith(own_pieces)]
            pieces = [p for p in named if p.shape == after[part].shape]
            after[part] = pieces[-1].detach().clone() if pieces else after[part]
        decompose(after[part])
    return bare


def _call_initialiser(own: Callable[[], None], name: str) -> None:
    try:
        own()
    except Exception as error:
        raise CensusError(
            f"The layer {name!r} must re-initialise itself by its reset_parameters(). "
            f"Got {first_line(error)}. Pass twin=a module of yours, or twin=False."
        ) from error


def _initialise_bare(module: nn.Module) -> list[str]:
    """A module without an initialiser: its own parameters, and the statistics of a frozen normalisation."""
    if isinstance(getattr(module, "running_mean", None), Tensor):
        for name, buffer in module.named_buffers(recurse=False):
            if buffer.is_floating_point():
                buffer.fill_(0.0 if name in ("running_mean", "bias") else 1.0)
    initialised = [name for name, p in module.named_parameters(recurse=False) if p.is_floating_point()]
    for name in initialised:
        _initialise(name, module.get_parameter(name))
    if parametrize.is_parametrized(module):
        for name in module.parametrizations:  # type: ignore[union-attr]
            _initialise(str(name), getattr(module, str(name)))
            initialised.append(str(name))
    return initialised


def _initialise(name: str, parameter: Tensor) -> None:
    if parameter.ndim >= 2 and parameter.numel():
        nn.init.kaiming_uniform_(parameter, a=5**0.5)
    elif any(word in name for word in ("weight", "gamma", "scale")):
        parameter.fill_(1.0)
    else:
        parameter.fill_(0.0)


def _computed(module: nn.Module) -> dict[str, Callable[[Tensor], None]]:
    """The module's computed parameters, each with what writes a value into the pieces that it is computed from."""
    writers: dict[str, Callable[[Tensor], None]] = {}
    if parametrize.is_parametrized(module):
        for name in module.parametrizations:  # type: ignore[union-attr]
            writers[str(name)] = _into_parametrization(module, str(name))
    for hook in module._forward_pre_hooks.values():
        if isinstance(hook, WeightNorm):
            writers[hook.name] = _into_weight_norm(module, hook)
        elif isinstance(hook, SpectralNorm):
            writers[hook.name] = _into_spectral_norm(module, hook)
    return writers


def _into_parametrization(module: nn.Module, name: str) -> Callable[[Tensor], None]:
    def write(value: Tensor) -> None:
        pieces: parametrize.ParametrizationList = module.parametrizations[name]  # type: ignore[index,assignment]
        try:
            setattr(module, name, value)
        except (NotImplementedError, RuntimeError, ValueError, TypeError):  # it has no inverse
            for piece in pieces.parameters(recurse=False):
                _initialise(name, piece)
        pieces.train()
        for _ in range(POWER_STEPS):
            pieces()

    return write


def _into_weight_norm(module: nn.Module, hook: WeightNorm) -> Callable[[Tensor], None]:
    def write(value: Tensor) -> None:
        getattr(module, hook.name + "_v").copy_(value)
        getattr(module, hook.name + "_g").copy_(torch.norm_except_dim(value, 2, hook.dim))
        setattr(module, hook.name, hook.compute_weight(module))

    return write


def _into_spectral_norm(module: nn.Module, hook: SpectralNorm) -> Callable[[Tensor], None]:
    def write(value: Tensor) -> None:
        getattr(module, hook.name + "_orig").copy_(value)
        for _ in range(POWER_STEPS):
            setattr(module, hook.name, hook.compute_weight(module, do_power_iteration=True))

    return write
