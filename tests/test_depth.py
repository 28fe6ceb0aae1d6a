"""Twice the layers cost twice the work, counted and not timed."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn

import layercensus as lc
from layercensus.count import tensor_file
from layercensus.intervene.chosen import SOME
from layercensus.report import picture

OF_A_LAYER = 4  # what the net needs of it, its twin's twice, and an untrained net's rows


def _deep(layers: int) -> nn.Module:
    torch.manual_seed(0)
    parts = [part for _ in range(layers - 1) for part in (nn.Linear(4, 4), nn.ReLU())]
    return nn.Sequential(*parts, nn.Linear(4, 3))


def _work(layers: int, folder: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, int]:
    """How often a count and its report do what costs most."""
    work = {"files opened": 0, "hooks": 0, "charts drawn by the engine": 0}

    def counting(patched: pytest.MonkeyPatch, name: str, owner: object, attribute: str) -> None:
        own = getattr(owner, attribute)

        def counted(*args: object, **kwargs: object) -> object:
            work[name] += 1
            return own(*args, **kwargs)

        patched.setattr(owner, attribute, counted)

    with monkeypatch.context() as patched:
        counting(patched, "files opened", tensor_file, "safe_open")
        counting(patched, "hooks", nn.Module, "register_forward_hook")
        counting(patched, "charts drawn by the engine", picture.vl_convert, "vegalite_to_svg")
        census = lc.take(
            _deep(layers),
            torch.randn(60, 4),
            settings=lc.Settings(progress=False, twins=1, resamples=20, checkpoint=3600),
        )
        census.report(folder)
    work["files written"] = sum(file.is_file() for file in folder.rglob("*"))
    return work


def test_twice_the_layers_are_twice_the_work_and_no_more_files_opened_or_charts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    few, many = (_work(layers, tmp_path / str(layers), monkeypatch) for layers in (15, 30))
    assert few["files opened"] <= 4 + OF_A_LAYER * 15
    assert many["files opened"] <= 4 + OF_A_LAYER * (SOME + 1)  # the last one is asked too
    assert (
        many["charts drawn by the engine"] == few["charts drawn by the engine"] <= 3 * 7
    )  # for phones, tablets and desks
    assert many["hooks"] <= 2.05 * few["hooks"]
    assert few["files written"] < many["files written"] <= 2 * few["files written"]
