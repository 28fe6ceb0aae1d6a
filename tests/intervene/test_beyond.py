"""Which nets are regressed out where learned directions are counted."""

from __future__ import annotations

import torch
from torch import Tensor, nn

import layercensus as lc
from layercensus.count.plan import Asked, make_plan
from layercensus.data.open import open_data
from layercensus.intervene.beyond import in_words, shuffled_ones
from layercensus.models.randomness import seeded


def net() -> nn.Module:
    return nn.Sequential(nn.Linear(6, 12), nn.ReLU(), nn.Linear(12, 8), nn.ReLU(), nn.Linear(8, 4))


def taught(seed: int) -> nn.Module:
    """Trained to give four of its inputs' products, which the first layer's random features do not give."""
    student = seeded(net)(seed)
    rng = torch.Generator().manual_seed(seed)
    optimiser = torch.optim.Adam(student.parameters(), 1e-2)
    for _ in range(400):
        x = torch.randn(128, 6, generator=rng)
        optimiser.zero_grad()
        nn.functional.mse_loss(student(x), answers(x)).backward()
        optimiser.step()
    return student.eval()


def answers(x: Tensor) -> Tensor:
    return torch.stack([x[:, 0] * x[:, 1], x[:, 2] * x[:, 3], x[:, 4] * x[:, 5], x[:, 0] * x[:, 3]], 1)


X = torch.randn(512, 6, generator=torch.Generator().manual_seed(9))
SETTINGS = lc.Settings(progress=False, pictures=0, resamples=20, twins=4)


def test_re_initialised_nets_are_checked_against_the_nets_own_weights_shuffled() -> None:
    census = lc.take(taught(0), X, replicas=[taught(1)], views=0.1, settings=SETTINGS)
    assert census.provenance.needs["beyond"] == (
        "7 untrained nets, re-initialised by each layer's own initialiser; and, to check them, 5 of the net's own "
        "weights, shuffled within each tensor"
    )
    table = census.layers.set_index("layer")
    both = table[["learned", "learned_shuffled"]].dropna()
    assert len(both) >= 2
    assert both["learned"].max() >= 2  # the answers themselves
    assert (both["learned"] - both["learned_shuffled"]).abs().max() <= 1
    assert (both["learned_shuffled"] <= table["shared"][both.index]).all()


def test_nets_of_the_nets_own_factory_need_no_check() -> None:
    for fresh, replicas, names, said in (
        (seeded(net), 1, [], "7 untrained nets, freshly initialised by the net's own factory"),
        (None, 1, [f"shuffled{n}" for n in range(5)], "7 untrained nets, re-initialised by each layer's own init"),
        (None, 0, [], ""),
    ):
        model = lc.Model(seeded(net)(0), "net", fresh=fresh)
        asked = Asked(replicas=[lc.Model(seeded(net)(1), "replica")] * replicas, views=0.1)
        plan = make_plan(model, open_data(X), asked, SETTINGS)
        assert shuffled_ones(model, plan) == names
        assert in_words(model, plan).startswith(said)
        assert bool(in_words(model, plan)) == bool(said)
