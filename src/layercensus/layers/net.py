"""A net as this library needs it: plain, callable with any kind of inputs, its modules by name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from ..errors import CensusError
from .outputs import tensors
from .torch_state import as_called

Inputs = Tensor | Mapping[str, Any] | tuple[Any, ...] | list[Any]
_COMPILED = "_orig_mod"
_PARALLEL = (nn.DataParallel, nn.parallel.DistributedDataParallel)  # whose .module is the net
_EXPORTED = "_StatefulGraphModule"  # what torch.export's .module() gives
_REFUSED = {
    "DataParallel": "put its .module in its place: replicas run the layers at the same time",
    "DistributedDataParallel": "put its .module in its place",
    "FullyShardedDataParallel": "pass the net as it is before sharding",
    "ScriptModule": "pass the Python module that it was made from: outputs inside scripted code cannot be read",
}


def unwrap(net: nn.Module) -> nn.Module:
    """The plain module behind one of torch.compile, DataParallel or DistributedDataParallel.

    >>> unwrap(nn.DataParallel(nn.Linear(2, 3)))
    Linear(in_features=2, out_features=3, bias=True)

    Raises:
        CensusError: not a module, or one whose layers cannot be read (sharded, scripted): what to pass instead.
    """
    if not isinstance(net, nn.Module):
        raise CensusError(f"A model must be a torch.nn.Module. Got {type(net).__name__}.")
    while is_compiled_wrapper(net) or isinstance(net, _PARALLEL):
        net = net.module if isinstance(net, _PARALLEL) else getattr(net, _COMPILED)
    if any(c.__name__ == _EXPORTED for c in type(net).__mro__):
        raise CensusError(
            "A model must be a plain module. Got an exported program: pass the Python module that was exported: "
            "a graph of single operations calls no layer whose output could be read."
        )
    for name, module in net.named_modules():
        refused = next((c.__name__ for c in type(module).__mro__ if c.__name__ in _REFUSED), None)
        if refused:
            where = f" at {name!r}" if name else ""
            raise CensusError(f"A model must be a plain module. Got a {refused}{where}: {_REFUSED[refused]}.")
    return net


def is_compiled_wrapper(module: nn.Module) -> bool:
    """Whether a module only stands for another one that torch.compile was given."""
    return type(module).__name__ == "OptimizedModule" and _COMPILED in module._modules


def call(net: nn.Module, inputs: Inputs) -> Any:
    """The net's output: a tensor is its one argument, a dict its keyword arguments, a tuple or list its arguments.

    Raises:
        CensusError: the inputs are of no such kind.
    """
    with as_called():
        if isinstance(inputs, Tensor):
            return net(inputs)
        if isinstance(inputs, Mapping):
            return net(**inputs)
        if isinstance(inputs, (tuple, list)):
            return net(*inputs)
    raise CensusError(f"Inputs must be a tensor, a dict or a tuple. Got {type(inputs).__name__}.")


def modules_by_name(net: nn.Module) -> dict[str, nn.Module]:
    """Every module of a net once, root first, by its dotted name without traces of torch.compile.

    >>> list(modules_by_name(nn.Sequential(nn.ReLU(), nn.Tanh())))
    ['', '0', '1']
    """
    named = net.named_modules()
    return {clean_name(name): module for name, module in named if not is_compiled_wrapper(module)}


def clean_name(name: str) -> str:
    """A dotted name without traces of torch.compile.

    >>> clean_name("encoder._orig_mod.act")
    'encoder.act'
    """
    return ".".join(step for step in name.split(".") if step != _COMPILED)


def count_examples(inputs: object) -> int:
    """How many examples inputs hold: the size of the first tensor's axis 0.

    Raises:
        CensusError: there is no tensor with an axis.

    >>> count_examples({"ids": torch.zeros(3, 7)})
    3
    """
    for _, tensor in tensors(inputs):
        if tensor.ndim:
            return tensor.shape[0]
    raise CensusError("Inputs must hold a tensor with the examples on axis 0. Got none.")


def map_examples(inputs: Any, change: Any) -> Any:
    """Inputs with `change` applied to every tensor that has the examples on axis 0; lists become tuples.

    >>> map_examples([torch.tensor([1, 2]), torch.tensor(3)], lambda t: t[:1])
    (tensor([1]), tensor(3))
    """
    return _mapped(inputs, count_examples(inputs), change)


def _mapped(inputs: Any, examples: int, change: Any) -> Any:
    if isinstance(inputs, Tensor):
        return change(inputs) if inputs.ndim and inputs.shape[0] == examples else inputs
    if isinstance(inputs, Mapping):
        return {name: _mapped(part, examples, change) for name, part in inputs.items()}
    if isinstance(inputs, (tuple, list)):
        return tuple(_mapped(part, examples, change) for part in inputs)
    return inputs


def with_two(inputs: Any) -> Any:
    """One example as two that differ: the second is the first, reversed along its last axis.

    >>> with_two(torch.tensor([[1, 2]]))
    tensor([[1, 2],
            [2, 1]])
    """
    return map_examples(inputs, lambda t: torch.cat([t, t.flip(-1) if t.ndim > 1 else t]))
