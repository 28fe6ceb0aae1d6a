"""Nonlinearities are seen by what they do, whatever they are called, and nothing else is taken for one."""
# mypy: disable-error-code="no-any-return"

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

import layercensus as lc
from layercensus.layers.layer import Layer
from layercensus.layers.select import select
from layercensus.layers.survey import survey
from layercensus.layers.tap import tap

Function = Callable[[Tensor], Tensor]


class Between(nn.Module):
    """A function between two linear layers, the second of which a tanh follows."""

    def __init__(self, function: Function, wide: int = 1) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.a, self.b, self.o = nn.Linear(8, 12 * wide), nn.Linear(12, 12), nn.Linear(12, 3)
        self.function = function

    def forward(self, x: Tensor) -> Tensor:
        return self.o(torch.atan(self.b(self.function(self.a(x)))))


def counted(net: nn.Module, x: Tensor) -> list[str]:
    return [layer.name for layer in survey(net, x) if layer.default]


def outputs(net: nn.Module, x: Tensor) -> dict[str, Tensor]:
    """What each counted layer hands on."""
    layers = [layer for layer in survey(net, x) if layer.default]
    seen: dict[str, Tensor] = {}

    def sink(layer: Layer, y: Tensor) -> None:
        seen[layer.name] = y.clone()

    with tap(net, layers, sink):
        net(x)
    return seen


