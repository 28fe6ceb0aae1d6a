"""Images have the data's spectrum and colours, no face of a group is lost, and two starts are compared."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from layercensus.data.open import open_data
from layercensus.errors import CensusError
from layercensus.visualise.input_space import NATURAL as COLOURS
from layercensus.visualise.input_space import input_space_of, slope
from layercensus.visualise.objectives import channel, diversity
from layercensus.visualise.parameters import Fourier
from layercensus.visualise.rng import Rng
from layercensus.visualise.spectrum import WEAK

from .patterns import Planted, colourful, see


class Fine(nn.Module):
    """A unit of a late map that asks for the finest checker board there is, as strong as can be."""

    def __init__(self) -> None:
        super().__init__()
        board = (torch.arange(4)[:, None] + torch.arange(4)) % 2 * 2.0 - 1
        self.conv = nn.Conv2d(3, 2, 4, bias=False)
        self.conv.weight.data = torch.stack([board.expand(3, -1, -1), -board.expand(3, -1, -1)])
        self.mixed = nn.Sequential(nn.ReLU(), nn.Conv2d(2, 2, 1, bias=False), nn.ReLU(), nn.Conv2d(2, 2, 1), nn.ReLU())

    def forward(self, x: Tensor) -> Tensor:
        return self.mixed(self.conv(x))


@pytest.fixture(scope="module")
def images() -> Tensor:
    return colourful(60, 32)


def test_natural_images_keep_the_slope_and_colours_of_the_data(images: Tensor) -> None:
    of = channel("mixed.0", 0)
    free = see(Fine(), of, images, contrast=None, steps=40, top=0)
    natural = see(Fine(), of, images, contrast="natural", steps=40, top=0)
    wanted = slope(images)
    assert free.scores["slope"][0] > wanted + 0.5
    assert abs(natural.scores["slope"][0] - wanted) < 0.3
    assert natural.scores["ratio"][0] > 1
    spread = [float(x.transpose(0, 1).flatten(1).std(1).mean()) for x in (natural.images, images)]
    assert spread[0] < 2 * spread[1]
    assert list(natural.scores["contrast"]) == ["natural"]
    assert list(free.scores["contrast"]) == ["free"]


def test_each_band_is_held_between_its_limits(images: Tensor) -> None:
    """Faint coefficients are raised to the lower limit, strong ones brought down to the upper."""
    space = input_space_of(source := open_data(images), list(source.batches(64)))
    one = Fourier(Rng([0, 1]), space, "natural")
    amplitude = torch.fft.rfft2(_along(one.images().detach(), space), norm="ortho").abs()
    assert space.magnitude is not None
    inner = (slice(None), slice(None), slice(3, 9), slice(3, 9))
    start = float((amplitude[inner].square().mean() / space.magnitude[inner[1:]].square().mean()).sqrt())
    assert 0.9 < start < 2
    with torch.no_grad():
        one.tensors[0].mul_(50)
        one.advance()
    again = torch.fft.rfft2(_along(one.images().detach(), space), norm="ortho").abs()
    assert torch.allclose(again, amplitude / WEAK, rtol=0.02, atol=0.02)


def _along(x: Tensor, space) -> Tensor:  # type: ignore[no-untyped-def]
    logits = torch.logit(x, 1e-6) - torch.logit(space.mean, 0.05).view(-1, 1, 1)
    return torch.einsum("dc,nchw->ndhw", torch.linalg.inv(space.colour / space.colour.norm(dim=0).max()), logits)


def test_few_images_have_the_colours_of_natural_ones(images: Tensor) -> None:
    few = open_data(images[:5])
    space = input_space_of(few, list(few.batches(64)))
    assert torch.equal(space.colour, torch.tensor(COLOURS))
    assert "they are few" in space.source


def test_a_late_map_is_read_as_a_whole_and_an_early_one_at_a_place(images: Tensor) -> None:
    net = nn.Sequential(*[m for _ in range(3) for m in (nn.Conv2d(3, 3, 9, padding=4), nn.ReLU())])
    late, early = see(net, ["5:0", "1:0"], images, steps=2, top=0).entries
    assert not late.window
    assert early.window
    assert see(net, "5:0", images, steps=2, top=0).entries[0].contrast in ("natural", None)
    asked = see(net, "5:0", images, steps=2, top=0, batch=1).scores["activation"][0]
    assert asked == see(net, channel("5", 0), images, steps=2, top=0, batch=1).scores["activation"][0]


def test_no_face_is_given_up(images: Tensor) -> None:
    """Diversity so heavy that it would pay to leave a face blank."""
    of = channel("act", 0) + 50 * diversity("act")
    result = see(Planted(), of.named("act:0"), images, faces=4, steps=40, top=0)
    values = result.scores["activation"].astype(float)
    assert len(values) == 4
    assert values.min() > 0.5 * values.max()


def test_two_starts_say_how_far_they_agree(images: Tensor) -> None:
    result = see(Planted(), "act:0-1", images, steps=24, starts=2, top=0)
    assert (result.scores["agreement"] > 0.5).all()
    assert see(Planted(), "act:0", images, steps=2, top=0).scores["agreement"].isna().all()
    with pytest.raises(CensusError, match="starts must be at least 1"):
        see(Planted(), "act:0", images, starts=0)
