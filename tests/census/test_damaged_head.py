"""A census.json that is damaged is refused in one line when it is loaded, and not later when it is used."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

import layercensus as lc

GONE = object()
DAMAGE: dict[tuple[str | int, ...], tuple[object, ...]] = {
    ("about",): (GONE, 3, [], {}, None),
    ("about", "memory_format"): (GONE, {}, {"name": "contiguous"}, {"seconds": {}}, [1]),
    ("about", "examples"): (GONE, "many", None),
    ("findings",): (GONE, {}, 3, [3], [{}]),
    ("findings", 0, "sentence"): ([], {"a": 1}, True, 3),
    ("findings", 0, "units"): (3, ["a"]),
    ("types", "layers"): (GONE, {}, []),
    ("types", "layers", "role"): (GONE, 3),
    ("types", "layers", "noise"): (GONE, "string", "object"),
    ("types", "layers", "distinct_high"): ("string",),
    ("types", "layers", "twin_distinct"): ("string",),
    ("types", "units", "unit"): (GONE, "string"),
    ("columns",): (GONE, [], {}),
    ("untrained",): (GONE, 3),
}
CASES = [(at, value) for at, values in DAMAGE.items() for value in values]
TEXTS = ("", "[]", "3", "null", "{}", '"census"', '{"format": 7')


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(4, 6), nn.ReLU(), nn.Linear(6, 3))
    settings = lc.Settings(progress=False, twins=1, pictures=0, resamples=20)
    return lc.take(net, torch.randn(40, 4), settings=settings).save(tmp_path_factory.mktemp("saved") / "one")


def refused(saved: Path, folder: Path, head: str) -> str:
    shutil.copytree(saved, folder)
    (folder / "census.json").write_text(head, "utf-8")
    with pytest.raises(lc.CensusError) as caught:
        lc.load(folder)
    return str(caught.value)


@pytest.mark.parametrize(
    ("at", "value"), CASES, ids=[f"{'.'.join(map(str, at))}-{n}" for n, (at, _) in enumerate(CASES)]
)
def test_a_damaged_value_is_refused_when_loaded(
    saved: Path, tmp_path: Path, at: tuple[str | int, ...], value: object
) -> None:
    head: Any = json.loads((saved / "census.json").read_text("utf-8"))
    inner = head
    for step in at[:-1]:
        inner = inner[step]
    if value is GONE:
        del inner[at[-1]]
    else:
        inner[at[-1]] = value
    line = refused(saved, tmp_path / "damaged", json.dumps(head))
    assert "holds a damaged census (" in line
    assert "\n" not in line


@pytest.mark.parametrize("text", TEXTS)
def test_a_text_that_is_no_census(saved: Path, tmp_path: Path, text: str) -> None:
    assert "damaged census" in refused(saved, tmp_path / "damaged", text)


def test_words_that_a_later_version_may_add_are_read(saved: Path, tmp_path: Path) -> None:
    shutil.copytree(saved, tmp_path / "more")
    head = json.loads((saved / "census.json").read_text("utf-8"))
    head["about"]["weather"] = head["weather"] = "rain"
    (tmp_path / "more" / "census.json").write_text(json.dumps(head), "utf-8")
    assert lc.load(tmp_path / "more").verdict.answer == lc.load(saved).verdict.answer
