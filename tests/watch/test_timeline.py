"""A timeline's numbers, and that a killed run loses none of them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
import torch
from torch import Tensor, nn

import layercensus as lc
from layercensus.settings import Settings

from .runs import examples, net_of, resumable, run


class Known(nn.Module):
    """Units whose activity on one-hot inputs is known: 0 dead, 1 at 1/40 of the mean or below, 2 and 3 strong."""

    def __init__(self) -> None:
        super().__init__()
        self.act = nn.ReLU()
        self.scale = nn.Parameter(torch.tensor([-1.0, 0.05, 4.0, 4.0]))

    def forward(self, x: Tensor) -> Tensor:
        return self.act(x * self.scale)


def test_dead_dormant_and_rank_are_as_computed_by_hand() -> None:
    x = torch.eye(4).repeat(16, 1) + 0.01 * torch.arange(64)[:, None] * torch.eye(4).repeat(16, 1)
    watch = lc.watch(Known(), x, budget=None, options=lc.WatchOptions(panel=64))
    row = watch.timeline.layers.set_index("layer").loc["act"]
    assert (row["dead"], row["dead_bound"], row["examples"], row["width"]) == (1, 3 / 64, 64, 4)
    assert row["dormant"] == 0.5  # unit 1 has .05 of 8.05 / 4
    covariance = torch.relu(x * Known().scale.detach()).double()[:, 1:].T.cov()
    fraction = torch.linalg.eigvalsh(covariance)
    fraction = fraction / fraction.sum()
    assert row["effective_rank"] == pytest.approx(float(torch.exp(-(fraction * fraction.log()).sum())))


def test_dormant_uses_the_size_of_signed_responses() -> None:
    """Sokar's score of a Tanh unit is of abs(response): of one that is symmetric about 0 the mean would be 0."""
    net = nn.Sequential(nn.Conv1d(1, 3, 1, bias=False), nn.Tanh())
    with torch.no_grad():
        net[0].weight.copy_(torch.tensor([1.0, -2.0, 0.001])[:, None, None])
    x = torch.randn(64, 1, 10, generator=torch.Generator().manual_seed(0))
    x = torch.cat([x, -x])  # every mean is 0
    row = lc.watch(net, x, budget=None, options=lc.WatchOptions(panel=128)).timeline.layers.set_index("layer").loc["1"]
    assert row["dormant"] == pytest.approx(1 / 3)


def test_a_reading_says_what_a_census_of_the_same_examples_says() -> None:
    x, _ = examples()
    x, net = x[:64], net_of()
    options = lc.WatchOptions(panel=64, resamples=20)
    row = lc.watch(net, x, budget=None, options=options).timeline.layers.set_index("layer")
    settings = Settings(panel=64, resamples=20, progress=False, other_views=False, dimension=True, calibration=32)
    census = lc.take(net, x, twin=False, settings=settings).layers.set_index("layer")
    for name in ("reliable", "distinct", "coverage", "needed"):
        assert row[name].tolist() == pytest.approx(census[name].tolist()), name
    assert row["effective_rank"].tolist() == pytest.approx(census["entropy_rank"].tolist())
    assert row["unreliable"].tolist() == (census["live"] - census["reliable"]).tolist()


def test_what_is_saved_is_what_is_loaded(tmp_path: Path) -> None:
    timeline = run(steps=20, every=10)
    timeline.save(tmp_path / "saved")
    again = lc.Timeline.load(tmp_path / "saved")
    pd.testing.assert_frame_equal(again.layers, timeline.layers)
    assert again.alarms == timeline.alarms
    assert again.steps == (0, 10, 20)
    with pytest.raises(lc.CensusError, match=r"A timeline must be a folder with timeline.jsonl"):
        lc.Timeline.load(tmp_path)


KILLED = """
import os, signal, sys
from tests.watch.runs import resumable
resumable(sys.argv[1], sys.argv[2], at=17, then=lambda: os.kill(os.getpid(), signal.SIGKILL))
"""


def test_a_killed_run_goes_on_and_has_what_an_uninterrupted_one_has(tmp_path: Path) -> None:
    """Killed at step 17 with half a line written, gone on from the checkpoint of step 10."""
    out, checkpoint = tmp_path / "killed", tmp_path / "net.pt"
    words = [sys.executable, "-c", KILLED, str(out), str(checkpoint)]
    assert subprocess.run(words, cwd=Path(__file__).parents[2], timeout=100).returncode == -9
    assert lc.Timeline.load(out).steps == (0, 5, 10, 15)
    file = out / "timeline.jsonl"
    file.write_bytes(file.read_bytes() + b'{"step":16,"rows":{"1":{"de')
    assert lc.Timeline.load(out).steps == (0, 5, 10, 15)
    resumable(out, checkpoint, start=10)
    resumable(tmp_path / "whole", tmp_path / "other.pt")
    killed, whole = lc.Timeline.load(out), lc.Timeline.load(tmp_path / "whole")
    assert killed.steps == whole.steps == (0, 5, 10, 15, 20, 25, 30)
    pd.testing.assert_frame_equal(killed.layers, whole.layers)


def test_a_folder_with_a_timeline_is_not_written_over(tmp_path: Path) -> None:
    x, _ = examples()
    lc.watch(net_of(), x, out=tmp_path, options=lc.WatchOptions(panel=64)).close()
    with pytest.raises(lc.CensusError, match="already holds a timeline"):
        lc.watch(net_of(), x, out=tmp_path)
    with pytest.raises(lc.CensusError, match="of the same net and panel"):
        lc.watch(net_of(), x[:50], out=tmp_path, options=lc.WatchOptions(panel=64, resume=True))


def test_the_context_manager_counts_the_steps_of_the_nets_own_optimisers() -> None:
    x, _ = examples()
    net, other = net_of(), nn.Linear(2, 2)
    mine, foreign = (torch.optim.SGD(module.parameters(), 0.1) for module in (net, other))
    with lc.watch(net, x, every=2, budget=None, options=lc.WatchOptions(panel=64)) as watch:
        for _ in range(4):
            foreign.step()
            mine.step()
    assert (watch.steps, watch.timeline.steps) == (4, (0, 2, 4))
    mine.step()
    assert watch.steps == 4
    with lc.watch(net, x, every=1, budget=None, options=lc.WatchOptions(panel=64)) as watch:
        for _ in range(3):
            mine.step()
            watch.step()  # the caller counts: no step is counted twice
    assert (watch.steps, watch.timeline.steps) == (3, (0, 1, 2, 3))


def test_data_that_the_training_would_miss_are_refused() -> None:
    with pytest.raises(lc.CensusError, match="can be read again"):
        lc.watch(net_of(), iter([torch.randn(8, 12)]))
