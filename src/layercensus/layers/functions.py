"""What the functions that a forward pass calls do to units: their names, and which are nonlinearities."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from torch import Tensor, nn

NONLINEAR = frozenset({
    "relu", "relu6", "gelu", "silu", "mish", "tanh", "sigmoid", "leaky_relu", "elu", "celu", "selu", "hardswish",
    "hardtanh", "hardsigmoid", "softplus", "softsign", "glu", "prelu", "rrelu", "logsigmoid", "hardshrink",
    "softshrink", "tanhshrink", "threshold",
})  # fmt: skip
ATTENTION = "scaled_dot_product_attention"
LISTED = NONLINEAR | {ATTENTION}  # functions whose outputs are layers
_SPELLED = {"log_sigmoid": "logsigmoid"}
_NO_NEURONS = (nn.MultiheadAttention, nn.Softmax, nn.Softmax2d, nn.Softmin, nn.LogSoftmax)


def function_name(function: Callable[..., Any]) -> str:
    """One name for a function and its spellings: F.relu, torch.relu_, Tensor.relu_ -> "relu"."""
    name = getattr(function, "__name__", "")
    if name in ("__get__", "__set__"):  # a property such as x.mT
        name = getattr(getattr(function, "__self__", None), "__name__", name)
    if not name.startswith("__"):
        name = name.strip("_")
    return _SPELLED.get(name, name)


def is_activation(module: nn.Module) -> bool:
    """Whether a module is one of PyTorch's nonlinearities; a recurrent net's output is its nonlinearity's too."""
    if isinstance(module, (nn.RNNBase, nn.RNNCellBase)):
        return True
    family = any(c.__module__ == "torch.nn.modules.activation" for c in type(module).__mro__)
    return family and not isinstance(module, _NO_NEURONS)


def tensor_arguments(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Iterator[Tensor]:
    """The tensors that a function was given, also those in lists."""
    for value in (*args, *kwargs.values()):
        if isinstance(value, Tensor):
            yield value
        elif isinstance(value, (tuple, list)):
            yield from (part for part in value if isinstance(part, Tensor))
