"""What the functions that a forward pass calls do to a tensor: their names, in families that every rule set shares."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from torch import Tensor, nn

CONVOLUTION = re.compile(r"conv(?P<transposed>_transpose)?(?P<axes>[123])d$")
POOL = re.compile(r"(?P<kind>max|avg|lp)_pool(?P<axes>[123])d(?:_with_indices)?$")
ADAPTIVE_POOL = re.compile(r"adaptive_(?:max|avg)_pool(?P<axes>[123])d(?:_with_indices)?$")

NONLINEAR = frozenset({
    "relu", "relu6", "gelu", "silu", "mish", "tanh", "sigmoid", "leaky_relu", "elu", "celu", "selu", "hardswish",
    "hardtanh", "hardsigmoid", "softplus", "softsign", "glu", "prelu", "rrelu", "logsigmoid", "hardshrink",
    "softshrink", "tanhshrink", "threshold",
})  # fmt: skip
ATTENTION = "scaled_dot_product_attention"
LISTED = NONLINEAR | {ATTENTION}  # functions whose outputs are layers

# Each element of the output is an element of the input: the same call on a marker says which.
MOVES = frozenset({
    "permute", "transpose", "swapaxes", "swapdims", "movedim", "moveaxis", "t", "T", "mT", "H", "mH", "adjoint",
    "reshape", "reshape_as", "view", "view_as", "flatten", "unflatten", "ravel", "squeeze", "unsqueeze", "expand",
    "expand_as", "broadcast_to", "getitem", "split", "chunk", "unbind", "unsafe_chunk", "unsafe_split", "tensor_split",
    "hsplit", "vsplit", "dsplit", "split_with_sizes", "select", "narrow", "index_select", "repeat", "tile",
    "repeat_interleave", "flip", "fliplr", "flipud", "rot90", "roll", "diagonal", "pixel_shuffle", "pixel_unshuffle",
    "channel_shuffle", "native_channel_shuffle",
})  # fmt: skip
REDUCTIONS = frozenset({"mean", "sum", "amax", "amin", "max", "min"})  # a marker comes through along what is left
STRUCTURAL = MOVES | REDUCTIONS
SPREADS = frozenset({"std", "var", "norm"})  # reductions through which no marker comes
JOINS = frozenset({"cat", "concat", "concatenate"})
STACKS = "stack"
SHUFFLE = "pixel_shuffle"
# Random numbers, always or only in training.
DRAWS = frozenset({
    "rand", "randn", "randint", "randperm", "rand_like", "randn_like", "randint_like", "bernoulli", "multinomial",
    "normal", "poisson", "uniform", "exponential", "geometric", "cauchy", "log_normal", "random", "gumbel_softmax",
})  # fmt: skip
DRAWS_IN_TRAINING = frozenset({
    "dropout", "dropout1d", "dropout2d", "dropout3d", "alpha_dropout", "feature_alpha_dropout", "feature_dropout",
    "rrelu",
})  # fmt: skip
# Constants of the shape, device or dtype of their argument, and of nothing that it holds.
MADE = frozenset({
    "zeros_like", "ones_like", "empty_like", "full_like", "rand_like", "randn_like", "randint_like", "new_zeros",
    "new_ones", "new_empty", "new_full", "new_tensor",
})  # fmt: skip
WRITES = "setitem"  # gives nothing back: what it wrote into counts as its output

CHANNEL_NORMS = frozenset({"batch_norm", "instance_norm", "group_norm"})
LAST_AXIS_NORMS = frozenset({"layer_norm", "rms_norm"})
# With states beside their output; the units of all lie on their last axes.
RECURRENT = frozenset(
    {"lstm", "gru", "rnn_tanh", "rnn_relu", "lstm_cell", "gru_cell", "rnn_tanh_cell", "rnn_relu_cell"}
)
# The units of the output lie on its last axis.
LAST = RECURRENT | {
    "linear", "bilinear", "rms_norm", "embedding", "embedding_bag", "multi_head_attention_forward", "tensordot",
    "cdist",
}  # fmt: skip
MATMUL = frozenset({"matmul", "mm", "bmm", "rmatmul", "addmm", "baddbmm", "addbmm", "einsum"})
ADDS = frozenset({"add", "radd", "iadd"})
_MAKES_UNITS = LAST | MATMUL | CHANNEL_NORMS | LAST_AXIS_NORMS | {ATTENTION}
# Position by position, after broadcasting; normalisations mix positions, but keep the shape.
POINTWISE = NONLINEAR | CHANNEL_NORMS | LAST_AXIS_NORMS | {
    "abs", "add", "addcdiv", "addcmul", "alpha_dropout", "bfloat16", "clamp", "clamp_max", "clamp_min", "clip",
    "clone", "contiguous", "cos", "detach", "div", "divide", "double", "dropout", "dropout1d", "dropout2d",
    "dropout3d", "erf", "exp", "feature_alpha_dropout", "feature_dropout", "float", "half", "iadd", "imul", "int",
    "ipow", "isub", "itruediv", "lerp", "local_response_norm", "log", "log1p", "log_softmax", "long", "masked_fill",
    "maximum", "minimum", "mul", "multiply", "nan_to_num", "neg", "normalize", "pow", "radd", "reciprocal", "rmul",
    "rpow", "rsqrt", "rsub", "rtruediv", "sign", "sin", "softmax", "sqrt", "square", "sub", "subtract", "to",
    "true_divide", "truediv", "type", "type_as", "where",
}  # fmt: skip

_SPELLED = {"log_sigmoid": "logsigmoid"}
_NO_NEURONS = (nn.MultiheadAttention, nn.Softmax, nn.Softmax2d, nn.Softmin, nn.LogSoftmax)


def function_name(function: Callable[..., Any]) -> str:
    """One name for a function and its spellings, without underscores around it.

    >>> import torch
    >>> [function_name(f) for f in (torch.relu_, torch.Tensor.relu, torch.Tensor.__iadd__, torch.Tensor.mT.__get__)]
    ['relu', 'relu', 'iadd', 'mT']
    """
    name = getattr(function, "__name__", "")
    if name in ("__get__", "__set__"):  # a property such as x.mT
        name = getattr(getattr(function, "__self__", None), "__name__", name)
    name = name.strip("_")
    return _SPELLED.get(name, name)


def makes_units(name: str) -> bool:
    """Whether a function makes new units or normalises them.

    >>> [makes_units(name) for name in ("conv2d", "linear", "layer_norm", "relu")]
    [True, True, True, False]
    """
    return name in _MAKES_UNITS or CONVOLUTION.match(name) is not None


def is_activation(module: nn.Module) -> bool:
    """Whether a module is one of PyTorch's nonlinearities; a recurrent net's output is its nonlinearity's too.

    >>> [is_activation(module) for module in (nn.ReLU(), nn.LSTM(2, 3), nn.Softmax(1), nn.Linear(2, 3))]
    [True, True, False, False]
    """
    if isinstance(module, (nn.RNNBase, nn.RNNCellBase)):
        return True
    family = any(c.__module__ == "torch.nn.modules.activation" for c in type(module).__mro__)
    return family and not isinstance(module, _NO_NEURONS)


def tensor_arguments(args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Iterator[Tensor]:
    """The tensors that a function was given, also those in lists, in the order in which they were written."""
    for value in (*args, *kwargs.values()):
        if isinstance(value, Tensor):
            yield value
        elif isinstance(value, (tuple, list)):
            yield from (part for part in value if isinstance(part, Tensor))
