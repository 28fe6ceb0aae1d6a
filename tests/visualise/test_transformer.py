"""Vision transformers: their units get images and examples, the token that peaked is named, the grid is held down."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

import layercensus as lc
from layercensus.data.open import open_data
from layercensus.models.open import open_model
from layercensus.visualise.parameters import Fourier
from layercensus.visualise.rng import Rng
from layercensus.visualise.see import subject_of
from layercensus.visualise.spectrum import on_grid

from .patterns import colourful, see

PATCH, SIDE = 8, 32


class Block(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.attention = nn.MultiheadAttention(width, 2, batch_first=True)
        self.mlp = nn.Sequential(nn.Linear(width, 2 * width), nn.GELU(), nn.Linear(2 * width, width))

    def forward(self, x: Tensor) -> Tensor:
        y = self.norm1(x)
        x = x + self.attention(y, y, y, need_weights=False)[0]
        return x + self.mlp(self.norm2(x))


class Transformer(nn.Module):
    """Two blocks over patches and a class token."""

    def __init__(self, width: int = 16, classes: int = 4) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.cut = nn.Conv2d(3, width, PATCH, stride=PATCH)
        self.token = nn.Parameter(torch.randn(1, 1, width))
        self.blocks = nn.Sequential(Block(width), Block(width))
        self.head = nn.Linear(width, classes)

    def forward(self, x: Tensor) -> Tensor:
        patches = self.cut(x).flatten(2).transpose(1, 2)
        x = self.blocks(torch.cat([self.token.expand(len(x), -1, -1), patches], 1))
        return self.head(x[:, 0])


@pytest.fixture(scope="module")
def images() -> Tensor:
    return colourful(40, SIDE)


def test_units_of_blocks_mlps_attention_and_head(images: Tensor) -> None:
    names = ["blocks.0:1", "blocks.1.mlp.1:2", "blocks.0.attention:3", "head:1"]
    result = see(Transformer(), names, images, steps=8, top=2)
    assert [entry.layer for entry in result.entries] == [name.partition(":")[0] for name in names]
    assert result.images.shape == (4, 3, SIDE, SIDE)
    assert all(entry.score is not None and entry.score.examples == 40 for entry in result.entries)


def test_the_token_that_peaked_is_named(images: Tensor) -> None:
    """A bright patch, and a unit that reads brightness: the peak is where it was put."""
    net = Transformer()
    with torch.no_grad():
        for block in net.blocks:
            assert isinstance(block, Block)
            block.attention.out_proj.weight.zero_()
            block.mlp[2].weight.zero_()
        net.cut.weight[5] = 1.0
        net.token.zero_()
    x = 0.1 * images
    x[3, :, 16:24, 8:16] = 1.0  # the third row and second column of four
    top = see(net, "blocks.1:5", x, steps=2, top=1).entries[0].top_examples[0]
    assert top.id == "3"
    assert top.by == "peak"
    assert top.place == "patch in row 3 of 4, column 2 of 4"
    with torch.no_grad():
        net.token[0, 0, 5] = 1e4
    assert see(net, "blocks.1:5", x, steps=2, top=1).entries[0].top_examples[0].place == "class token"


def test_the_grid_of_patches_is_held_to_what_the_data_have_of_it(images: Tensor) -> None:
    source = open_data(images)
    subject = subject_of(open_model(Transformer()), source, lc.SeeOptions(progress=False))
    assert subject.patch == PATCH
    assert subject_of(open_model(nn.Conv2d(3, 4, 3)), source, lc.SeeOptions(progress=False)).patch is None
    space, grid = subject.input_space, on_grid(SIDE, SIDE, PATCH).bool()
    assert space.magnitude is not None
    for patch, held in ((PATCH, True), (None, False)):
        one = Fourier(Rng([0]), space, "natural", patch=patch)
        with torch.no_grad():
            one.tensors[0][:, :, grid] *= 30  # a grid forms
            one.advance()
        scale = one._scale / SIDE
        amplitude = torch.view_as_complex(one.tensors[0].detach().contiguous()).abs()[0] * scale
        ratio = float((amplitude[:, grid].square().mean() / space.magnitude[:, grid].square().mean()).sqrt())
        assert (ratio < 2) == held


def test_a_class_picture_that_the_net_does_not_see_the_class_in_failed(images: Tensor) -> None:
    """Two classes of which the second is always ahead: no image of the first shows it."""
    net = Transformer(classes=2)
    with torch.no_grad():
        net.head.bias.copy_(torch.tensor([0.0, 1e3]))
    first, second = see(net, ["head:0", "head:1"], images, steps=20, top=0).entries
    assert first.score is not None
    assert second.score is not None
    assert first.score.status == "failed: the net itself sees this class in it under 0% of small changes"
    assert "sees this class" not in second.score.status