class Clamps(torch.autograd.Function):
    """ReLU as an autograd.Function, in the older style."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:  # type: ignore[override]
        ctx.save_for_backward(x)
        return x.clamp(min=0)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:  # type: ignore[override]
        return gradient * (ctx.saved_tensors[0] > 0)


class Sigmoids(torch.autograd.Function):
    """A swish whose backward pass is its own, in the newer style."""

    @staticmethod
    def forward(x: Tensor) -> Tensor:  # type: ignore[override]
        return x * torch.sigmoid(x)

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
        ctx.save_for_backward(*inputs)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:  # type: ignore[override]
        return gradient


def writes(x: Tensor) -> Tensor:
    x = x.clone()
    x[x < 0] = 0
    return x


def in_place(x: Tensor) -> Tensor:
    x *= torch.sigmoid(x)
    return x


def elu(x: Tensor) -> Tensor:
    return F.relu(x) - F.relu(1 - torch.exp(x))


# what is written, and the name of the layer that it is
SPELLINGS: dict[str, tuple[Function, str]] = {
    "clamp": (lambda x: x.clamp(min=0), "clamp"),
    "clamp_": (lambda x: x.clamp_(min=0), "clamp"),
    "clip": (lambda x: torch.clip(x, -1, 1), "clip"),
    "maximum": (lambda x: torch.maximum(x, torch.zeros(())), "maximum"),
    "max of two": (lambda x: torch.max(x, 0 * x), "max"),
    "where": (lambda x: torch.where(x > 0, x, 0.01 * x), "where"),
    "masked_fill": (lambda x: x.masked_fill(x < 0, 0.0), "masked_fill"),
    "written into": (writes, "setitem"),
    "times its sign": (lambda x: x * (x > 0), "mul"),
    "mean of its absolute value and itself": (lambda x: (x.abs() + x) / 2, "div"),
    "swish": (lambda x: x * torch.sigmoid(x), "mul"),
    "swish in place": (in_place, "mul"),
    "swish with a slope": (lambda x: x * torch.sigmoid(1.702 * x), "mul@1"),
    "mish": (lambda x: x * torch.tanh(F.softplus(x)), "mul"),
    "squared relu": (lambda x: F.relu(x) ** 2, "pow"),
    "square of a relu": (lambda x: torch.square(torch.relu(x)), "square"),
    "hard swish": (lambda x: x * F.relu6(x + 3) / 6, "div"),
    "gelu": (lambda x: x * 0.5 * (1 + torch.erf(x / math.sqrt(2))), "mul@1"),
    "tanh gelu": (lambda x: 0.5 * x * (1 + torch.tanh(0.79788 * (x + 0.044715 * x**3))), "mul@3"),
    "softplus": (lambda x: torch.log(1 + torch.exp(x)), "log"),
    "softsign": (lambda x: x / (1 + x.abs()), "div"),
    "elu": (elu, "sub"),
    "snake": (lambda x: x + torch.sin(x) ** 2, "add"),
    "sine": (lambda x: torch.sin(30 * x), "sin"),
    "gaussian": (lambda x: torch.exp(-(x**2)), "exp"),
    "square": (lambda x: x * x, "mul"),
    "sign": (torch.sign, "sign"),
    "step": (lambda x: (x > 0).float(), "float"),
    "hyperbolic sine": (torch.asinh, "asinh"),  # no rule knows this one
    "special": (torch.special.expit, "special_expit"),
    "older autograd.Function": (Clamps.apply, "clamp"),
    "newer autograd.Function": (Sigmoids.apply, "mul"),
    "partial": (partial(F.leaky_relu, negative_slope=0.2), "leaky_relu"),
}  # fmt: skip


@pytest.mark.parametrize("name", list(SPELLINGS))
def test_a_nonlinearity_is_one_layer_however_it_is_spelled(name: str) -> None:
    function, layer = SPELLINGS[name]
    net, x = Between(function), torch.randn(5, 8)
    seen = outputs(net, x)
    assert list(seen) == [layer, "atan", "o"]
    assert torch.allclose(seen[layer], function(net.a(x)), atol=1e-6)  # the whole of it, and not a gate or a piece
    assert seen[layer].shape == (5, 12)


def halves(x: Tensor) -> tuple[Tensor, Tensor]:
    return x[:, :12], x[:, 12:]


PIECES: dict[str, tuple[Function, str]] = {
    "maxout": (lambda x: x.view(-1, 12, 2).amax(-1), "amax"),
    "maxout with indices": (lambda x: x.view(-1, 2, 12).max(1)[0], "max"),
    "maxout of two": (lambda x: torch.maximum(*halves(x)), "maximum"),
    "maxout of a stack": (lambda x: torch.stack(halves(x)).amax(0), "amax"),
    "gated": (lambda x: halves(x)[0] * torch.sigmoid(halves(x)[1]), "mul"),
    "glu": (lambda x: F.glu(x, 1), "glu"),
}


@pytest.mark.parametrize("name", list(PIECES))
def test_pieces_that_are_compared_or_gated(name: str) -> None:
    function, layer = PIECES[name]
    net, x = Between(function, wide=2), torch.randn(5, 8)
    seen = outputs(net, x)
    assert list(seen) == [layer, "atan", "o"]
    assert torch.allclose(seen[layer], function(net.a(x)), atol=1e-6)


@pytest.mark.parametrize(("gate", "layer"), [(F.silu, "silu"), (F.gelu, "gelu"), (torch.tanh, "tanh")])
def test_the_nonlinearity_of_a_gated_product_stays_the_layer_where_it_is_no_mere_gate(
    gate: Function, layer: str
) -> None:
    net, x = Between(lambda x: gate(halves(x)[0]) * halves(x)[1], wide=2), torch.randn(5, 8)
    seen = outputs(net, x)
    assert list(seen) == [layer, "atan", "o"]
    assert torch.allclose(seen[layer], gate(halves(net.a(x))[0]))


def layer_norm(x: Tensor) -> Tensor:
    centred = x - x.mean(-1, keepdim=True)
    return centred / torch.sqrt((centred**2).mean(-1, keepdim=True) + 1e-5)


def soft(x: Tensor) -> Tensor:
    e = torch.exp(x - x.amax(-1, keepdim=True))
    return e / e.sum(-1, keepdim=True)


NONE: dict[str, Function] = {
    "nothing": lambda x: x,
    "layer norm": lambda x: F.layer_norm(x, (12,)),
    "layer norm by hand": layer_norm,
    "standardised": lambda x: (x - x.mean(-1, keepdim=True)) / x.std(-1, keepdim=True),
    "root mean square": lambda x: x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + 1e-6),
    "root mean square, expanded": lambda x: x / x.square().mean(-1)[:, None].expand_as(x).sqrt(),
    "unit length": lambda x: x / x.norm(dim=-1, keepdim=True),
    "unit length by name": lambda x: F.normalize(x, dim=-1),
    "softmax": lambda x: x.softmax(-1),
    "softmax by hand": soft,
    "scaled, shifted and dropped": lambda x: F.dropout(3 * x / 7 - 1, 0.5),
    "masked": lambda x: x.masked_fill(torch.arange(12) > 5, 0.0),
    "chosen by a constant": lambda x: torch.where(torch.arange(12) > 5, x, torch.zeros(())),
    "positions": lambda x: x + torch.sin(torch.arange(12.0)),
    "residual": lambda x: x + x.flip(-1),
    "a guard against overflow": lambda x: torch.clamp(x.nan_to_num(), -65504, 65504),
    "noise": lambda x: x + torch.exp(0.5 * x.flip(-1)) * torch.randn_like(x),
    "cumulative": lambda x: x.cumsum(-1),
    "rounded": lambda x: torch.round(x * 8) / 8,
    "moved": lambda x: x.view(-1, 3, 4).transpose(1, 2).flatten(1),
}  # fmt: skip


@pytest.mark.parametrize("name", list(NONE))
def test_what_is_no_nonlinearity_of_units(name: str) -> None:
    assert counted(Between(NONE[name]), torch.randn(5, 8)) == ["atan", "o"]


class Attention(nn.Module):
    """One head with capped logits, behind features that are made of the input; the answer is capped too."""

    def __init__(self) -> None:
        super().__init__()
        self.q, self.k, self.v, self.out = (nn.Linear(4, 4) for _ in range(4))

    def forward(self, x: Tensor) -> Tensor:
        x = torch.log1p(x.abs()).sqrt()
        scores = self.q(x) @ self.k(x).mT / 2
        scores = 50 * torch.tanh(scores / 50)
        y = torch.exp(scores - scores.amax(-1, keepdim=True))
        y = self.out((y / y.sum(-1, keepdim=True)) @ self.v(x))
        return torch.tanh(y / 30.0) * 30.0


def test_preparing_the_input_attention_logits_and_soft_caps_are_no_layers() -> None:
    assert counted(Attention(), torch.randn(3, 5, 4)) == ["out"]


def test_a_scaled_tanh_between_layers_is_no_soft_cap() -> None:
    assert counted(Between(lambda x: 1.7159 * torch.tanh(2 / 3 * x)), torch.randn(5, 8)) == ["tanh", "atan", "o"]
    assert counted(Between(lambda x: 2 * torch.tanh(x / 2)), torch.randn(5, 8)) == ["tanh", "atan", "o"]


def test_a_loss_is_no_layer() -> None:
    class WithLoss(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.net, self.head = nn.Sequential(nn.Linear(4, 6), nn.ReLU()), nn.Linear(6, 1)

        def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
            p = torch.sigmoid(self.head(self.net(x))).clamp(1e-6, 1 - 1e-6)
            y = (x[:, :1] > 0).float()
            return p, -(y * p.log() + (1 - y) * (1 - p).log()).mean()

    assert counted(WithLoss(), torch.randn(5, 4)) == ["net.1", "sigmoid"]


class Act(nn.Module):
    """A nonlinearity of the user's own, as a module."""

    def __init__(self, function: Function) -> None:
        super().__init__()
        self.function = function

    def forward(self, x: Tensor) -> Tensor:
        return self.function(x)


