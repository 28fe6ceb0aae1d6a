"""An image for a direction is one for the score by which examples are ranked."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import layercensus as lc
from layercensus.census.directions import LayerDirections
from layercensus.layers.survey import survey
from layercensus.visualise.objective_values import objective_values, resolved
from layercensus.visualise.objectives import of_direction

RNG = np.random.default_rng(0)
FOUND = LayerDirections(
    "0", "trained", *(RNG.standard_normal(shape).astype(np.float32) for shape in ((5,), (5, 3), (5, 3))),
    np.array([0.5, 0.3, 0.2]), True, (), (), RNG.standard_normal((5, 1)).astype(np.float32), np.array([0.1]),
)  # fmt: skip


def said(net: nn.Module, objective: lc.objectives.Objective, x: Tensor) -> Tensor:
    layers = survey(net, x)
    found = []
    for one in x.split(1):
        with objective_values(net, layers, resolved([objective], net, layers)) as values:
            found.append(values(one))
    return torch.cat(found).flatten()


def test_it_rises_as_the_mean_score_over_the_map() -> None:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        net = nn.Sequential(nn.Conv2d(2, 5, 3), nn.ReLU())
        x = torch.randn(7, 2, 9, 9)
    rows = net[0](x).detach().movedim(1, -1).numpy()
    scores = ((rows - FOUND.mean) @ FOUND.reader).mean((1, 2))  # (7, 3)
    for number, objective, sign in ((0, of_direction(FOUND, 0), 1), (2, of_direction(FOUND, 2, lowest=True), -1)):
        own = said(net, objective, x).detach().numpy() * np.linalg.norm(FOUND.reader[:, number])
        np.testing.assert_allclose(own - own.mean(), sign * (scores - scores.mean(0))[:, number], atol=1e-5)
    learned = ((rows - FOUND.mean) @ FOUND.learned_reader).mean((1, 2))[:, 0]
    own = said(net, of_direction(FOUND, 0, learned=True), x).detach().numpy() * np.linalg.norm(FOUND.learned_reader)
    np.testing.assert_allclose(own - own.mean(), learned - learned.mean(), atol=1e-5)


@pytest.mark.parametrize(
    ("number", "learned", "said"),
    [
        (3, False, "Layer '0' must have a direction of this number: it has 3. Got 3."),
        (1, True, "Layer '0' must have a learned direction of this number: it has 1. Got 1."),
    ],
)
def test_a_direction_that_is_not_there(number: int, learned: bool, said: str) -> None:
    with pytest.raises(lc.CensusError) as error:
        of_direction(FOUND, number, learned=learned)
    assert str(error.value) == said
