"""What a net's weights are, in one number."""

from __future__ import annotations

from hashlib import sha256

import torch
from torch import nn


def weights(net: nn.Module) -> str:
    """Hash of the names, shapes, types and contents of all parameters and buffers, 64 hexadecimal digits."""
    digest = sha256()
    for name, tensor in sorted(net.state_dict().items()):
        if not isinstance(tensor, torch.Tensor):
            continue
        digest.update(f"{name}|{tuple(tensor.shape)}|{tensor.dtype}|".encode())
        plain = tensor.detach().cpu().contiguous()
        digest.update(plain.reshape(-1).view(torch.uint8).numpy().tobytes() if plain.numel() else b"")
    return digest.hexdigest()
