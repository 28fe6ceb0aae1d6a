"""Transforms have no drift, shrink with the picture, and whole shifts leave pixels as they are."""

from __future__ import annotations

import torch

from layercensus.visualise.rng import Rng
from layercensus.visualise.transforms import ARTICLE, Robustness, Transforms, jitter_of, moved


def test_jitter_does_not_drift_over_512_steps() -> None:
    transforms = Transforms(ARTICLE, (224, 224), Rng([1, 2, 3]), torch.zeros(3))
    shifts = torch.stack([transforms.next_move()[0] for _ in range(512)])
    assert shifts.mean(0).abs().max() < 0.1
    assert shifts.abs().max() == 16
    assert shifts.std() > 8  # it does move


def test_a_picture_does_not_drift_under_the_transforms() -> None:
    """The centre of a bright spot, over the moved pictures of 512 steps."""
    spot = torch.zeros(1, 1, 65, 65)
    spot[0, 0, 30:35, 30:35] = 1
    transforms = Transforms(ARTICLE, (65, 65), Rng([4]), torch.zeros(1))
    total = sum(transforms(spot) for _ in range(512))
    y = (total[0, 0].sum(1) * torch.arange(65)).sum() / total.sum()
    x = (total[0, 0].sum(0) * torch.arange(65)).sum() / total.sum()
    assert abs(float(y) - 32) < 0.1
    assert abs(float(x) - 32) < 0.1


def test_amounts_shrink_with_the_picture() -> None:
    assert jitter_of(16, (224, 224)) == (16, 16)
    assert jitter_of(16, (8, 28)) == (1, 2)
    assert jitter_of(0, (8, 8)) == (0, 0)


def test_whole_shifts_keep_pixels() -> None:
    x = torch.rand(2, 3, 12, 10, generator=torch.Generator().manual_seed(0))
    still, one = torch.zeros(2), torch.ones(2)
    fill = torch.full((3, 1, 1), 0.5)
    out = moved(x, torch.tensor([[2.0, 0.0], [0.0, -3.0]]), still, one, fill)
    assert torch.allclose(out[0, :, 2:], x[0, :, :-2], atol=1e-5)
    assert torch.allclose(out[1, :, :, :-3], x[1, :, :, 3:], atol=1e-5)
    assert torch.allclose(out[0, :, :2], torch.full((3, 2, 10), 0.5), atol=1e-5)


def test_each_picture_has_its_own_randomness() -> None:
    amounts = Robustness(jitter=16, colour=0.1, noise=0.1)
    x = torch.full((2, 3, 32, 32), 0.5)
    both = Transforms(amounts, (32, 32), Rng([7, 8]), torch.zeros(3))(x)
    alone = Transforms(amounts, (32, 32), Rng([8]), torch.zeros(3))(x[:1])
    assert torch.allclose(both[1], alone[0], atol=1e-6)
    assert not torch.allclose(both[0], both[1])
