"""A dimension that near-copies, discreteness or noise make has a status that says so; planted ones stay estimates."""

import pytest
import torch
from torch import Tensor, nn

import layercensus as lc
from layercensus.measures.neighbours import distances, scales
from layercensus.measures.scatter import near_copies, scale_ratio, tied

from .evidence import normal


def bent(x: Tensor) -> Tensor:
    """A curved surface of as many dimensions in forty units."""
    return (x @ normal(9, x.shape[1], 40)).tanh()


def taken(x: Tensor) -> str:
    settings = lc.Settings(progress=False, pictures=0, dimension=True, resamples=20)
    net = nn.Sequential(nn.Identity(), nn.Linear(x.shape[1], 2))
    status: str = lc.take(net, x.numpy(), layers=["0"], twin=False, settings=settings).layers["dimension_status"][0]
    return status


@pytest.mark.parametrize("dimension", [1, 2, 3, 6])
def test_a_surface_has_no_near_copies_and_scales_that_agree(dimension: int) -> None:
    r, _ = distances(bent(normal(0, 800, dimension)))
    assert near_copies(r, dimension) < 0.03
    assert tied(r) < 0.1
    assert scale_ratio(scales(r)) < 1.4


@pytest.mark.parametrize("copies", [1, 2, 9])
@pytest.mark.parametrize("noise", [0.001, 0.01])
def test_near_copies_are_seen_however_many_there_are(copies: int, noise: float) -> None:
    base = normal(0, 900 // (copies + 1), 3)
    x = torch.cat([base, *(base + noise * normal(k + 1, *base.shape) for k in range(copies))])
    assert near_copies(distances(bent(x))[0], 3) > 0.5


def test_the_fraction_of_near_copies_is_that_which_was_planted() -> None:
    base = normal(0, 800, 3)
    x = torch.cat([base, base[:200] + 0.001 * normal(1, 200, 3)])  # 400 of 1,000 have a near-copy
    assert near_copies(distances(bent(x))[0], 3) == pytest.approx(0.4, abs=0.03)


def test_each_example_twice_with_a_little_noise_is_no_estimate() -> None:
    base = normal(0, 300, 3)
    said = taken(bent(torch.cat([base, base + 0.001 * normal(1, 300, 3)])))
    assert said.startswith("none: ")
    assert "near-copies" in said


def test_distances_of_few_values_are_discrete() -> None:
    assert taken((normal(0, 500, 6) @ normal(1, 6, 40) > 0).float()).startswith("none: discrete")
    assert taken((normal(0, 500, 5) @ normal(1, 5, 40)).round()).startswith("none: discrete")


def test_a_saturated_softmax_is_no_plain_estimate() -> None:
    assert taken((8 * normal(0, 700, 10)).softmax(1)) != "estimate"


def test_a_planted_surface_stays_an_estimate() -> None:
    assert taken(bent(normal(0, 700, 3))) == "estimate"