class Gated(nn.Module):
    """Swish with a module for its gate."""

    def __init__(self) -> None:
        super().__init__()
        self.gate = nn.Sigmoid()

    def forward(self, x: Tensor) -> Tensor:
        return x * self.gate(x)


@pytest.mark.parametrize("name", ["clamp", "where", "swish", "mish", "sine", "gaussian", "older autograd.Function"])
def test_a_module_that_is_one_goes_by_its_own_name(name: str) -> None:
    function = SPELLINGS[name][0]
    net = nn.Sequential(nn.Linear(4, 6), Act(function), nn.Linear(6, 2))
    x = torch.randn(5, 4)
    layers = survey(net, x)
    assert [(layer.name, layer.role) for layer in layers] == [("0", "other"), ("1", "neurons"), ("2", "output")]
    assert torch.allclose(outputs(net, x)["1"], function(net[0](x)))


def test_a_gate_in_a_module_of_its_own_is_part_of_the_product() -> None:
    net, x = nn.Sequential(nn.Linear(4, 6), Gated(), nn.Linear(6, 2)), torch.randn(5, 4)
    seen = outputs(net, x)
    assert list(seen) == ["1.mul", "2"]
    assert torch.allclose(seen["1.mul"], F.silu(net[0](x)))


def test_a_squeeze_and_its_gate_stay_two_layers() -> None:
    class Squeeze(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv, self.fc, self.last = nn.Conv2d(3, 6, 1), nn.Conv2d(6, 6, 1), nn.Conv2d(6, 2, 1)

        def forward(self, x: Tensor) -> Tensor:
            x = self.conv(x).clamp(min=0)
            return self.last(x * torch.sigmoid(self.fc(x.mean((2, 3), keepdim=True))))

    assert counted(Squeeze(), torch.randn(2, 3, 4, 4)) == ["clamp", "sigmoid", "last"]


def test_what_a_layer_reads_directly_is_a_layer_beside_the_whole() -> None:
    class Both(nn.Module):
        """A relu that one layer reads, and its square, which another does."""

        def __init__(self) -> None:
            super().__init__()
            self.a, self.b, self.c = (nn.Linear(4, 4) for _ in range(3))

        def forward(self, x: Tensor) -> Tensor:
            x = torch.relu(self.a(x))
            return self.b(x) + self.c(x**2)

    assert counted(Both(), torch.randn(5, 4))[:2] == ["relu", "pow"]


def test_calls_are_numbered_as_they_are_heard() -> None:
    """The third clamp is the layer: one acts on the input, one on a weight."""

    class Third(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.a, self.scale, self.o = nn.Linear(4, 6), nn.Parameter(torch.ones(6)), nn.Linear(6, 2)

        def forward(self, x: Tensor) -> Tensor:
            y = self.a(x.clamp(-1, 1)) * self.scale.clamp(min=0.1)
            return self.o(y.clamp(min=0))

    net, x = Third(), torch.randn(5, 4)
    seen = outputs(net, x)
    assert list(seen) == ["clamp@2", "o"]
    assert torch.allclose(seen["clamp@2"], torch.relu(net.a(x.clamp(-1, 1))))


def test_convolutions_pooling_and_residual_sums_lead_to_the_layer_that_reads() -> None:
    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.a, self.b, self.fc = nn.Conv2d(3, 6, 3, padding=1), nn.Conv2d(6, 6, 1), nn.Linear(6, 2)

        def forward(self, x: Tensor) -> Tensor:
            x = F.max_pool2d(self.a(x), 2).clamp(min=0)
            x = x + self.b(x).clamp(min=0)
            return self.fc(F.adaptive_avg_pool2d(x, 1).flatten(1))

    layers = [layer for layer in survey(Net(), torch.randn(3, 3, 4, 4)) if layer.default]
    assert [(layer.name, layer.width, layer.role) for layer in layers] == [
        ("clamp", 6, "neurons"), ("clamp@1", 6, "neurons"), ("fc", 2, "output"),
    ]  # fmt: skip


class Opaque(nn.Module):
    """Three layers with nothing between them that anyone knows, and a fourth behind a relu."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.b, self.c, self.o = (nn.Linear(8, 8) for _ in range(4))

    def forward(self, x: Tensor) -> Tensor:
        x = self.b(3 * self.a(x).view(-1, 2, 4).flatten(1))
        return self.o(torch.relu(self.c(x)))


def test_layers_with_weights_that_follow_each_other_say_so() -> None:
    layers = {layer.name: layer.bare for layer in survey(Opaque(), torch.randn(5, 8))}
    assert layers == {"a": True, "b": True, "c": False, "relu": False, "o": False}


def test_depthwise_and_normalised_layers_do_not_say_so() -> None:
    net = nn.Sequential(
        nn.Conv2d(4, 4, 3, groups=4), nn.Conv2d(4, 6, 1), nn.BatchNorm2d(6), nn.Conv2d(6, 6, 1), nn.MaxPool2d(2),
        nn.Conv2d(6, 6, 1), nn.Softmax(1), nn.Conv2d(6, 6, 1),
    )  # fmt: skip
    assert [layer.name for layer in survey(net, torch.randn(3, 4, 8, 8)) if layer.bare] == []


def test_a_census_says_after_which_layers_no_nonlinearity_was_seen() -> None:
    quiet = lc.Settings(progress=False, resamples=20, pictures=0)
    census = lc.take(Opaque(), torch.randn(40, 8), twin=False, settings=quiet)
    assert "No nonlinearity was seen after a, b: name them to count them." in [f.sentence for f in census.findings]
    census = lc.take(Opaque(), torch.randn(40, 8), layers=["*"], twin=False, settings=quiet)
    assert not [f for f in census.findings if "No nonlinearity" in f.sentence]


def test_attention_is_countable_by_head_where_it_is_named() -> None:
    class Heads(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.qkv, self.out = nn.Linear(6, 18), nn.Linear(6, 6)

        def forward(self, x: Tensor) -> Tensor:
            q, k, v = self.qkv(x).reshape(*x.shape[:2], 3, 2, 3).permute(2, 0, 3, 1, 4)
            y = F.scaled_dot_product_attention(q, k, v)
            return self.out(y.transpose(1, 2).flatten(2))

    torch.manual_seed(0)
    net, x = Heads(), torch.randn(4, 5, 6)
    (layer,) = select(net, survey(net, x), "scaled_dot_product_attention")
    got: list[Tensor] = []
    with tap(net, [layer], lambda _, y: got.append(y.clone())):
        net(x)
    q, k, v = net.qkv(x).reshape(4, 5, 3, 2, 3).permute(2, 0, 3, 1, 4)
    heads = (q @ k.mT / math.sqrt(3)).softmax(-1) @ v  # (examples, heads, tokens, head_dim)
    assert (layer.width, layer.default) == (6, False)
    assert torch.allclose(got[0], torch.cat([heads[:, 0], heads[:, 1]], -1), atol=1e-6)


class Outside(torch.autograd.Function):
    """A ReLU that torch does not see."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:  # type: ignore[override]
        return torch.from_numpy(x.numpy().clip(0, None))


def test_what_is_computed_outside_torch_is_followed_and_said() -> None:
    base = torch.autograd.Function.__bases__[0]
    layers = survey(Between(Outside.apply), torch.randn(5, 8))
    assert [layer.name for layer in layers if layer.default] == ["atan", "o"]
    assert [layer.name for layer in layers if layer.bare] == ["a"]  # "no nonlinearity was seen after a"
    assert "apply" not in vars(base)  # as it was
    net = nn.Sequential(nn.Linear(8, 6), Act(Outside.apply), nn.Linear(6, 2))
    layers = survey(net, torch.randn(5, 8))
    assert [(layer.name, layer.role, layer.bare) for layer in layers] == [
        ("0", "other", True), ("1", "other", False), ("2", "output", False),
    ]  # fmt: skip


def test_distances_to_centres_are_made_by_weights() -> None:
    class Radial(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.centres, self.o = nn.Parameter(torch.randn(7, 4)), nn.Linear(7, 2)

        def forward(self, x: Tensor) -> Tensor:
            return self.o(torch.exp(-(torch.cdist(x, self.centres) ** 2)))

    layers = [layer for layer in survey(Radial(), torch.randn(5, 4)) if layer.default]
    assert [(layer.name, layer.width) for layer in layers] == [("exp", 7), ("o", 2)]


class ByHand(nn.Module):
    """A recurrent cell by hand, two steps of it: gates and candidates stay the layers that they were."""

    def __init__(self) -> None:
        super().__init__()
        self.x, self.h, self.o = nn.Linear(3, 16), nn.Linear(4, 16), nn.Linear(4, 2)

    def forward(self, x: Tensor) -> Tensor:
        h = c = x.new_zeros(x.shape[0], 4)
        for step in range(2):
            i, f, g, o = (self.x(x[:, step]) + self.h(h)).chunk(4, 1)
            c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
            h = torch.sigmoid(o) * torch.tanh(c)
        return self.o(h)


def test_gates_of_a_recurrent_cell_by_hand_stay_layers() -> None:
    sigmoids = ["sigmoid", *(f"sigmoid@{n}" for n in range(1, 6))]
    assert sorted(counted(ByHand(), torch.randn(5, 2, 3))) == sorted(
        [*sigmoids, "tanh", "tanh@1", "tanh@2", "tanh@3", "o"]
    )


NAMED: tuple[Function, ...] = (torch.relu, torch.tanh, F.silu, F.gelu)
AFFINE: tuple[Function, ...] = (
    lambda x: 2 * x, lambda x: x / 3 - 1, lambda x: -x, lambda x: x.clone(), lambda x: x + torch.arange(12.0),
    lambda x: F.dropout(x, 0.5), lambda x: x.masked_fill(torch.arange(12) == 3, 0.0), lambda x: x.flip(1),
)  # fmt: skip
UNNAMED: tuple[Function, ...] = (
    lambda x: x.clamp(min=0), lambda x: x.abs(), lambda x: torch.sin(x), lambda x: x * torch.sigmoid(x),
    lambda x: torch.where(x > 0, x, 0.1 * x), lambda x: x**2, lambda x: torch.expm1(-x.abs()),
)  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.sampled_from(AFFINE), max_size=3), st.sampled_from((*NAMED, *UNNAMED, None)),
    st.lists(st.sampled_from(AFFINE), max_size=3),
)  # fmt: skip
def test_one_nonlinearity_among_affine_steps_is_one_layer(
    before: list[Function], bend: Function | None, behind: list[Function]
) -> None:
    def function(x: Tensor) -> Tensor:
        for step in (*before, *([bend] if bend else ()), *behind):
            x = step(x)
        return x

    found = counted(Between(function), torch.randn(5, 8))
    assert found[-2:] == ["atan", "o"]
    assert len(found) == 2 + (bend is not None)
