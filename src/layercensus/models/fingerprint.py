"""What a net is, in one number."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from hashlib import sha256

import numpy as np
import torch
from torch import Tensor, nn

from ..layers.net import clean_name, is_compiled_wrapper
from .contents import Leaf, beside


def weights(net: nn.Module, *, statistics: bool = True) -> str:
    """Hash of all that a net computes with, 64 hexadecimal digits.

    Names, shapes, types and contents of all parameters and buffers, the modules' kinds, and what they hold beside
    (`contents.beside`): plain tensors, packed weights, extra state, numbers, functions. The same on every device, in
    every memory format, in train and eval mode and behind torch.compile; one weight under two names counts twice. Not
    seen are tensors that are global variables, hooks, settings objects, and the body of a function that has a name.

    statistics: whether buffers count, such as the running statistics of normalisation layers.
    """
    tensors: list[tuple[str, Tensor]] = list(net.named_parameters(remove_duplicate=False))
    tensors += net.named_buffers(remove_duplicate=False) if statistics else []
    digest = sha256()
    for name, tensor in sorted(((clean_name(name), tensor) for name, tensor in tensors), key=lambda pair: pair[0]):
        digest.update(name.encode())
        _absorb(digest, tensor)
    names = {m: clean_name(name) for name, m in net.named_modules() if not is_compiled_wrapper(m)}
    for module, name in sorted(names.items(), key=lambda pair: pair[1]):
        digest.update(f"{name}|{type(module).__qualname__}|".encode())
    held = [(f"{names[m]}|{name}", leaf) for m, name, leaf in beside(net) if m in names]
    for name, leaf in sorted(held, key=lambda pair: pair[0]):
        digest.update(name.encode())
        _absorb(digest, leaf)
    return digest.hexdigest()


def _absorb(digest: hashlib._Hash, value: Leaf) -> None:
    """Shape, type and numbers; or the text of a plain value."""
    if isinstance(value, str):
        return digest.update(value.encode())
    digest.update(f"|{tuple(value.shape)}|{value.dtype}|".encode())
    if isinstance(value, np.ndarray):
        return digest.update(repr(value.tolist()).encode() if value.dtype.hasobject else value.tobytes())
    flatten = getattr(value, "__tensor_flatten__", None)
    parts: Iterable[Tensor] = ()
    if flatten is not None and type(value) not in (Tensor, nn.Parameter):  # a tensor made of tensors
        parts = [getattr(value, part) for part in flatten()[0]]
    elif value.is_nested:
        parts = value.detach().unbind()
    elif not value.is_meta:
        digest.update(_bytes(value))
    for part in parts:
        _absorb(digest, part)


def _bytes(tensor: Tensor) -> memoryview:
    plain = tensor.detach().cpu()
    plain = plain.dequantize() if plain.is_quantized else plain
    plain = (plain.to_dense() if plain.layout is not torch.strided else plain).resolve_conj().resolve_neg()
    return memoryview(plain.contiguous().reshape(-1).view(torch.uint8).numpy())  # type: ignore[arg-type]
