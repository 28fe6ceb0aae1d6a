"""An atlas puts like examples side by side, gives each cell an image of what tells it, and loses nothing finished."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

import layercensus as lc
from layercensus.cli.app import main
from layercensus.errors import CensusError
from layercensus.visualise import atlas as module
from layercensus.visualise.projection import projected

from .patterns import PATTERNS, Planted

QUICK = lc.SeeOptions(steps=40, progress=False)
SHOWN = ("gabor 0", "gabor 90", "dot")


def groups(each: int = 12, side: int = 24) -> Tensor:
    """Grey images with one of three patterns, faintly noisy; those of a pattern side by side."""
    random = torch.Generator().manual_seed(0)
    x = 0.5 + 0.02 * torch.randn(len(SHOWN) * each, 3, side, side, generator=random)
    for number, name in enumerate(SHOWN):
        pattern = PATTERNS[name] / PATTERNS[name].abs().max() * 0.4
        x[number * each : (number + 1) * each, :, 6:17, 6:17] += pattern
    return x.clamp(0, 1)


def drawn(**changed: Any) -> lc.Atlas:
    return lc.atlas(Planted(), "act", groups(), **{"side": 3, "options": QUICK} | changed)


def test_like_examples_lie_together_and_cells_show_what_tells_them() -> None:
    made = drawn()
    kinds = np.array([int(id) // 12 for id in made.ids])
    middle = np.array([made.at[kinds == number].mean(0) for number in range(3)])
    within = max(float(made.at[kinds == number].std(0).max()) for number in range(3))
    between = min(float(np.linalg.norm(middle[i] - middle[j])) for i in range(3) for j in range(i))
    assert between > 3 * within
    assert sum(cell.count for cell in made.cells) + made.alone == 36
    assert made.explained is not None
    assert made.explained > 0.9
    assert [len({int(id) // 12 for id in cell.examples}) for cell in made.cells] == [1, 1, 1]  # no cell mixes patterns
    data = Planted()(groups()).mean((2, 3)).detach()
    shown = torch.stack([cell.image for cell in made.cells if cell.image is not None])
    scale = (data.var(0) + 0.1 * data.var(0).mean()).sqrt()
    said = torch.nn.functional.normalize((Planted()(shown).mean((2, 3)).detach() - data.mean(0)) / scale)
    for number, cell in enumerate(made.cells):
        kind = int(cell.examples[0]) // 12
        apart = (data[kind * 12 : (kind + 1) * 12].mean(0) - data.mean(0)) / scale
        assert int((said @ apart).argmax()) == number  # of all images its own lies most in its examples' direction
        assert cell.score is not None
        assert cell.score.percentile == 100


def test_same_seed_same_atlas_and_batches_do_not_matter() -> None:
    a, b = drawn(), drawn(options=lc.SeeOptions(steps=40, batch=1, progress=False))
    assert np.array_equal(a.at, b.at)
    for one, other in zip(a.cells, b.cells, strict=True):
        assert (one.row, one.column, one.examples) == (other.row, other.column, other.examples)
        assert one.image is not None
        assert other.image is not None
        assert torch.allclose(one.image, other.image, atol=1e-2)


def test_an_interrupt_returns_what_is_finished(monkeypatch: pytest.MonkeyPatch) -> None:
    whole, calls = module.visualise, []

    def once(subject: Any, objectives: Any, options: Any) -> Any:
        calls.append(len(objectives))
        made = whole(subject, objectives[:1], options)
        return lc.visualise.Visualisations(made.entries, made.space, made.about, interrupted=True)

    monkeypatch.setattr(module, "visualise", once)
    made = drawn()
    assert made.interrupted
    assert sum(cell.image is not None for cell in made.cells) == 1
    assert len(made.cells) == calls[0] > 1


def test_places_do_not_depend_on_shift_or_turn() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(60, 5)) * [5, 3, 1, 1, 1]
    turn = np.linalg.qr(rng.normal(size=(5, 5)))[0]
    at, explained = projected(x)
    other, again = projected(x @ turn + 7)
    assert at.min() == 0
    assert at.max() == 1
    assert explained == pytest.approx(again)
    for axis in range(2):  # up to the sign, which follows the loadings
        assert min(np.abs(at[:, axis] - other[:, axis]).max(), np.abs(1 - at[:, axis] - other[:, axis]).max()) < 1e-9


def test_what_is_refused() -> None:
    with pytest.raises(CensusError, match="map must be pca or umap"):
        drawn(map="tsne")
    with pytest.raises(CensusError, match="side must be at least 2"):
        drawn(side=1)
    with pytest.raises(CensusError, match="An atlas is made of images"):
        lc.atlas(torch.nn.Sequential(torch.nn.Linear(4, 3)), "0", torch.randn(30, 4), options=QUICK)


def test_the_command_writes_a_page_with_every_cell(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["atlas", "tests.user_models:small", "digits", "act2", "--side", "2", "--steps", "2", "--examples", "40"]
    command += ["--quiet", "--out", str(tmp_path)]
    assert main(command) == 0
    saved = json.loads((tmp_path / "atlas.json").read_text("utf-8"))
    page = (tmp_path / "index.html").read_text("utf-8")
    assert len(saved["examples"]) == 40
    for cell in saved["cells"]:
        assert f'id="cell-{cell["name"]}"' in page
        assert (tmp_path / cell["picture"]).is_file()
        assert all((tmp_path / example["crop"]).is_file() for example in cell["examples"])
    assert "http" not in page.replace("http-equiv", "")
    capsys.readouterr()
    assert main(command) == 2
    assert "--overwrite" in capsys.readouterr().err
