"""Receptive fields against what really changes when a pixel does."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from layercensus.layers.field import Field
from layercensus.layers.receptive import following
from layercensus.layers.survey import survey
from layercensus.layers.tap import tap

SIDE = 32


class Squeezed(nn.Module):
    """A convolution whose channels are gated by their means over the map."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.gate = nn.Conv2d(3, 4, 3, padding=1), nn.Conv2d(4, 4, 1)

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv(x)
        return x * torch.sigmoid(self.gate(F.adaptive_avg_pool2d(x, 1)))


class Residual(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.a, self.b = nn.Conv2d(3, 3, 5, padding=2), nn.Conv2d(3, 3, 3, padding=2, dilation=2)

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.b(self.a(x).relu_())
        return torch.cat([x, x], dim=1)


class ChannelsLast(nn.Module):
    """Patches, then layers over the last axis, as ConvNeXt and Swin have them."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.norm, self.up = nn.Conv2d(3, 8, 4, 4), nn.LayerNorm(8), nn.Linear(8, 16)

    def forward(self, x: Tensor) -> Tensor:
        x = self.up(self.norm(self.stem(x).permute(0, 2, 3, 1)))
        return F.gelu(x).permute(0, 3, 1, 2)[:, :, 1:, ::2]


class Patches(nn.Module):
    """Patches become tokens, which attention mixes."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.attend = nn.Conv2d(3, 8, 8, 8), nn.MultiheadAttention(8, 2, batch_first=True)

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x).flatten(2).transpose(1, 2)
        mixed: Tensor = self.attend(x, x, x)[0]
        return x + mixed


