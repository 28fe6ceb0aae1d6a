"""Which units are reliable depends on the views: what they say is printed only where weaker and stronger ones agree."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import layercensus as lc
from layercensus.data.open import open_data
from layercensus.data.other_views import calibrated, other_views
from layercensus.data.perturb import LOUDER, image

SETTINGS = lc.Settings(progress=False, pictures=0, resamples=40, twins=1)
CONCEPTS = 12


class Waves(nn.Module):
    """A layer: sin of so many latents and sin of twice the others, each in two units."""

    def __init__(self, slow: int) -> None:
        super().__init__()
        pace = torch.tensor([1.0] * slow + [2.0] * (CONCEPTS - slow))
        self.register_buffer("pace", pace.repeat(2))

    def forward(self, x: Tensor) -> Tensor:
        return (x.repeat(1, 2) * self.pace).sin()


class Net(nn.Module):
    """Layers beside each other, and answers that go around them."""

    def __init__(self, slow: tuple[int, ...]) -> None:
        super().__init__()
        self.layers = nn.ModuleList(map(Waves, slow))
        self.out = nn.Linear(CONCEPTS, 2)

    def forward(self, x: Tensor) -> Any:
        for layer in self.layers:
            layer(x)
        return self.out(x)


def latents(examples: int = 600) -> Tensor:
    return torch.randn(examples, CONCEPTS, generator=torch.Generator().manual_seed(0))


def counted(slow: tuple[int, ...], **kwargs: Any) -> lc.Census:
    return lc.take(Net(slow), latents(), layers="layers.*", twin=False, **({"settings": SETTINGS} | kwargs))


def test_strength_one_is_where_the_inputs_own_reliability_is_08() -> None:
    # jitter of s/4 standard deviations: reliability 1 / (1 + s^2 / 16), .8 at s = 2
    assert calibrated(open_data(latents(5000))) == pytest.approx(2.0, rel=0.05)
    still = torch.ones(50, 3)
    assert calibrated(open_data(still)) is None


def test_the_kinds_alone_of_images_and_none_of_features() -> None:
    images = open_data(torch.rand(40, 1, 8, 8, generator=torch.Generator().manual_seed(0)))
    found = other_views(None, images)
    assert found is not None
    strengths = [f"strength {s}" for s in (".25", ".5", "1", "2")]
    assert list(found.views) == [*strengths, "shift alone", "contrast alone", "noise alone"]
    features = other_views(1.0, open_data(latents()))
    assert features is not None
    assert list(features.views) == strengths
    assert other_views(lambda x, random: x, images) is None


def test_one_kind_alone_is_what_it_says() -> None:
    x = np.random.default_rng(0).standard_normal((2, 6, 6)).astype(np.float32)
    got = image(x, 1.0, np.random.default_rng(1), frozenset({LOUDER}))
    middle = x.mean((1, 2), keepdims=True)
    factor = (got - middle) / (x - middle)
    assert np.ptp(factor) < 1e-3
    assert 0.8 < factor.mean() < 1.25
    assert abs(factor.mean() - 1) > 1e-3


def test_units_are_counted_again_in_every_view() -> None:
    """sin(w z), z normal, in two views of z with noise s: reliability exp(-w^2 s^2), s = strength / 2."""
    census = counted((7, 7, 7))
    strengths = ["strength .25", "strength .5", "strength 1", "strength 2"]
    assert census.about["shown"]["names"] == ["as counted", *strengths, "by maps"]
    for layer in census.layers["layer"]:
        got = census.array(layer, "distinct_shown")
        assert got is not None
        assert got[:4].tolist() == [12, 12, 12, 7]  # slow: .98 .94 .78 .37; fast: .94 .78 .37 .02
        assert got[4] <= 2
    assert (census.layers["distinct_least"] <= 2).all()
    assert census.layers["distinct_most"].tolist() == [12, 12, 12]


def test_what_the_strength_decides_is_undecided() -> None:
    slow = (12, 10, 8, 6, 4, 2)
    census = counted(slow, views=2.0)
    assert census.layers["distinct"].tolist() == list(slow)
    verdict = census.verdict
    assert verdict.sensitivity["views strength .25"] == "even"
    assert verdict.sensitivity["views strength 1"] == "earlier"
    assert verdict.answer == "undecided"
    assert "even in the views strength .25" in str(verdict)
    off = counted(slow, views=2.0, settings=lc.Settings(progress=False, pictures=0, resamples=40, other_views=False))
    assert off.verdict.answer == "earlier"
    assert "shown" not in off.about


def test_maps_that_stay_are_told_from_their_means_which_move() -> None:
    """Textbook edges: by the mean of the map, which contrast moves, some are noise; no map is."""
    sobel = torch.tensor([[1.0, 0, -1], [2, 0, -2], [1, 0, -1]])
    diagonal = torch.tensor([[2.0, 1, 0], [1, 0, -1], [0, -1, -2]])
    kernels = torch.stack([k.rot90(turns) for k in (sobel, diagonal) for turns in range(4)])[:, None]
    net = nn.Sequential(nn.Conv2d(1, 8, 3, padding=1, bias=False), nn.ReLU(), nn.Flatten(), nn.Linear(8 * 64, 2))
    net[0].weight.data = kernels
    digits = open_data("digits").peek(500, 500)
    census = lc.take(net, next(iter(digits)).inputs, layers=["1"], twin=False, settings=SETTINGS)
    noise = census.units["fate"] == "noise"
    assert noise.sum() >= 2
    assert (census.units["reliability_map"] > 0.5).all()
    told = [f for f in census.findings if "only the mean over positions is not" in f.sentence]
    assert [f.units for f in told] == [tuple(np.flatnonzero(noise))]
