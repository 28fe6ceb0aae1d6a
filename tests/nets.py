"""Tiny nets, each awkward in one way, with weights that make every output known."""
# mypy: disable-error-code="no-any-return"

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def linear(rows: Sequence[Sequence[float]], bias: Sequence[float] | None = None) -> nn.Linear:
    """A linear layer with these weights (out, in)."""
    weight = torch.tensor(rows, dtype=torch.float32)
    layer = nn.Linear(weight.shape[1], weight.shape[0], bias=bias is not None)
    with torch.no_grad():
        layer.weight.copy_(weight)
        if bias is not None:
            layer.bias.copy_(torch.tensor(bias))
    return layer


def plus_minus() -> nn.Linear:
    """Two units: x and -x of a single feature."""
    return linear([[1.0], [-1.0]])


def plus_minus_conv() -> nn.Conv2d:
    """Two channels: x and -x of a single one."""
    conv = nn.Conv2d(1, 2, 1, bias=False)
    with torch.no_grad():
        conv.weight.copy_(torch.tensor([1.0, -1.0]).view(2, 1, 1, 1))
    return conv


class InPlace(nn.Sequential):
    """A ReLU that overwrites what the convolution gave."""

    def __init__(self) -> None:
        super().__init__(plus_minus_conv(), nn.ReLU(inplace=True))


class AddsInPlace(nn.Module):
    """A forward that overwrites its layer's output without any module."""

    def __init__(self) -> None:
        super().__init__()
        self.fc = plus_minus()

    def forward(self, x: Tensor) -> Tensor:
        y = self.fc(x)
        y += 100
        return y


class Half(nn.Module):
    """A part that calls nonlinearities as functions; one of its children is called relu too."""

    def __init__(self) -> None:
        super().__init__()
        self.fc = plus_minus()
        self.relu = nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        return self.relu(torch.tanh(F.relu(self.fc(x))))


class Functional(nn.Module):
    """Nonlinearities as functions, as methods, in place, twice; and a module that calls one inside itself."""

    def __init__(self) -> None:
        super().__init__()
        self.part = Half()
        self.act = nn.ReLU()
        self.fc = linear([[1.0, -1.0], [-1.0, 1.0]])

    def forward(self, x: Tensor) -> Tensor:
        x = self.act(F.gelu(self.part(x)))
        x = F.relu(self.fc(x)) - 0.5
        x.relu_()
        return F.log_softmax(x, -1)


class Swish(nn.Module):
    """A nonlinearity of the net's own making."""

    def forward(self, x: Tensor) -> Tensor:
        return x * torch.sigmoid(x)


class OwnNonlinearity(nn.Sequential):
    """A home-made nonlinearity between two linear layers."""

    def __init__(self) -> None:
        super().__init__(plus_minus(), Swish(), linear([[1.0, 1.0]]))


class Reused(nn.Module):
    """One ReLU module called after each of two layers."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.b, self.act = plus_minus(), linear([[-1.0, 0.0], [1.0, 0.0]]), nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        return self.act(self.b(self.act(self.a(x))))


@dataclass
class Parts:
    """An output in named parts."""

    mask: Tensor
    extra: Tensor
    logits: Tensor


class Returns(nn.Module):
    """A part that returns a tuple, a dict or a dataclass, beside a layer after it."""

    def __init__(self, kind: str) -> None:
        super().__init__()
        self.part = Part(kind)
        self.fc = linear([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]])

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(self.part.unpack(self.part(x)))


class Part(nn.Module):
    def __init__(self, kind: str) -> None:
        super().__init__()
        self.kind, self.fc = kind, plus_minus()

    def forward(self, x: Tensor) -> object:
        y = self.fc(x)
        mask, extra = x > 0, y.unsqueeze(1) + 1
        if self.kind == "tuple":
            return mask, [y, extra]
        if self.kind == "dict":
            return {"mask": mask, "extra": extra, "last_hidden_state": y}
        return Parts(mask, extra, y)

    def unpack(self, output: object) -> Tensor:
        if isinstance(output, Parts):
            return output.logits
        return output["last_hidden_state"] if isinstance(output, dict) else output[1][0]  # type: ignore[index]


class Integers(nn.Module):
    """A part whose output is not floating, one without a unit axis, and one that returns nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.fc, self.choose, self.total, self.nothing = plus_minus(), Argmax(), Total(), Nothing()

    def forward(self, x: Tensor) -> Tensor:
        y = self.fc(x)
        self.nothing(y)
        return y + self.choose(y)[:, None] + self.total(y)[:, None]


class Argmax(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x.argmax(1)


class Total(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x.sum(1)


class Nothing(nn.Module):
    def forward(self, x: Tensor) -> None:
        return None


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


class Noisy(nn.Module):
    """Dropout and batch norm, left in train mode but for one frozen part."""

    def __init__(self) -> None:
        super().__init__()
        self.norm, self.drop, self.fc = nn.BatchNorm1d(2), nn.Dropout(0.5), linear([[2.0, 0.0], [0.0, 3.0]])
        self.train()
        self.norm.eval()

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(self.drop(self.norm(x)))


class Stops(nn.Module):
    """Stops half way for negative input."""

    def __init__(self, error: BaseException) -> None:
        super().__init__()
        self.error, self.a, self.act, self.b = error, plus_minus(), nn.ReLU(), linear([[1.0, 1.0]])

    def forward(self, x: Tensor) -> Tensor:
        y = F.relu(self.act(self.a(x)))
        if bool((x < 0).any()):
            raise self.error
        return self.b(y)


class Skips(nn.Module):
    """Calls its second layer only for positive input."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.b = plus_minus(), nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        y = self.a(x)
        return self.b(y) if bool((x > 0).all()) else y


class Residual(nn.Module):
    """y + x where the widths agree."""

    def __init__(self, inside: int, outside: int) -> None:
        super().__init__()
        self.conv, self.act, self.skip = nn.Conv2d(inside, outside, 1), nn.ReLU(), inside == outside

    def forward(self, x: Tensor) -> Tensor:
        y = self.conv(self.act(x))
        return y + x if self.skip else y


class Blocks(nn.Module):
    """Three blocks of one class in a list, one of them without a skip; then classes."""

    def __init__(self) -> None:
        super().__init__()
        self.blocks = nn.ModuleList([Residual(3, 3), Residual(3, 5), Residual(5, 5)])
        self.pool, self.fc = nn.AdaptiveAvgPool2d(1), nn.Linear(5, 4)

    def forward(self, x: Tensor) -> Tensor:
        for block in self.blocks:
            x = block(x)
        return torch.softmax(self.fc(self.pool(x).flatten(1)), 1)


class OtherResidual(Residual):
    """The same under another class."""


class Pair(nn.Module):
    """A block made of two residual parts of different classes (T5's attention and feed-forward)."""

    def __init__(self) -> None:
        super().__init__()
        self.parts = nn.ModuleList([Residual(3, 3), OtherResidual(3, 3)])

    def forward(self, x: Tensor) -> Tensor:
        return self.parts[1](self.parts[0](x))


class BasicBlock(nn.Module):
    """ResNet's: the ReLU after the sum is what it returns."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.relu = nn.Conv2d(3, 3, 1), nn.ReLU(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        return self.relu(self.conv(x) + x)


class Shared(nn.Module):
    """One module under two names."""

    def __init__(self) -> None:
        super().__init__()
        self.first = plus_minus()
        self.second = self.first

    def forward(self, x: Tensor) -> Tensor:
        return self.first(x)
