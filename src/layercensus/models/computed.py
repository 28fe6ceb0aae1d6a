"""Parameters that are computed from others: weight norm, spectral norm, pruning, any parametrisation."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize
from torch.nn.utils.prune import BasePruningMethod
from torch.nn.utils.spectral_norm import SpectralNorm
from torch.nn.utils.weight_norm import WeightNorm

POWER_STEPS = 15  # of the power iteration with which a spectral norm starts, as torch's own
Draw = Callable[[str, Tensor], None]  # initialises a parameter of this name


def computed(module: nn.Module, draw: Draw) -> dict[str, Callable[[Tensor], None]]:
    """The module's computed parameters, each with what writes a value into the pieces that it is computed from.

    draw: initialises the pieces of a parametrisation that has no inverse.
    """
    writers: dict[str, Callable[[Tensor], None]] = {}
    if parametrize.is_parametrized(module):
        for name in module.parametrizations:  # type: ignore[union-attr]
            writers[str(name)] = _into_parametrization(module, str(name), draw)
    for name, hook in _hooks(module):
        if isinstance(hook, WeightNorm):
            writers[name] = _into_weight_norm(module, hook)
        elif isinstance(hook, SpectralNorm):
            writers[name] = _into_spectral_norm(module, hook)
        else:
            writers[name] = _into_pruned(module, hook)
    return writers


def _hooks(module: nn.Module) -> Iterator[tuple[str, WeightNorm | SpectralNorm | BasePruningMethod]]:
    """The hooks that compute a parameter before each forward pass, with its name."""
    for hook in module._forward_pre_hooks.values():
        if isinstance(hook, (WeightNorm, SpectralNorm)):
            yield hook.name, hook
        elif isinstance(hook, BasePruningMethod):
            yield hook._tensor_name, hook


def _into_parametrization(module: nn.Module, name: str, draw: Draw) -> Callable[[Tensor], None]:
    def write(value: Tensor) -> None:
        pieces: parametrize.ParametrizationList = module.parametrizations[name]  # type: ignore[index,assignment]
        try:
            setattr(module, name, value)
        except (NotImplementedError, RuntimeError, ValueError, TypeError):  # it has no inverse
            for piece in pieces.parameters(recurse=False):
                draw(name, piece)
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


def _into_pruned(module: nn.Module, hook: BasePruningMethod) -> Callable[[Tensor], None]:
    """The mask stays: what is pruned belongs to the architecture."""
    name = hook._tensor_name

    def write(value: Tensor) -> None:
        getattr(module, f"{name}_orig").copy_(value)
        setattr(module, name, hook.apply_mask(module))  # type: ignore[no-untyped-call]

    return write


def computed_names(module: nn.Module) -> set[str]:
    """Names of the module's attributes that a hook or a parametrisation computes."""
    parametrised = module.parametrizations if parametrize.is_parametrized(module) else ()
    return {name for name, _ in _hooks(module)} | {str(name) for name in parametrised}  # type: ignore[union-attr]


def pieces_of(module: nn.Module) -> set[str]:
    """Names of the module's own parameters from which a hook computes another."""
    ends = {WeightNorm: ("_g", "_v"), SpectralNorm: ("_orig",), BasePruningMethod: ("_orig",)}
    return {
        name + end for name, hook in _hooks(module) for kind in ends if isinstance(hook, kind) for end in ends[kind]
    }


def pruned(net: nn.Module) -> list[str]:
    """Names of the parameters that are pruned by a mask."""
    return sorted(
        f"{name}.{part}".lstrip(".")
        for name, module in net.named_modules()
        for part, hook in _hooks(module)
        if isinstance(hook, BasePruningMethod)
    )
