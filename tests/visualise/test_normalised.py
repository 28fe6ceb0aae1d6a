"""A net that was trained on normalised images and is given 0..1 gets one line; any other gets none."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

import layercensus as lc
from layercensus.visualise.normalised import HOW

from .patterns import colourful, see

MEAN, STD = (torch.tensor(v).view(-1, 1, 1) for v in ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)))


class Normalised(nn.Module):
    """A convolution and a batch normalisation whose statistics are those of the images that it was given."""

    def __init__(self, images: Tensor) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.conv, self.norm, self.act = nn.Conv2d(3, 16, 3, padding=1), nn.BatchNorm2d(16, momentum=1.0), nn.ReLU()
        self(images)
        self.eval()

    def forward(self, x: Tensor) -> Tensor:
        return self.act(self.norm(self.conv(x)))


def findings(net: Any, images: Tensor) -> list[str]:
    result = see(net, "act:0", images, steps=2, top=0)
    return [line for line in result.findings if HOW in line]


@pytest.fixture
def images() -> Tensor:
    return colourful(64, 32)


def test_a_net_of_normalised_images_given_0_to_1(images: Tensor) -> None:
    net = Normalised((images - MEAN) / STD)
    (line,) = findings(net, images)
    assert line.startswith("The net is given 0..1, and its first batch normalisation fits (x - mean) / std of ImageNet")
    assert findings(net, (images - MEAN) / STD) == []


def test_a_net_of_plain_images_given_plain_images(images: Tensor) -> None:
    assert findings(Normalised(images), images) == []


def test_bytes_as_they_are(images: Tensor) -> None:
    (line,) = findings(Normalised(images * 255), images)
    assert "fits 255 x better" in line


def test_what_a_net_names_itself(images: Tensor) -> None:
    net = Normalised(images)
    net.pretrained_cfg = {"mean": (0.5, 0.5, 0.5), "std": (0.25, 0.25, 0.25)}  # type: ignore[assignment]
    (line,) = findings(net, images)
    assert line.startswith("The net names a normalisation, mean (0.5, 0.5, 0.5) and std (0.25, 0.25, 0.25)")
    net.pretrained_cfg = {"mean": (0, 0, 0), "std": (1, 1, 1)}  # type: ignore[assignment]
    assert findings(net, images) == []


def test_an_untrained_net_and_grey_images_are_told_nothing(images: Tensor) -> None:
    torch.manual_seed(0)
    net = nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.ReLU())
    assert lc.see(net, "2:0", images, options=lc.SeeOptions(steps=2, top=0, progress=False)).findings == ()
    grey = nn.Sequential(nn.Conv2d(1, 8, 3), nn.BatchNorm2d(8), nn.ReLU())
    grey(images[:, :1] * 9)
    assert [line for line in see(grey, "2:0", images[:, :1], steps=2, top=0).findings if HOW in line] == []
