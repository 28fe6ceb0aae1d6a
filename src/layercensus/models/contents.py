"""What a module computes with beside its parameters, buffers and children: in attributes, tensors and plain values."""

from __future__ import annotations

import functools
import types
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from .computed import computed_names
from .mutable_attributes import cell_contents, is_part, mutable_attributes
from .packed import packed_state

Leaf = Tensor | np.ndarray[Any, Any] | str  # a plain value is its text
DEEPEST = 12  # containers in containers
OBJECT = 4  # levels that an object of a class counts for: what it refers to may be large
OF_EVERY_MODULE = frozenset(vars(nn.Module())) | {"_compiled_call_impl", "_flat_weights", "_flat_weight_refs"}
OF_NO_EFFECT = frozenset({"name_or_path", "warnings_issued", "gradient_checkpointing", "grad_checkpointing"})


def beside(net: nn.Module) -> Iterator[tuple[nn.Module, str, Leaf]]:
    """Every tensor, array and plain value that a net's modules hold in attributes, with its module and its name there.

    Lists, dicts, closures, partial functions, objects, packed weights and `get_extra_state` are gone through. Left out
    are attributes that the net's own forward changes (caches, counters), and what is computed from other
    parameters (the weight behind a weight norm or a pruning mask).

    >>> net = nn.Linear(2, 3)
    >>> net.temperature = 0.5
    >>> [(name, leaf) for module, name, leaf in beside(net) if name == "temperature"]
    [('temperature', '0.5')]
    """
    modules = list(net.modules())
    mutable = mutable_attributes(modules)
    registered = {id(t) for m in modules for t in (*m._parameters.values(), *m._buffers.values())}
    registered |= {id(module) for module in modules}
    for module in modules:
        changed = mutable.get(module, set())
        left_out = OF_EVERY_MODULE | OF_NO_EFFECT | changed | computed_names(module)
        own = {name: value for name, value in vars(module).items() if name not in left_out}
        for name, value in own.items():
            leaves = _leaves(name, value, frozenset(registered))
            yield from ((module, path, leaf) for path, leaf in leaves if not is_part(path, changed))
        for path, leaf in _leaves("extra state", _extra_state(module), frozenset(registered)):
            yield module, path, leaf


def _extra_state(module: nn.Module) -> object:
    if type(module).get_extra_state is nn.Module.get_extra_state:
        return None
    try:
        return module.get_extra_state()
    except Exception:  # user code; what cannot be had cannot be compared
        return None


def _leaves(path: str, value: object, seen: frozenset[int], depth: int = 0) -> Iterator[tuple[str, Leaf]]:
    if isinstance(value, (bool, int, float, complex, str, bytes, torch.dtype, np.generic)):
        if not path.startswith("_") or isinstance(value, (float, complex)):
            yield path, repr(value)
    elif id(value) in seen or depth > DEEPEST:
        return
    elif isinstance(value, (Tensor, np.ndarray)):
        if not (isinstance(value, Tensor) and value.grad_fn is not None):  # an activation that was kept
            yield path, value
    else:
        deeper = depth + (OBJECT if hasattr(value, "__dict__") else 1)
        for step, part in _parts(value):
            yield from _leaves(path + step, part, seen | {id(value)}, deeper)


def _parts(value: object) -> Iterator[tuple[str, object]]:
    """What lies in a container, a function or an object, in an order of its own."""
    if isinstance(value, torch.ScriptObject):
        yield ".packed", packed_state(value)
    elif isinstance(value, Mapping):
        for key in sorted(value, key=repr):
            if isinstance(key, (str, int, float, bool, tuple)) and not isinstance(value[key], (str, bool, int)):
                yield f"[{key!r}]", value[key]
    elif isinstance(value, (tuple, list)):
        yield from ((f"[{i}]", part) for i, part in enumerate(value))
    elif isinstance(value, functools.partial):
        yield from (("()", value.func), ("(args)", value.args), ("(keywords)", list(value.keywords.items())))
    elif isinstance(value, (types.FunctionType, types.BuiltinFunctionType, types.MethodType)):
        yield from _of_function(value)
    elif isinstance(value, nn.Module):
        yield "()", type(value).__qualname__
        tensors = (*value.named_parameters(), *value.named_buffers())
        yield from ((f".{name}", tensor) for name, tensor in tensors)
        yield from ((f".{name}", leaf) for _, name, leaf in beside(value))
    elif hasattr(value, "__dict__") and not isinstance(value, (type, types.ModuleType)):
        yield from ((f".{name}", part) for name, part in vars(value).items() if not _is_plain(part))


def _is_plain(value: object) -> bool:
    return isinstance(value, (bool, int, float, complex, str, bytes))


def _of_function(value: Any) -> Iterator[tuple[str, object]]:
    """A function by its name; one without a name of its own (a lambda, one made inside another) by all that it does."""
    function = getattr(value, "__func__", value)
    name = getattr(function, "__qualname__", type(function).__name__)
    yield "()", name
    if not isinstance(function, types.FunctionType) or "<" not in name:
        return
    code = function.__code__
    constants = [c for c in code.co_consts if isinstance(c, (bool, int, float, complex, str, bytes, type(None)))]
    yield "(code)", f"{code.co_code.hex()}|{code.co_names}|{constants}"
    yield "(defaults)", (function.__defaults__ or (), list((function.__kwdefaults__ or {}).items()))
    for free, cell in zip(code.co_freevars, function.__closure__ or (), strict=True):
        yield f"({free})", cell_contents(cell)


def arrays_beside(net: nn.Module) -> Iterator[tuple[nn.Module, str, Tensor]]:
    """The tensors alone; arrays of numpy as tensors that share their memory."""
    for module, name, leaf in beside(net):
        if isinstance(leaf, np.ndarray) and leaf.dtype.kind in "fc":
            yield module, name, torch.as_tensor(leaf)
        elif isinstance(leaf, Tensor):
            yield module, name, leaf
