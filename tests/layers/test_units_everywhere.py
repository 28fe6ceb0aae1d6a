"""How many units each layer of known nets has: their width, written down by hand."""
# mypy: disable-error-code="no-any-return"

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from layercensus.layers.layer import Layer
from layercensus.layers.net import call
from layercensus.layers.survey import survey
from layercensus.layers.tap import tap

Made = tuple[nn.Module, Tensor, dict[str, int]]  # a net, its data, and the width of some of its layers


class Net(nn.Module):
    """Modules by name, and a forward that is handed them."""

    def __init__(self, forward: Callable[..., Tensor], **parts: nn.Module) -> None:
        super().__init__()
        self.run = forward
        for name, part in parts.items():
            self.add_module(name, part)

    def forward(self, x: Tensor) -> Tensor:
        return self.run(self, x)


def conv(inside: int, outside: int, size: int = 3, **more: int) -> nn.Conv2d:
    return nn.Conv2d(inside, outside, size, padding=size // 2, **more)


def images(side: int = 8, channels: int = 3) -> Tensor:
    return torch.randn(3, channels, side, side)


def espcn() -> Made:
    net = nn.Sequential(conv(1, 16), nn.Tanh(), conv(16, 8), nn.Tanh(), conv(8, 4), nn.PixelShuffle(2), nn.Sigmoid())
    return net, images(channels=1), {"1": 16, "3": 8, "6": 1}


def edsr() -> Made:
    def run(s: nn.Module, x: Tensor) -> Tensor:
        x = s.head(x)
        x = x + s.b(F.relu(s.a(x)))
        return s.tail(F.leaky_relu(F.pixel_shuffle(s.up(x), 2)))

    parts = {"head": conv(3, 8), "a": conv(8, 8), "b": conv(8, 8), "up": conv(8, 32), "tail": conv(8, 3)}
    return Net(run, **parts), images(), {"relu": 8, "leaky_relu": 8, "up": 32, "tail": 3}


def depth_to_space_by_hand() -> Made:
    def run(s: nn.Module, x: Tensor) -> Tensor:
        x = s.a(x)
        n, c, h, w = x.shape
        x = x.view(n, 2, 2, c // 4, h, w).permute(0, 3, 4, 1, 5, 2).reshape(n, c // 4, 2 * h, 2 * w)
        return s.b(torch.relu(x))

    return Net(run, a=conv(3, 32), b=conv(8, 3)), images(5), {"relu": 8, "a": 32, "b": 3}


def space_to_depth_and_back() -> Made:
    def run(s: nn.Module, x: Tensor) -> Tensor:
        x = torch.relu(F.pixel_unshuffle(s.a(x), 2))  # 6 channels in 4 phases: 24 of what the next convolution reads
        return s.c(F.gelu(F.pixel_shuffle(s.b(x), 2)))

    parts = {"a": conv(3, 6), "b": conv(24, 20), "c": conv(5, 2)}
    return Net(run, **parts), images(), {"relu": 24, "gelu": 5, "c": 2}


def unpatchify() -> Made:
    """The end of a masked autoencoder's decoder: tokens of p x p x 3 values become an image."""

    def run(s: nn.Module, x: Tensor) -> Tensor:
        tokens = s.cut(x).flatten(2).transpose(1, 2)
        x = s.pred(F.gelu(s.mlp(tokens)))
        x = torch.einsum("nhwpqc->nchpwq", x.reshape(x.shape[0], 4, 4, 2, 2, 3)).reshape(x.shape[0], 3, 8, 8)
        return torch.sigmoid(x)

    parts = {"cut": nn.Conv2d(3, 10, 2, 2), "mlp": nn.Linear(10, 14), "pred": nn.Linear(14, 12)}
    return Net(run, **parts), images(), {"gelu": 14, "pred": 12, "sigmoid": 3}


def generator() -> Made:
    """A linear layer whose 128 outputs become 8 channels of 4 x 4, which a transposed convolution reads."""

    def run(s: nn.Module, x: Tensor) -> Tensor:
        x = torch.relu(s.fc(x).view(-1, 8, 4, 4))
        return torch.tanh(s.last(F.leaky_relu(s.up(x))))

    parts = {
        "fc": nn.Linear(5, 128),
        "up": nn.ConvTranspose2d(8, 6, 4, 2, 1),
        "last": nn.ConvTranspose2d(6, 3, 4, 2, 1),
    }
    return Net(run, **parts), torch.randn(3, 5), {"fc": 128, "relu": 8, "leaky_relu": 6, "tanh": 3}


def shuffle_net() -> Made:
    def run(s: nn.Module, x: Tensor) -> Tensor:
        left, right = torch.split(s.a(x), 6, 1)
        x = torch.cat([left, torch.relu(s.b(right))], 1)
        n, c, h, w = x.shape
        x = F.gelu(x.view(n, 2, c // 2, h, w).transpose(1, 2).reshape(n, c, h, w))
        return s.c(torch.tanh(F.channel_shuffle(s.d(x), 2)))

    parts = {"a": conv(3, 12, 1), "b": conv(6, 6, groups=6), "d": conv(12, 10, 1), "c": conv(10, 4, 1)}
    return Net(run, **parts), images(6), {"relu": 6, "gelu": 12, "tanh": 10, "c": 4}


def swin() -> Made:
    """Windows of 2 x 2 tokens, then the merging of four neighbours into one token of four times the width."""

    def run(s: nn.Module, x: Tensor) -> Tensor:
        x = s.cut(x).permute(0, 2, 3, 1)  # (n, 4, 4, 6)
        n, h, w, c = x.shape
        windows = x.view(n, h // 2, 2, w // 2, 2, c).permute(0, 1, 3, 2, 4, 5).reshape(-1, 4, c)
        windows = F.gelu(s.mlp(windows))
        x = windows.view(n, h // 2, w // 2, 2, 2, 9).permute(0, 1, 3, 2, 4, 5).reshape(n, h, w, 9)
        x = torch.cat([x[:, 0::2, 0::2], x[:, 1::2, 0::2], x[:, 0::2, 1::2], x[:, 1::2, 1::2]], -1)
        return s.merge(torch.tanh(s.norm(x)))

    parts = {"cut": nn.Conv2d(3, 6, 2, 2), "mlp": nn.Linear(6, 9), "norm": nn.LayerNorm(36), "merge": nn.Linear(36, 18)}
    return Net(run, **parts), images(), {"gelu": 9, "tanh": 36, "norm": 36, "merge": 18}


def convnext() -> Made:
    def run(s: nn.Module, x: Tensor) -> Tensor:
        y = s.dw(s.stem(x)).permute(0, 2, 3, 1)
        return s.last(F.relu(s.down(F.gelu(s.up(s.norm(y)))).permute(0, 3, 1, 2)))

    parts = {"stem": conv(3, 6), "dw": conv(6, 6, groups=6), "norm": nn.LayerNorm(6), "up": nn.Linear(6, 24)}
    return Net(run, **parts, down=nn.Linear(24, 7), last=conv(7, 2)), images(6), {"gelu": 24, "relu": 7, "last": 2}


def unet() -> Made:
    def run(s: nn.Module, x: Tensor) -> Tensor:
        skip = torch.relu(s.a(x))
        x = F.gelu(s.b(F.max_pool2d(skip, 2)))
        x = F.interpolate(x, scale_factor=2, mode="bilinear")
        x = F.pad(x, (1, 1, 1, 1))[:, :, 1:-1, 1:-1]
        return s.d(F.silu(s.c(torch.tanh(torch.cat([skip, x], 1)))))

    parts = {"a": conv(3, 6), "b": conv(6, 10), "c": conv(16, 5), "d": conv(5, 2, 1)}
    return Net(run, **parts), images(), {"relu": 6, "gelu": 10, "tanh": 16, "silu": 5, "d": 2}


def sampled() -> Made:
    """A spatial transformer after a shuffle, and channels that are padded for a wider residual stream."""

    def run(s: nn.Module, x: Tensor) -> Tensor:
        x = F.pixel_shuffle(s.a(x), 2)
        grid = F.affine_grid(torch.eye(2, 3).expand(x.shape[0], 2, 3), [*x.shape[:2], 7, 7], align_corners=False)
        x = torch.relu(F.grid_sample(x, grid, align_corners=False))
        return s.b(torch.tanh(F.pad(F.avg_pool2d(x, 2), (0, 0, 0, 0, 2, 2))))

    return Net(run, a=conv(3, 20), b=conv(9, 2)), images(4), {"relu": 5, "tanh": 9, "b": 2}


def axial() -> Made:
    def run(s: nn.Module, x: Tensor) -> Tensor:
        n, _, h, w = x.shape
        rows = s.stem(x).permute(0, 3, 2, 1).reshape(n * w, h, 6)
        rows = F.gelu(s.along_rows(rows)).reshape(n, w, h, 7).permute(0, 2, 1, 3).reshape(n * h, w, 7)
        return F.relu(s.along_columns(rows).view(n, h, w, 4).permute(0, 3, 1, 2))

    parts = {"stem": conv(3, 6), "along_rows": nn.Linear(6, 7), "along_columns": nn.Linear(7, 4)}
    return Net(run, **parts), torch.randn(3, 3, 4, 5), {"gelu": 7, "along_columns": 4, "relu": 4}


def video() -> Made:
    """Frames as examples of a convolution, then time as positions of another."""

    def run(s: nn.Module, x: Tensor) -> Tensor:
        n, t = x.shape[:2]
        x = F.relu(s.frame(x.flatten(0, 1)))
        x = x.view(n, t, 6, 4, 4).transpose(1, 2)
        return s.last(F.gelu(s.time(x)).mean((2, 3, 4)))

    parts = {"frame": conv(3, 6), "time": nn.Conv3d(6, 8, (3, 1, 1)), "last": nn.Linear(8, 2)}
    return Net(run, **parts), torch.randn(3, 5, 3, 4, 4), {"relu": 6, "gelu": 8, "last": 2}


def time_delay() -> Made:
    """Each frame with its two neighbours, cut out by unfold, read by a linear layer; then a dilated convolution."""

    def run(s: nn.Module, x: Tensor) -> Tensor:
        x = torch.relu(s.a(x)).unfold(2, 3, 1)  # (n, 5, frames, 3)
        x = torch.tanh(x.permute(0, 2, 1, 3).flatten(2))  # 5 units at 3 times: 15 of what the linear layer reads
        x = F.gelu(s.b(x)).mT
        return s.last(F.silu(s.c(x)).mean(2))

    parts = {"a": nn.Conv1d(4, 5, 3), "b": nn.Linear(15, 6), "c": nn.Conv1d(6, 7, 3, dilation=2)}
    made = Net(run, **parts, last=nn.Linear(7, 2))
    return made, torch.randn(3, 4, 16), {"relu": 5, "tanh": 15, "gelu": 6, "silu": 7, "last": 2}


def patches_by_unfold() -> Made:
    def run(s: nn.Module, x: Tensor) -> Tensor:
        x = F.unfold(torch.relu(s.a(x)), 2, stride=2)  # (n, 20, 16)
        x = torch.tanh(x)
        x = F.fold(F.gelu(s.b(x.mT)).mT, (8, 8), 2, stride=2)  # 12 = 3 channels of 2 x 2
        return s.c(F.silu(x))

    parts = {"a": conv(3, 5), "b": nn.Linear(20, 12), "c": conv(3, 2)}
    return Net(run, **parts), images(), {"relu": 5, "tanh": 20, "gelu": 12, "silu": 3}


def heads() -> Made:
    """Linear attention: a feature map on queries of 2 heads of 3, then heads that are stacked and joined again."""

    def run(s: nn.Module, x: Tensor) -> Tensor:
        n, t, _ = x.shape
        q, k, v = s.qkv(x).view(n, t, 3, 2, 3).permute(2, 0, 3, 1, 4)
        q, k = F.elu(q) + 1, F.elu(k) + 1
        y = torch.einsum("bhtd,bhde->bhte", q, torch.einsum("bhtd,bhte->bhde", k, v))
        return s.out(torch.tanh(y).transpose(1, 2).reshape(n, t, 6))

    net = Net(run, qkv=nn.Linear(6, 18), out=nn.Linear(6, 5))
    return net, torch.randn(3, 4, 6), {"elu": 6, "elu@1": 6, "tanh": 6, "out": 5}


class PointwiseByEinsum(nn.Module):
    """A 1 x 1 convolution as torch.einsum, and a linear layer as torch.tensordot."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.b = nn.Parameter(torch.randn(7, 3)), nn.Parameter(torch.randn(7, 4))

    def forward(self, x: Tensor) -> Tensor:
        x = torch.relu(torch.einsum("oc,nchw->nohw", self.a, x))
        return torch.tanh(torch.tensordot(x, self.b, dims=([1], [0])))


def by_einsum() -> Made:
    return PointwiseByEinsum(), images(5), {"relu": 7, "tanh": 4}


def capsules() -> Made:
    """Channels in groups, shuffled by index, padded, flipped and cut: they stay channels."""

    def run(s: nn.Module, x: Tensor) -> Tensor:
        x = s.a(x)[:, torch.tensor([3, 1, 2, 0, 5, 4])]
        x = torch.relu(x.unflatten(1, (3, 2)).flip(2).flatten(1, 2))
        a, b = x.tensor_split(2, 1)
        return s.b(torch.tanh(torch.stack([a, b], 2)).mean(2))

    return Net(run, a=conv(3, 6), b=conv(3, 2)), images(5), {"relu": 6, "tanh": 3, "b": 2}


def normed_heads() -> Made:
    """Queries normalised head by head: a unit is an index of a head, before the norm and behind it."""

    def run(s: nn.Module, x: Tensor) -> Tensor:
        return s.out(torch.relu(s.norm(s.q(x).unflatten(-1, (2, 4)))).flatten(2))

    parts = {"q": nn.Linear(6, 8), "norm": nn.LayerNorm(4), "out": nn.Linear(8, 3)}
    return Net(run, **parts), torch.randn(3, 5, 6), {"q": 8, "norm": 8, "relu": 8, "out": 3}


def last_state() -> Made:
    """What a recurrent layer hands on of its state has units as its output has."""

    def run(s: nn.Module, x: Tensor) -> Tensor:
        return s.out(torch.relu(s.norm(s.rnn(x)[1][-1].unflatten(1, (2, 2)))).flatten(1))

    parts = {"rnn": nn.GRU(6, 4, batch_first=True), "norm": nn.RMSNorm(2), "out": nn.Linear(4, 3)}
    return Net(run, **parts), torch.randn(3, 5, 6), {"norm": 4, "relu": 4, "out": 3}


def columns_of_a_shuffle() -> Made:
    """Behind a pixel shuffle the phases are positions, however the map is cut."""

    def run(s: nn.Module, x: Tensor) -> Tensor:
        return s.out(torch.relu(F.pixel_shuffle(s.a(x), 2).unflatten(3, (-1, 2))).flatten(1))

    return Net(run, a=conv(3, 24), out=nn.Linear(6 * 64, 2)), images(4), {"a": 24, "relu": 6, "out": 2}


NETS = (
    espcn, edsr, depth_to_space_by_hand, space_to_depth_and_back, unpatchify, generator, shuffle_net, swin, convnext,
    unet, sampled, axial, video, time_delay, patches_by_unfold, heads, by_einsum, capsules, normed_heads,
    last_state, columns_of_a_shuffle,
)  # fmt: skip


@pytest.mark.parametrize("make", NETS, ids=lambda make: make.__name__)
def test_the_width_of_every_layer_is_what_the_net_was_built_with(make: Callable[[], Made]) -> None:
    torch.manual_seed(0)
    net, x, widths = make()
    layers = {layer.name: layer for layer in survey(net, x)}
    assert {name: layers[name].width for name in widths} == widths
    assert not [layer.name for layer in layers.values() if layer.axis_from.startswith("guess")]


def test_units_before_examples_that_share_an_axis_with_positions() -> None:
    def run(s: nn.Module, x: Tensor) -> Tensor:
        x = torch.relu(s.a(x).transpose(0, 1).flatten(1, 2))  # (units, examples x positions)
        return s.out(x.unflatten(1, (-1, 5)).transpose(0, 1).flatten(1))

    net = Net(run, a=nn.Conv1d(3, 4, 1), out=nn.Linear(20, 2))
    relu = next(layer for layer in survey(net, torch.randn(3, 3, 5)) if layer.name == "relu")
    assert (relu.width, relu.axis_from, relu.alone is not None) == (4, "conv1d", True)


@pytest.mark.parametrize("make", NETS, ids=lambda make: make.__name__)
def test_what_is_handed_on_is_what_was_surveyed(make: Callable[[], Made]) -> None:
    torch.manual_seed(0)
    net, x, _ = make()
    layers = [layer for layer in survey(net, x) if layer.problem is None]
    seen: dict[str, tuple[int, ...]] = {}

    def sink(layer: Layer, y: Tensor) -> None:
        assert y.shape[layer.unit_axis] == layer.width
        seen[layer.name] = tuple(y.shape[1:])

    with tap(net, layers, sink):
        call(net, torch.cat([x, x]))
    assert seen == {layer.name: layer.shape for layer in layers}


def flat(before: bool) -> nn.Sequential:
    torch.manual_seed(0)
    first, last = conv(3, 8), nn.Linear(8 * 36, 2)
    order = [nn.ReLU(), nn.Flatten()] if before else [nn.Flatten(), nn.ReLU()]
    return nn.Sequential(first, *order, last)


def handed_on(net: nn.Module, layer: Layer, x: Tensor) -> Tensor:
    got: list[Tensor] = []
    with tap(net, [layer], lambda _, y: got.append(y.movedim(layer.unit_axis, 1).flatten(2).clone())):
        call(net, x)
    return got[0]


def test_a_relu_before_and_behind_a_flatten_is_one_and_the_same_layer() -> None:
    x = images(6)
    before, behind = survey(flat(True), x)[1], survey(flat(False), x)[2]
    assert (before.kind, behind.kind) == ("ReLU", "ReLU")
    assert (before.width, behind.width) == (8, 8)
    assert behind.axis_from == "conv2d (8 units at 36 positions, flattened)"
    assert torch.equal(handed_on(flat(True), before, x), handed_on(flat(False), behind, x))


def test_a_flatten_with_the_channels_last() -> None:
    net = nn.Sequential(nn.Linear(4, 5), nn.Flatten(), nn.ReLU())
    x = torch.randn(3, 6, 4)
    layer = survey(net, x)[2]
    assert (layer.width, layer.shape, layer.axis_from) == (5, (6, 5), "linear (5 units at 6 positions, flattened)")
    expected = torch.relu(net[0](x)).movedim(2, 1)
    assert torch.equal(handed_on(net, layer, x), expected)


def test_units_that_a_batch_norm_renews_are_not_flattened_channels() -> None:
    net = nn.Sequential(conv(1, 2), nn.Flatten(), nn.BatchNorm1d(32), nn.ReLU())
    assert [layer.width for layer in survey(net, images(4, 1))] == [2, 32, 32, 32]


@pytest.mark.parametrize(("axis", "width"), [(1, 8), (2, 12), (-1, 12)])
def test_what_was_spread_can_be_named_by_the_user(axis: int, width: int) -> None:
    net = nn.Sequential(conv(3, 32), nn.PixelShuffle(2), nn.ReLU())
    layer = survey(net, images(6), unit_axis={"2": axis})[2]
    assert (layer.width, layer.axis_from) == (width, "user")


def test_joined_heads_can_be_named_apart_by_the_user() -> None:
    net, x, _ = heads()
    layers = {layer.name: layer for layer in survey(net, x, unit_axis={"elu": 3})}
    assert (layers["elu"].width, layers["elu"].shape, layers["elu@1"].width) == (3, (2, 4, 3), 6)


def test_what_nothing_tells_is_said_to_be_a_guess() -> None:
    def run(s: nn.Module, x: Tensor) -> Tensor:
        return torch.relu(s.a(x).reshape(-1, 9, 10))  # 6 tokens of 15 units: no axis holds either

    layer = survey(Net(run, a=nn.Linear(4, 15)), torch.randn(3, 6, 4))[1]
    assert layer.axis_from == "guess: 3-D output, last axis"


def test_the_layer_that_reads_it_decides_where_nothing_made_the_units() -> None:
    layers = survey(nn.Sequential(nn.ReLU(), nn.Linear(5, 2)), torch.randn(3, 7, 4, 5))
    assert (layers[0].width, layers[0].axis_from) == (5, "read by linear")


@pytest.mark.parametrize(("read", "says"), [(True, "conv1d, read by conv1d"), (False, "guess: conv1d, spread over")])
def test_one_channel_that_is_left_of_four(read: bool, says: str) -> None:
    """A shuffle in one dimension, by hand: (n, 4, t) becomes (n, 1, 4 t)."""

    def run(s: nn.Module, x: Tensor) -> Tensor:
        x = torch.tanh(s.a(x).mT.flatten(1).unsqueeze(1))
        return s.b(x) if read else x

    layer = survey(Net(run, a=nn.Conv1d(1, 4, 1), b=nn.Conv1d(1, 2, 1)), torch.randn(3, 1, 6))[1]
    assert (layer.width, layer.shape) == (1, (1, 24))
    assert layer.axis_from.startswith(says)
