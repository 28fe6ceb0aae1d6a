"""Which of a net's layers the user means."""

from __future__ import annotations

import difflib
import fnmatch
from collections.abc import Mapping, Sequence

from torch import nn

from ..errors import CensusError
from .layer import Layer
from .net import clean_name, modules_by_name, unwrap
from .ways import uncalled

LIST_THEM = "List them with layers_of(model)."
_UNUSED = "it was not called in the survey's forward passes (unused, or used without calling it)"
_HOLDER = "it only holds modules"
_ATTENTION = "MultiheadAttention uses its weights without calling it"
_HEADS = (
    "MultiheadAttention keeps its heads inside one function; a net that calls scaled_dot_product_attention shows them"
)


def select(net: nn.Module, layers: Sequence[Layer], patterns: str | Sequence[str] | None) -> tuple[Layer, ...]:
    """The layers that a user means, in the order of their outputs.

    patterns: globs over layer names; None for every layer that is counted by default. A glob passes over layers that
        cannot be counted as long as it matches others.

    Raises:
        CensusError: nothing matches (with the nearest names), or what matches cannot be counted (with the reason).

    >>> import torch
    >>> from layercensus.layers.survey import survey
    >>> net = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2))
    >>> layers = survey(net, torch.randn(5, 3))
    >>> [layer.name for layer in select(net, layers, None)], [layer.name for layer in select(net, layers, ["0", "2"])]
    (['1', '2'], ['0', '2'])
    """
    if patterns is None:
        chosen = {layer.name for layer in layers if layer.default}
        if not chosen:
            raise CensusError(_nothing(layers))
    else:
        wanted = [patterns] if isinstance(patterns, str) else list(patterns)
        if not wanted:
            raise CensusError(f"layers must name at least one layer. Got none. {LIST_THEM}")
        chosen = {name for pattern in wanted for name in _matching(net, layers, pattern)}
    return tuple(layer for layer in layers if layer.name in chosen)


def _matching(net: nn.Module, layers: Sequence[Layer], pattern: str) -> list[str]:
    if not isinstance(pattern, str):
        raise CensusError(f"layers must be names or globs. Got {type(pattern).__name__}.")
    name = clean_name(pattern)
    hits = [x for x in layers if x.name == name] or [x for x in layers if fnmatch.fnmatchcase(x.name, name)]
    if not hits:
        raise CensusError(_absent(unwrap(net), layers, name))
    whole = [x.name for x in hits if x.problem is None]
    if not whole:
        raise CensusError(f"Layer {hits[0].name!r} cannot be counted: {hits[0].problem}. {LIST_THEM}")
    return whole


def _absent(net: nn.Module, layers: Sequence[Layer], name: str) -> str:
    """Why no layer has this name."""
    modules = modules_by_name(net)
    if name == "":
        return f"layers must name layers inside the model. Got the model itself. {LIST_THEM}"
    if name in modules:
        return f"Layer {name!r} cannot be counted: {_silent(modules, layers, name)}. {LIST_THEM}"
    parent = name.rpartition(".")[0]
    if isinstance(modules.get(parent), nn.MultiheadAttention):
        return f"Layer {name!r} cannot be counted: {_HEADS}; count {parent!r} instead. {LIST_THEM}"
    other = _alias(net, name)
    if other:
        return f"Layer {name!r} cannot be counted by this name: it is {other!r}; name that. {LIST_THEM}"
    near = difflib.get_close_matches(name, [x.name for x in layers], n=3, cutoff=0.4)
    hint = f" Did you mean {' or '.join(map(repr, near))}?" if near else ""
    return f"layers must match a layer. Got {name!r}, which matches none.{hint} {LIST_THEM}"


def silent(net: nn.Module, layers: Sequence[Layer]) -> list[tuple[str, str]]:
    """The modules with parameters of their own that no pass of the survey called, each with the reason."""
    modules = modules_by_name(unwrap(net))
    names = uncalled(unwrap(net), {layer.module for layer in layers if layer.function is None})
    return [(name, _silent(modules, layers, name)) for name in names]


def _silent(modules: Mapping[str, nn.Module], layers: Sequence[Layer], name: str) -> str:
    """Why a module has no output to count."""
    parent = name.rpartition(".")[0]
    if isinstance(modules.get(parent), nn.MultiheadAttention):
        return f"{_ATTENTION}; count {parent!r} instead" if parent else _ATTENTION
    if isinstance(modules[name], (nn.ModuleList, nn.ModuleDict)):
        inside = next((x.name for x in layers if x.name.startswith(f"{name}.")), None)
        return f"{_HOLDER}; count '{name}.*' instead" if inside else _HOLDER
    return _UNUSED


def _alias(net: nn.Module, name: str) -> str | None:
    """The name under which a module is listed that also goes by `name`."""
    everywhere = {clean_name(n): module for n, module in net.named_modules(remove_duplicate=False)}
    first = {id(module): n for n, module in modules_by_name(net).items()}
    return first.get(id(everywhere[name])) if name in everywhere else None


def _nothing(layers: Sequence[Layer]) -> str:
    broken = next((x for x in layers if x.problem and x.role != "other"), None)
    why = f" Layer {broken.name!r} cannot be counted: {broken.problem}." if broken else ""
    return f"The model must have a nonlinearity, a block or a last layer. Got none to count.{why} {LIST_THEM}"
