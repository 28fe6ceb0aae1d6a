"""The whole way, from a net and data to the tables, on nets whose true counts are known."""

import pandas as pd
import pytest
import torch

import layercensus as lc
from layercensus.testing.planted import DEAD, KINDS, NOISE, Planted, Truth, planted

QUIET = lc.Settings(progress=False, batch=64, resamples=50, spots=4, dimension=False, needed=False)
TRUTH = Truth(latents=12, copies=3, dead=5, noise=7)


def counted(p: Planted, dtype: torch.dtype = torch.float32, **more: object) -> lc.Census:
    return lc.take(p.net.to(dtype), p.data, layers="layers.*", twin=False, views=p.views, settings=QUIET, **more)


def right(census: lc.Census, p: Planted, number: int = 0) -> bool:
    """Whether every unit has its true fate, and every latent exactly one representative."""
    units = census.units[census.units["layer"] == f"layers.{number}"]
    role = pd.Series(p.units[number], index=units.index)
    truth = p.truth[number]
    row = census.layers.iloc[number]
    counts = (row["dead"], row["noise"], row["distinct"], row["duplicate"])
    return bool(
        counts == (truth.dead, truth.noise, truth.latents, truth.latents * (truth.copies - 1))
        and (units["fate"][role == DEAD] == "dead").all()
        and (units["fate"][role == NOISE] == "noise").all()
        and role[units["fate"] == "distinct"].is_unique
        and all(p.units[number][rep] == own for own, rep in zip(role, units["representative"], strict=True) if own >= 0)
    )


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=["fp32", "bf16"])
def test_the_planted_counts_come_back_in_at_least_19_of_20_seeds(kind: str, dtype: torch.dtype) -> None:
    found = []
    for seed in range(20):
        p = planted(kind, TRUTH, seed, examples=400)
        found.append(right(counted(p, dtype), p))
    assert sum(found) >= 19


def test_copying_every_unit_four_times_keeps_the_ratio_and_the_count() -> None:
    once, four = Truth(16, 1), Truth(16, 4)
    layers = counted(planted("linear", (once, four), seed=0, wobble=0.05, leak=0.05)).layers
    assert layers["reliable_ratio"].tolist()[:2] == [1.0, 1.0]
    assert layers["distinct"].tolist()[:2] == [16, 16]
    assert layers["distinct_per_unit"].tolist()[:2] == [1.0, 0.25]
    assert layers["redundant"].tolist()[:2] == [0, 64]


def test_signs_can_be_told_apart() -> None:
    p = planted("linear", Truth(10, 4), seed=1)
    blind = counted(p).layers["distinct"][0]
    settings = lc.Settings(progress=False, sign_blind=False, resamples=50, dimension=False)
    signed = lc.take(p.net, p.data, layers="layers.*", twin=False, views=p.views, settings=settings)
    assert blind == 10
    assert 10 < signed.layers["distinct"][0] <= 20


def test_curves_hold_every_cut() -> None:
    census = counted(planted("linear", TRUTH, seed=2))
    grid = census.array("layers.0", "distinct_grid")
    assert grid.shape == (9, 10)
    assert grid[4, 8] == census.layers["distinct"][0] == 12
    assert (grid[:, :-1] <= grid[:, 1:]).all()  # a higher tau never merges more
    assert census.array("layers.0", "reliable_curve")[4] == census.layers["reliable"][0] == 36


def test_the_verdict_text_says_no_more_than_its_table() -> None:
    census = counted(planted("linear", (TRUTH, TRUTH), seed=3))
    assert census.verdict.answer == "undecided"
    assert "only 2 hidden layers" in str(census.verdict)
    assert "Without an untrained twin" in " ".join(census.verdict.details)