class Shuffled(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3, 2, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv(x)
        n, c, h, w = x.shape
        x = x.view(n, 2, c // 2, h, w).transpose(1, 2).reshape(n, c, h, w)
        return F.pixel_shuffle(x.flip(3), 2)


class Same(nn.Module):
    def __init__(self, function: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.function, self.conv = function, nn.Conv2d(3, 4, 3)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.conv(self.function(x)))


NETS = {
    "plain": nn.Sequential(nn.Conv2d(3, 4, 3, stride=2, padding=1), nn.ReLU(), nn.MaxPool2d(3, 2), nn.Conv2d(4, 4, 3)),
    "dilated, same": nn.Sequential(nn.Conv2d(3, 4, 3, padding="same", dilation=3), nn.BatchNorm2d(4), nn.AvgPool2d(2)),
    "uneven": nn.Sequential(nn.ZeroPad2d((0, 1, 2, 0)), nn.Conv2d(3, 4, (1, 5), stride=(2, 1)), nn.LPPool2d(2, 2)),
    "transposed": nn.Sequential(nn.Conv2d(3, 4, 4, 4), nn.ConvTranspose2d(4, 4, 3, stride=2, padding=1), nn.ReLU()),
    "adaptive": nn.Sequential(nn.Conv2d(3, 4, 3), nn.AdaptiveAvgPool2d(5)),
    "resized": nn.Sequential(nn.Conv2d(3, 4, 3, 2), nn.Upsample(scale_factor=2, mode="bilinear"), nn.Conv2d(4, 4, 1)),
    "squeezed": Squeezed(),
    "residual": Residual(),
    "channels last": ChannelsLast(),
    "shuffled": nn.Sequential(Shuffled(), nn.Conv2d(2, 2, 1)),
    "rolled": Same(lambda x: torch.roll(x, 5, 3)),
    "turned": Same(lambda x: x.flip(2).transpose(2, 3)),
    "kernel by name": Same(lambda x: F.avg_pool2d(input=x, kernel_size=4, stride=1)),
}  # fmt: skip
LARGER = {"plain", "adaptive", "resized", "transposed", "rolled", "shuffled"}  # "plain": only a maximum shows


def field_of(net: nn.Module, x: Tensor) -> tuple[Field, Tensor]:
    """The field of the net's own output, and that output."""
    net = nn.Sequential(net)  # the survey lists a net's parts, not itself
    layer = max(survey(net, x), key=lambda found: found.order)
    held: list[tuple[Field, Tensor]] = []
    with following(net, x) as receptive:
        with tap(net, [layer], lambda _, y: held.append((receptive.field(y, layer.unit_axis), y.clone()))):
            net(x)
    return held[0]


def changed(net: nn.Module, x: Tensor, unit_axis: int) -> Tensor:
    """(positions, height, width) bool: which positions of the output answer to which pixel."""
    with torch.no_grad():
        before = net(x).movedim(unit_axis, 1).flatten(2)
        found = torch.zeros(before.shape[2], SIDE, SIDE, dtype=torch.bool)
        for row in range(SIDE):
            lines = x.expand(SIDE, -1, -1, -1).clone()
            lines[torch.arange(SIDE), :, row, torch.arange(SIDE)] += 3.0
            after = net(lines).movedim(unit_axis, 1).flatten(2)
            found[:, row, :] = ((after - before).abs().amax(1) > 1e-12).T
    return found


@pytest.mark.parametrize("name", list(NETS))
def test_a_field_holds_every_pixel_that_matters_and_is_no_larger_than_it_must(name: str) -> None:
    torch.manual_seed(0)
    net = NETS[name].double().eval()
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.uniform_(0.1, 1.0)  # nothing cancels, and no ReLU is shut
    x = torch.rand(1, 3, SIDE, SIDE, dtype=torch.float64)
    field, out = field_of(net, x)
    seen = changed(net, x, 1)
    assert len(seen) == out[0, 0].numel()
    if name == "squeezed":
        assert field.beyond
        assert field.window(5 * SIDE + 7, (SIDE, SIDE)) == ((4, 7), (6, 9))
        return
    assert not field.beyond
    for place in range(len(seen)):
        rows, columns = seen[place].any(1).nonzero().flatten(), seen[place].any(0).nonzero().flatten()
        for axis, at in enumerate((rows, columns)):
            low, high = field.window(place, (SIDE, SIDE))[axis]
            assert max(low, 0) <= int(at.min())
            assert int(at.max()) < min(high, SIDE)
            if name not in LARGER:
                assert (max(low, 0), min(high, SIDE)) == (int(at.min()), int(at.max()) + 1)


def test_the_field_of_a_known_stack_has_the_textbook_size() -> None:
    net = nn.Sequential(*(nn.Conv2d(3, 3, 3, padding=1) for _ in range(3)), nn.MaxPool2d(2), nn.Conv2d(3, 3, 3))
    field, _ = field_of(net.eval(), torch.rand(1, 3, SIDE, SIDE))
    assert field.shape == (14, 14)
    assert field.window(0, (SIDE, SIDE)) == ((-3, 9), (-3, 9))  # 7 + 1, then two more windows of stride 2
    assert field.window(15, (SIDE, SIDE)) == ((-1, 11), (-1, 11))


def test_behind_attention_every_position_sees_everything() -> None:
    field, out = field_of(Patches().eval(), torch.rand(2, 3, SIDE, SIDE))
    assert field.window(3, (SIDE, SIDE)) == ((0, SIDE), (0, SIDE))
    assert out.shape == (2, 16, 8)


def test_an_unknown_function_is_said_to_see_everything() -> None:
    net = nn.Sequential(nn.Conv2d(3, 4, 3), Same(lambda x: torch.cumsum(x, 2)[:, :3]))
    field, _ = field_of(net.eval(), torch.rand(1, 3, SIDE, SIDE))
    assert field.window(0, (SIDE, SIDE)) == ((0, SIDE), (0, SIDE))


def test_signals_have_fields_of_one_axis() -> None:
    net = nn.Sequential(nn.Conv1d(1, 4, 5, stride=2), nn.ReLU(), nn.MaxPool1d(2), nn.Conv1d(4, 2, 3))
    field, _ = field_of(net.eval(), torch.rand(1, 1, 64))
    assert field.window(1, (64,)) == ((4, 19),)


def test_a_field_survives_being_saved() -> None:
    field, _ = field_of(NETS["plain"].float().eval(), torch.rand(1, 3, SIDE, SIDE))
    assert Field.from_json(field.as_json()) == field
