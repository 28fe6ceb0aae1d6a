"""The layers inside a recurrent module of several: what each but the last gives, computed again with its weights."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn

INNER = re.compile(r"l\d+$")  # their names, as in the module's own weight_ih_l0
Change = Callable[[str, Tensor], Tensor | None]  # from a layer's name and output to another; None: leave it
_KERNELS = {"LSTM": "lstm", "GRU": "gru", "RNN_TANH": "rnn_tanh", "RNN_RELU": "rnn_relu"}


def inner_layers(module: nn.Module, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> list[tuple[str, Tensor]]:
    """Name and output of every layer but the last of an LSTM, GRU or RNN that was called with these arguments.

    One fused kernel computes all of them, so that no hook sees them. Outputs have the layout of the module's own
    output: (..., directions x hidden). None of a module with one layer, or of packed sequences. Cost: that of the
    layers.

    >>> lstm = nn.LSTM(3, 4, num_layers=2, bidirectional=True)
    >>> [(name, tuple(y.shape)) for name, y in inner_layers(lstm, (torch.zeros(5, 2, 3),), {})]
    [('l0', (5, 2, 8))]
    """
    found: list[tuple[str, Tensor]] = []
    x, states = _given(module, args, kwargs)
    if x is not None and isinstance(module, nn.RNNBase):
        with torch._C.DisableTorchFunction():
            _run(module, x, states, module.num_layers - 1, lambda name, y: found.append((name, y)))
    return found


def last_layer(module: nn.Module, args: tuple[Any, ...], kwargs: Mapping[str, Any], exchange: Change) -> Tensor | None:
    """The module's output after each layer but the last has been exchanged; None where `inner_layers` finds none."""
    x, states = _given(module, args, kwargs)
    if x is None or not isinstance(module, nn.RNNBase):
        return None
    with torch._C.DisableTorchFunction():
        return _run(module, x, states, module.num_layers, exchange)


def _given(
    module: nn.Module, args: tuple[Any, ...], kwargs: Mapping[str, Any]
) -> tuple[Tensor | None, list[Tensor]]:  # fmt: skip
    """The input and the states of a call; no input where the module has no layer but one, or gets a packed sequence."""
    given = dict(zip(("input", "hx"), args, strict=False)) | dict(kwargs)
    x, hx = given.get("input"), given.get("hx")
    if not isinstance(module, nn.RNNBase) or module.num_layers < 2 or not isinstance(x, Tensor):
        return None, []
    return x, [hx] if isinstance(hx, Tensor) else list(hx or ())


def _run(
    module: nn.RNNBase, x: Tensor, states: list[Tensor], layers: int, exchange: Change
) -> Tensor:  # fmt: skip
    """What the first `layers` layers give, each but the module's last handed to `exchange` on the way."""
    single = x.ndim == 2
    batch = 0 if module.batch_first else 1
    if single:
        x, states = x.unsqueeze(batch), [state.unsqueeze(1) for state in states]
    for index in range(layers):
        x = _layer(module, x, states, index)
        if index < module.num_layers - 1:
            new = exchange(f"l{index}", x.squeeze(batch) if single else x)
            x = x if new is None else new.unsqueeze(batch) if single else new
    return x.squeeze(batch) if single else x


def _layer(module: nn.RNNBase, x: Tensor, states: list[Tensor], index: int) -> Tensor:
    kernel = getattr(torch._VF, _KERNELS[module.mode])
    size, ways = len(module._flat_weights) // module.num_layers, 2 if module.bidirectional else 1
    own = [state[index * ways : (index + 1) * ways].contiguous() for state in states] or _zeros(module, x, ways)
    hidden = own if module.mode == "LSTM" else own[0]
    weights = module._flat_weights[index * size : (index + 1) * size]
    y: Tensor = kernel(x, hidden, weights, module.bias, 1, 0.0, False, module.bidirectional, module.batch_first)[0]
    return y


def _zeros(module: nn.RNNBase, x: Tensor, ways: int) -> list[Tensor]:
    examples = x.shape[0 if module.batch_first else 1]
    sizes = [module.proj_size or module.hidden_size]
    if module.mode == "LSTM":
        sizes.append(module.hidden_size)
    return [x.new_zeros(ways, examples, size) for size in sizes]
