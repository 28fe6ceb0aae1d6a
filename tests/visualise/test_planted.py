"""A picture of a unit that looks for a pattern shows the pattern."""

from __future__ import annotations

import pytest
import torch

import layercensus as lc
from layercensus.data.open import open_data
from layercensus.visualise import PRESETS, train_prior
from layercensus.visualise.objectives import neuron

from .patterns import PATTERNS, Planted, colourful, see, similarity


@pytest.fixture(scope="module")
def images() -> torch.Tensor:
    return colourful(200, 40)


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_default_shows_every_pattern(images: torch.Tensor, seed: int) -> None:
    result = see(Planted(), "act:all", images, seed=seed, top=0)
    found = {n: similarity(p, PATTERNS[n]) for n, p in zip(PATTERNS, result.images, strict=True)}
    assert min(found.values()) >= 0.9, found
    assert not result.failed


def test_default_needs_no_data() -> None:
    net = Planted()
    model = lc.Model(net, "planted", example=lambda: torch.zeros(2, 3, 48, 48))
    result = see(model, "act:all")
    assert min(similarity(p, q) for p, q in zip(result.images, PATTERNS.values(), strict=True)) >= 0.9
    assert result.scores["percentile"].isna().all()


def test_noise_units_are_told_from_patterns(images: torch.Tensor) -> None:
    """The measure itself: a random kernel's picture is like no pattern."""
    net = Planted()
    torch.manual_seed(0)
    net.conv.weight.data = torch.randn_like(net.conv.weight) / net.conv.weight[0].numel() ** 0.5
    result = see(net, "act:all", images, top=0, steps=256)
    assert max(similarity(p, q) for p, q in zip(result.images, PATTERNS.values(), strict=True)) < 0.6


@pytest.mark.parametrize("name", list(PRESETS))
def test_every_preset_makes_pictures_that_excite_the_unit(images: torch.Tensor, name: str) -> None:
    prior = train_prior(open_data(images), steps=150, progress=False) if PRESETS[name].needs == "prior" else None
    result = see(Planted(), [neuron("act", u) for u in (1, 3)], images, preset=name, prior=prior, top=0)
    assert result.images.shape == (2, 3, 40, 40)
    assert float(result.images.min()) >= 0
    assert float(result.images.max()) <= 1
    noise = Planted()(torch.rand(20, 3, 40, 40)).amax((2, 3)).mean(0)
    strengths = result.scores["activation"].astype(float)
    floor = 0.5 if name in ("nguyen2016", "nguyen2016b", "szegedy2013", "maco2023") else 1.0
    assert (strengths.to_numpy() > floor * noise[[1, 3]].detach().numpy()).all(), (name, strengths, noise)
