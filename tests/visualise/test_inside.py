"""Top examples are chosen where the image alone answers, and peaks that padding makes are told."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from layercensus.visualise.inside import in_corner, on_edge

from .patterns import see


class Corners(nn.Module):
    """A unit that answers to a bright middle beside darkness: padding makes a corner the darkest neighbourhood."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(1, 2, 3, padding=1, bias=False)
        kernel = -torch.ones(3, 3) / 8
        kernel[1, 1] = 1
        self.conv.weight.data = torch.stack([kernel, kernel * 2])[:, None]
        self.act = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        return self.act(self.conv(x))


@pytest.fixture
def images() -> Tensor:
    """Bright, faintly uneven squares of 8 x 8, and one with a dot in the middle."""
    rng = torch.Generator().manual_seed(0)
    x = 0.9 + 0.1 * torch.rand(40, 1, 8, 8, generator=rng)
    x[7] = 0.5
    x[7, 0, 4, 4] = 0.95
    return x


def test_corner_peaks_are_told_and_not_shown(images: Tensor) -> None:
    net = Corners()
    maps = net(images)[:, 0].detach()
    assert all(
        in_corner((8, 8))[int(m.argmax())] for m in maps if m.max() > 0.46
    )  # five of eight neighbours are padding
    result = see(net, "act:0-1", images, steps=2)
    assert int(maps.flatten(1).amax(1).argmax()) != 7
    top = next(t for t in result.entries[0].top_examples if t.by == "peak")
    assert top.id == "7"
    assert top.window == ((3, 6), (3, 6))
    assert np.isclose(top.response, float(maps[7, 4, 4]), rtol=1e-5)
    assert result.findings == (
        "act: of the strongest peaks lie 100% in the corners (chance 6%) and 100% on the edge (chance 44%); "
        "the examples shown are chosen by other positions.",
    )


def test_nothing_is_told_without_padding(images: Tensor) -> None:
    net = Corners()
    net.conv.padding = (0, 0)
    result = see(net, "act:0-1", images, steps=2)
    assert result.findings == ()
    assert on_edge((6, 6)).sum() == 20
