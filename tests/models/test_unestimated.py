"""Normalisation whose statistics were never estimated normalises nothing, and is named."""

from __future__ import annotations

import torch
from torch import nn

import layercensus as lc
from layercensus.models.unestimated import unestimated

SETTINGS = lc.Settings(progress=False, pictures=0, resamples=20, needed=False, other_views=False)


def net() -> nn.Module:
    """Weights of no initialiser."""
    torch.manual_seed(0)
    made = nn.Sequential(
        nn.Linear(8, 16),
        nn.BatchNorm1d(16),
        nn.ReLU(),
        nn.Linear(16, 16),
        nn.BatchNorm1d(16),
        nn.ReLU(),
        nn.Linear(16, 3),
    )
    for p in made.parameters():
        p.data = torch.distributions.StudentT(2.0).sample(p.shape) / 4
    return made


def sentences(module: nn.Module) -> list[str]:
    x = torch.randn(300, 8, generator=torch.Generator().manual_seed(0))
    census = lc.take(module.eval(), x, twin=False, settings=SETTINGS)
    return [f.sentence for f in census.findings if "never estimated" in f.sentence]


def test_all_of_them_some_of_them_and_none() -> None:
    whole = net()
    assert unestimated(whole) == ("1", "4")
    assert "The running statistics of 1, 4 were never estimated" in sentences(whole)[0]
    whole[1].train()(torch.randn(64, 16))
    assert unestimated(whole) == ("4",)
    assert len(sentences(whole)) == 1
    whole.train()(torch.randn(64, 8))
    assert unestimated(whole) == ()
    assert sentences(whole) == []


def test_without_running_statistics_nothing_is_missing() -> None:
    assert unestimated(nn.Sequential(nn.BatchNorm1d(4, track_running_stats=False), nn.LayerNorm(4))) == ()
