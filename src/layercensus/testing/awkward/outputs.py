"""Nets that overwrite, reuse or return their layers' outputs in an awkward way."""
# mypy: disable-error-code="no-any-return"

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .weights import linear, plus_minus, plus_minus_conv


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
    """Gives its output in a container of the named kind."""

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
    """Gives integers."""

    def forward(self, x: Tensor) -> Tensor:
        return x.argmax(1)


class Total(nn.Module):
    """Gives one number an example."""

    def forward(self, x: Tensor) -> Tensor:
        return x.sum(1)


class Nothing(nn.Module):
    """Gives nothing."""

    def forward(self, x: Tensor) -> None:
        return None
