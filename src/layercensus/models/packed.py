"""The packed weights of layers that torch quantises: read, and drawn anew."""

from __future__ import annotations

import warnings

import torch
from torch import nn

from ..errors import CensusError

QUANTISED = "torch.ao.nn."
HOLDS = ("weight", "get_weight", "_packed_params", "_all_weight_values")
OF_RNN = ("input_size", "hidden_size", "num_layers", "bias", "batch_first", "dropout", "bidirectional")


def is_part(module: nn.Module) -> bool:
    """Whether a module only holds the packed weights of another."""
    return type(module).__name__ in ("LinearPackedParams", "PackedParameter", "EmbeddingPackedParams")


def is_quantised(module: nn.Module) -> bool:
    """Whether a module is one of torch's quantised layers, which keep their weights packed."""
    ours = type(module).__module__.startswith(QUANTISED) and ".quantized" in type(module).__module__
    return ours and any(hasattr(module, name) for name in HOLDS)


def packed_state(value: torch.ScriptObject) -> object:
    """What an object that keeps packed weights writes down of itself; None where torch cannot."""
    try:
        state: object = value.__getstate__()
    except Exception:  # torch raises what it likes
        return None
    return state


@torch.no_grad()
def repack(module: nn.Module, name: str) -> None:
    """Draw the weights of a dynamically quantised layer anew: those of a fresh float layer, quantised as it was.

    Raises:
        CensusError: a layer of another kind, such as one with the activations' scales of the trained net built in.
    """
    kind = type(module).__name__
    if ".dynamic." in type(module).__module__:
        if kind in ("Linear", "LinearReLU"):
            fresh = _quantised(nn.Linear(module.in_features, module.out_features), module)  # type: ignore[arg-type]
            return module.set_weight_bias(fresh.weight(), fresh.bias())  # type: ignore[operator,no-any-return]
        if kind in ("LSTM", "GRU"):
            float_layer = getattr(nn, kind)(**{part: getattr(module, part) for part in OF_RNN})
            fresh = _quantised(float_layer, module)
            module._all_weight_values = fresh._all_weight_values
            return None
    raise CensusError(
        f"The layer {name!r} ({kind}) keeps quantised weights that cannot be re-initialised. "
        "Count the net as it was before quantisation, pass twin=a module of yours, or twin=False."
    )


def _quantised(float_layer: nn.Module, like: nn.Module) -> nn.Module:
    dtype = getattr(getattr(like, "_packed_params", like), "dtype", torch.qint8)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that torch.ao moves elsewhere
        wrapped = torch.ao.quantization.quantize_dynamic(  # type: ignore[no-untyped-call]
            nn.ModuleList([float_layer]), {type(float_layer)}, dtype=dtype
        )
    fresh: nn.Module = wrapped[0]
    return fresh
