"""Nets whose units or examples lie on an unusual axis."""
# mypy: disable-error-code="no-any-return"

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .weights import plus_minus


class ConvNeXtBlock(nn.Module):
    """Depthwise convolution in NCHW, everything else in NHWC, and back, with a skip."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.dwconv = nn.Conv2d(width, width, 3, padding=1, groups=width)
        self.norm, self.up, self.act = nn.LayerNorm(width), nn.Linear(width, 4 * width), nn.GELU()
        self.down, self.gamma = nn.Linear(4 * width, width), nn.Parameter(torch.ones(width))

    def forward(self, x: Tensor) -> Tensor:
        y = self.dwconv(x).permute(0, 2, 3, 1)
        y = self.gamma * self.down(self.act(self.up(self.norm(y))))
        return x + y.permute(0, 3, 1, 2)


class ConvNeXt(nn.Module):
    """Images in two layouts: (n, 3, 6, 6) -> (n, 5)."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 4, 1)
        self.blocks = nn.Sequential(ConvNeXtBlock(4), ConvNeXtBlock(4))
        self.head = nn.Linear(4, 5)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.blocks(self.stem(x)).mean((2, 3)))


class Signals(nn.Sequential):
    """One-dimensional convolutions: (n, 1, 12) in NCL."""

    def __init__(self) -> None:
        super().__init__(nn.Conv1d(1, 5, 3), nn.BatchNorm1d(5), nn.ReLU(), nn.Flatten(), nn.Linear(50, 2))


class Patches(nn.Module):
    """A vision transformer's start: patches of a convolution become tokens (n, 9, 4), then mixed across tokens."""

    def __init__(self) -> None:
        super().__init__()
        self.cut, self.act = nn.Conv2d(3, 4, 2, stride=2), nn.ReLU()
        self.tokens, self.mix, self.last = nn.Linear(9, 7), nn.GELU(), nn.GELU()

    def forward(self, x: Tensor) -> Tensor:
        tokens = self.act(self.cut(x).flatten(2).transpose(1, 2))
        mixed = self.mix(self.tokens(tokens.mT))  # (n, 4, 7)
        return self.last(mixed.transpose(1, 2))  # units: still the 7 mixed tokens, now on axis 1


class Columns(nn.Module):
    """A weight times columns (n, 7, 4) -> (n, 5, 7), then attention-like products back to rows."""

    def __init__(self) -> None:
        super().__init__()
        self.weight, self.fc = nn.Parameter(torch.randn(5, 4)), nn.Linear(4, 4)

    def forward(self, x: Tensor) -> Tensor:
        gates = F.softplus(self.weight @ x.mT)  # (n, 5, 7)
        weights = torch.softmax(gates.mT @ gates, -1)  # (n, 7, 7)
        return F.relu(weights @ self.fc(x))


class TimeFirst(nn.Module):
    """A transformer with batch_first=False: its layers see (tokens, examples, features)."""

    def __init__(self, width: int = 8) -> None:
        super().__init__()
        layer = nn.TransformerEncoderLayer(width, 2, 12, batch_first=False)
        self.encoder = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
        self.head = nn.Linear(width, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.encoder(x.transpose(0, 1)).mean(0))


class BatchFirst(nn.Module):
    """A transformer whose fused kernels would skip its modules in eval mode."""

    def __init__(self) -> None:
        super().__init__()
        layer = nn.TransformerEncoderLayer(8, 2, 12, batch_first=True)
        self.encoder = nn.TransformerEncoder(layer, 2)

    def forward(self, x: Tensor) -> Tensor:
        return self.encoder(x)


class Positions(nn.Module):
    """Embedded tokens (n, tokens) plus embedded positions, which hold no examples."""

    def __init__(self) -> None:
        super().__init__()
        self.word, self.place, self.head = nn.Embedding(11, 4), nn.Embedding(9, 4), nn.Linear(4, 2)

    def forward(self, ids: Tensor) -> Tensor:
        return self.head(self.word(ids) + self.place(torch.arange(ids.shape[1])))


class Folded(nn.Module):
    """Examples of k crops each (n, k, 1), laid into the batch crop by crop ("inner") or example by example."""

    def __init__(self, inner: bool) -> None:
        super().__init__()
        self.inner, self.fc, self.act = inner, plus_minus(), nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        n, k, _ = x.shape
        flat = torch.cat(list(x.unbind(1))) if self.inner else x.reshape(n * k, 1)
        y = self.act(self.fc(flat))
        return y.view(k, n, 2).transpose(0, 1) if self.inner else y.view(n, k, 2)


class Heads(nn.Module):
    """Attention over tokens (n, tokens, 6) by function: 2 heads of 3."""

    def __init__(self) -> None:
        super().__init__()
        self.qkv, self.out = nn.Linear(6, 18), nn.Linear(6, 6)

    def forward(self, x: Tensor) -> Tensor:
        n, t, _ = x.shape
        q, k, v = self.qkv(x).reshape(n, t, 3, 2, 3).permute(2, 0, 3, 1, 4)
        y = F.scaled_dot_product_attention(q, k, v)
        return self.out(y.transpose(1, 2).reshape(n, t, 6))


class Attends(nn.Module):
    """MultiheadAttention, which reads out_proj's weights without calling it; and a layer that nobody calls."""

    def __init__(self) -> None:
        super().__init__()
        self.attn, self.unused = nn.MultiheadAttention(6, 2, batch_first=True), nn.Linear(6, 6)
        self.heads = nn.ModuleList([nn.Linear(6, 2)])

    def forward(self, x: Tensor) -> Tensor:
        return self.heads[0](self.attn(x, x, x)[0])
