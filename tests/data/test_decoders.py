"""Pictures that processes decode are those that threads decode, in the same order, with the same files left out."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import layercensus as lc
from layercensus.data.decoders import decoded
from layercensus.data.images import Images
from layercensus.data.open import open_data


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    rng = np.random.default_rng(0)
    for number in range(11):
        Image.fromarray(rng.integers(0, 255, (9, 8, 3), dtype=np.uint8)).save(tmp_path / f"{number:02d}.png")
    (tmp_path / "05.png").write_bytes(b"no picture")
    return tmp_path


@pytest.mark.parametrize("workers", [1, 2])
def test_processes_and_threads_decode_the_same(folder: Path, workers: int) -> None:
    state = torch.get_rng_state()
    found = [
        list(Images(str(folder), limit_bad=1, workers=each).batches(4, skip=lambda id: id == "00.png"))
        for each in (0, workers)
    ]
    assert [batch.ids for batch in found[1]] == [batch.ids for batch in found[0]]
    assert [len(batch.ids) for batch in found[1]] == [4, 3, 2]  # the unreadable one was in the second
    for one, other in zip(*found, strict=True):
        assert torch.equal(one.inputs, other.inputs)
    assert torch.equal(torch.get_rng_state(), state)


def test_pictures_of_other_sizes_come_in_their_places() -> None:
    sizes = {"a": 3, "b": 4, "c": 3, "d": 0}

    def read(id: str) -> torch.Tensor | str:
        return torch.full((sizes[id],), float(ord(id))) if sizes[id] else "unreadable"

    for workers in (0, 1):
        (items,) = list(decoded(read, [list("abcd")], workers))
        assert [id for id, _ in items] == list("abcd")
        assert [x if isinstance(x, str) else x.tolist() for _, x in items] == [
            [97.0] * 3, [98.0] * 4, [99.0] * 3, "unreadable",
        ]  # fmt: skip


def test_workers_are_asked_for_by_name(folder: Path) -> None:
    assert open_data(f"images:{folder}", workers=2).workers == 2  # type: ignore[attr-defined]
    settings = lc.Settings(progress=False, needed=False, workers=1, limit_bad=1, pictures=0)
    census = lc.take("tests.user_models:colour", f"images:{folder}", twin=False, settings=settings)
    assert census.about["examples"] == 10
