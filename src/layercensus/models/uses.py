"""Which weights one forward pass uses, wherever they are kept."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode
from torch.utils.weak import WeakTensorKeyDictionary

from ..layers.functions import function_name
from ..layers.net import modules_by_name
from ..layers.outputs import tensors
from .packed import packed_state

CONTRACTIONS = frozenset({
    "linear", "bilinear", "conv1d", "conv2d", "conv3d", "conv_transpose1d", "conv_transpose2d", "conv_transpose3d",
    "conv_tbc", "matmul", "rmatmul", "mm", "bmm", "mv", "addmm", "addbmm", "baddbmm", "addmv", "inner", "dot",
    "tensordot", "einsum", "chain_matmul", "multi_dot", "sparse_mm", "embedding", "embedding_bag", "cdist",
    "multi_head_attention_forward", "scaled_dot_product_attention", "transformer_encoder_layer_fwd",
    "lstm", "gru", "rnn_tanh", "rnn_relu", "lstm_cell", "gru_cell", "rnn_tanh_cell", "rnn_relu_cell",
})  # fmt: skip
RULES = frozenset({"arange", "linspace", "logspace", "eye", "ones", "zeros", "full"})  # make numbers out of a few
PRODUCTS = frozenset({"mul", "rmul", "multiply", "sub", "rsub"})  # where broadcasting makes more of the input


@dataclass(frozen=True)
class Use:
    """A function's call on something computed from the input and on weights that are not."""

    module: str  # in whose forward it was called
    function: str
    weights: tuple[Tensor, ...]  # of two axes or more
    packed: bool  # they came out of an object that torch keeps for quantised layers


class Uses:
    """The uses of one forward pass, in their order."""

    def __init__(self, net: nn.Module, inputs: object) -> None:
        self.found: list[Use] = []
        self._modules = modules_by_name(net)
        self._running = [""]
        self._from_input = WeakTensorKeyDictionary()
        self._by_rule = WeakTensorKeyDictionary()  # made in this pass out of nothing, as positions are
        self._mark(inputs)

    @contextmanager
    def noting(self) -> Iterator[None]:
        """While open, the net's forward pass is written down."""
        with ExitStack() as stack:
            for name, module in self._modules.items():
                enter, leave = self._hooks(name)
                stack.callback(module.register_forward_pre_hook(enter, with_kwargs=True).remove)
                stack.callback(module.register_forward_hook(leave, with_kwargs=True, always_call=True).remove)
            stack.enter_context(_Mode(self._note))
            yield

    def _hooks(self, name: str) -> tuple[Callable[..., None], Callable[..., None]]:
        def enter(module: nn.Module, args: Any, kwargs: Any) -> None:
            self._running.append(name)

        def leave(module: nn.Module, args: Any, kwargs: Any, output: Any) -> None:
            self._running.pop()
            if self._depends((args, kwargs)):
                self._mark(output)  # also where the module went by way of something that is not torch

        return enter, leave

    def _note(self, name: str, args: Sequence[Any], kwargs: Mapping[str, Any], output: Any) -> None:
        given = {key: value for key, value in kwargs.items() if "mask" not in key}
        every = [tensor for _, tensor in tensors((list(args), given))]
        if (name in RULES and not every) or (every and all(tensor in self._by_rule for tensor in every)):
            for _, tensor in tensors(output):
                self._by_rule[tensor] = True
        if not any(tensor in self._from_input for tensor in every):
            return
        self._mark((output, args[:1]) if name == "setitem" else output)
        packed = [tensor for value in (*args, *given.values()) for tensor in _packed(value)]
        if name == "scaled_dot_product_attention":
            every = every[:3]
        still = [t for t in every if t not in self._from_input and t not in self._by_rule and _is_table(t)]
        grown = [
            t for t in every if t in self._from_input and isinstance(output, Tensor) and output.numel() > t.numel()
        ]
        if packed or (still and (name in CONTRACTIONS or (name in PRODUCTS and grown))):
            self.found.append(Use(self._running[-1], name, (*packed, *still), bool(packed)))

    def _depends(self, values: object) -> bool:
        return any(tensor in self._from_input for _, tensor in tensors(values))

    def _mark(self, values: object) -> None:
        for _, tensor in tensors(values):
            self._from_input[tensor] = True


class _Mode(TorchFunctionMode):
    def __init__(self, note: Callable[[str, Sequence[Any], Mapping[str, Any], Any], None]) -> None:
        super().__init__()
        self._note = note

    def __torch_function__(self, func: Callable[..., Any], types: Any, args: Any = (), kwargs: Any = None) -> Any:
        output = func(*args, **(kwargs or {}))
        with torch._C.DisableTorchFunction():
            self._note(function_name(func), args, kwargs or {}, output)
        return output


def _is_table(tensor: Tensor) -> bool:
    return (tensor.is_floating_point() or tensor.is_complex()) and tensor.ndim >= 2 and tensor.numel() > 1


def _packed(value: object) -> Iterator[Tensor]:
    """The weights in an object in which torch keeps those of quantised layers."""
    if isinstance(value, (tuple, list)):
        for part in value:
            yield from _packed(part)
    elif isinstance(value, torch.ScriptObject):
        for tensor in _inside(packed_state(value)):
            yield tensor.dequantize() if tensor.is_quantized else tensor


def _inside(state: object) -> Iterator[Tensor]:
    if isinstance(state, torch.ScriptObject):
        yield from _packed(state)
    elif isinstance(state, (tuple, list)):
        for part in state:
            yield from _inside(part)
    elif isinstance(state, Tensor) and state.ndim:
        yield state
