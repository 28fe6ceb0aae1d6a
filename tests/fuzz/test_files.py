"""The fuzzer of files itself, and the commands that draw."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import layercensus as lc

from .files.damage import WRONG, array_header, png, rewritten_json
from .files.samples import KINDS, make
from .files.trial import _read, run


@pytest.fixture(scope="module")
def originals(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("originals")
    make(folder)
    return folder


@pytest.mark.parametrize(
    "kind", [name for name, kind in KINDS.items() if kind.name not in ("resume", "merging", "report")]
)
def test_whole_files_are_read(kind: str, originals: Path) -> None:
    assert _read(KINDS[kind].read, originals / KINDS[kind].folder) == ("fine", "")


@pytest.mark.parametrize("kind", ["report", "merging"])
def test_commands_that_draw(kind: str, originals: Path) -> None:
    outcomes = run(range(12), originals, kind)
    assert {outcome.end for outcome in outcomes} <= {"fine", "refused"}, outcomes


def test_what_goes_wrong_is_told_from_a_refusal(tmp_path: Path) -> None:
    def raising(error: Exception) -> str:
        def read(folder: Path) -> None:
            raise error

        return _read(read, tmp_path)[0]

    assert raising(lc.CensusError("one line")) == "refused"
    assert raising(lc.CensusError("two\nlines")) == "more than one line"
    assert raising(KeyError("about")).startswith("KeyError")


def test_a_process_that_dies_costs_one_input(originals: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import os

    from .files import trial

    honest = trial.trial

    def deadly(seed: int, *rest: object) -> object:
        if seed == 1:
            os._exit(9)
        return honest(seed, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(trial, "trial", deadly)
    assert [outcome.end for outcome in run(range(3), originals, "texts")][1] == "the process died (9)"


def test_damage_is_the_same_for_a_seed_and_changes_a_file() -> None:
    one, two = (rewritten_json(b'{"a": [1, 2, {"b": 3}]}', np.random.default_rng(4)) for _ in range(2))
    assert one == two != b'{"a": [1, 2, {"b": 3}]}'
    assert len(WRONG) > 10
    assert len(array_header("(3, 2)")) % 64 == 0
    assert png(3, 60)[:4] == b"\x89PNG"
