"""What a net's weights are, in one number."""

from __future__ import annotations

from hashlib import sha256

import torch
from torch import Tensor, nn

from ..layers.net import clean_name


def weights(net: nn.Module, *, statistics: bool = True) -> str:
    """Hash of the names, shapes, types and contents of all parameters and buffers, 64 hexadecimal digits.

    The same on every device, in every memory format and behind torch.compile; one weight under two names counts twice.
    statistics: whether buffers count, such as the running statistics of normalisation layers.
    """
    tensors: list[tuple[str, Tensor]] = list(net.named_parameters(remove_duplicate=False))
    tensors += net.named_buffers(remove_duplicate=False) if statistics else []
    digest = sha256()
    for name, tensor in sorted(((clean_name(name), tensor) for name, tensor in tensors), key=lambda pair: pair[0]):
        digest.update(f"{name}|{tuple(tensor.shape)}|{tensor.dtype}|".encode())
        digest.update(_content(tensor))
    return digest.hexdigest()


def _content(tensor: Tensor) -> memoryview:
    plain = tensor.detach().cpu()
    plain = (plain.to_dense() if plain.layout is not torch.strided else plain).resolve_conj().resolve_neg()
    return memoryview(plain.contiguous().reshape(-1).view(torch.uint8).numpy())  # type: ignore[arg-type]
