"""Every parameter of a net initialised again, as if training had never happened."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

from ..errors import CensusError, first_line
from .computed import computed, pieces_of
from .packed import is_part, is_quantised, repack


@torch.no_grad()
def reinitialise(net: nn.Module) -> list[str]:
    """Re-initialise the net's parameters in place; returns the names of those that no module's own initialiser sets.

    Each module's own initialiser does it, children before parents, so that what a parent does to its children holds.
    A parameter without one is initialised as a linear layer's weight, or set to one or zero where it has one dimension.
    So is one that its module's initialiser leaves out. A parameter that is computed (weight norm, spectral norm, a
    pruned one) is initialised as it would be without, then decomposed.

    Raises:
        CensusError: when a module's own initialiser fails.
    """
    bare: list[str] = []
    for name, module in reversed(list(net.named_modules())):
        if isinstance(module, parametrize.ParametrizationList) or is_part(module):
            continue  # initialised with the module that it belongs to
        if is_quantised(module):
            repack(module, name)
            continue
        initialised = _initialise_module(name, module)
        bare += [f"{name}.{part}".lstrip(".") for part in initialised]
    return sorted(bare)


def _initialise_module(name: str, module: nn.Module) -> list[str]:
    own: Callable[[], None] | None = next(
        (f for f in (getattr(module, n, None) for n in ("reset_parameters", "_reset_parameters")) if callable(f)), None
    )
    writers = computed(module, _initialise)
    with parametrize.cached():
        before = {part: getattr(module, part).detach().clone() for part in writers}
        bare = _initialise_bare(module) if own is None else _initialise_own(module, own, name)
        after = {part: getattr(module, part).detach().clone() for part in writers}
    for part, decompose in writers.items():
        if torch.equal(before[part], after[part]):  # the initialiser went through parameters() and set the pieces
            own_pieces = (f"parametrizations.{part}.", f"{part}_v", f"{part}_orig")
            named = [p for n, p in module.named_parameters() if n.startswith(own_pieces)]
            pieces = [p for p in named if p.shape == after[part].shape]
            after[part] = pieces[-1].detach().clone() if pieces else after[part]
        decompose(after[part])
    return bare


def _initialise_own(module: nn.Module, own: Callable[[], None], name: str) -> list[str]:
    """By the module's own initialiser; what that leaves as it was is initialised as if there were none."""
    pieces = pieces_of(module)
    parameters = {n: p for n, p in module.named_parameters(recurse=False) if n not in pieces and _is_number(p)}
    for parameter in parameters.values():
        parameter.fill_(torch.nan)  # so that what is left out shows
    _call_initialiser(own, name or type(module).__name__)
    left_out = [part for part, parameter in parameters.items() if bool(parameter.isnan().any())]
    for part in left_out:
        _initialise(part, parameters[part])
    return left_out


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
    initialised = [name for name, p in module.named_parameters(recurse=False) if _is_number(p)]
    for name in initialised:
        _initialise(name, module.get_parameter(name))
    if parametrize.is_parametrized(module):
        for name in module.parametrizations:  # type: ignore[union-attr]
            _initialise(str(name), getattr(module, str(name)))
            initialised.append(str(name))
    return initialised


def _is_number(parameter: Tensor) -> bool:
    return parameter.is_floating_point() or parameter.is_complex()


def _initialise(name: str, parameter: Tensor) -> None:
    if parameter.is_complex() and parameter.ndim >= 2:
        for part in (parameter.real, parameter.imag):
            _initialise(name, part)
            part.mul_(0.5**0.5)  # so that its size is a real one's
    elif parameter.ndim >= 2 and parameter.numel():
        nn.init.kaiming_uniform_(parameter, a=5**0.5)
    elif any(word in name for word in ("weight", "gamma", "scale")):
        parameter.fill_(1.0)
    else:
        parameter.fill_(0.0)
