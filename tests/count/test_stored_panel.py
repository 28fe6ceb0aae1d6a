"""A panel read back from disk: sorted, without a second copy in memory, and nothing stored twice."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from layercensus.count.nets import LayerKey
from layercensus.count.store import Checkpoint, Store
from layercensus.count.stored_panel import SHARED, written_once
from layercensus.tally import Streams

KEY = LayerKey("trained", "head")


def rows(keys: list[int], units: int = 3, positions: int = 1) -> dict[str, Tensor]:
    """Row by row known from the key: the readings of example k are k, and in its two views k + .1 and k + .2."""
    mean = torch.tensor(keys, dtype=torch.float32)[:, None].repeat(1, units)
    spots = mean[:, None].repeat(1, positions, 1) + torch.arange(positions)[:, None]
    peak = spots.amax(1)
    return {
        "mean": mean, "peak": peak, "a_mean": mean + 0.1, "a_peak": peak + 0.1, "b_mean": mean + 0.2,
        "b_peak": peak + 0.2, "spots": spots, "sketch": torch.zeros(len(keys), 0),
    }  # fmt: skip


def saved(folder: Path, *parts: tuple[list[int], int]) -> Store:
    store = Store.start(folder, {}, resume=False)
    for keys, positions in parts:
        shared = {"key": torch.tensor(keys), "label": torch.tensor(keys) * 10, "group": torch.tensor(keys)}
        panel = {KEY: written_once(rows(keys, positions=positions))}
        store.save(Checkpoint(shared, panel, {KEY: Streams.empty(3)}, keys, {}))
    return Store.open(folder)


def test_one_position_is_stored_and_held_once(tmp_path: Path) -> None:
    store = saved(tmp_path, ([7, 2], 1), ([5, 9, 1], 1))
    panel = store.panel(KEY, 4, 8)
    assert panel.key.tolist() == [1, 2, 5, 7]
    assert panel.label.tolist() == store.labels(4).tolist() == [10, 20, 50, 70]
    assert panel.mean[:, 0].tolist() == panel.peak[:, 2].tolist() == panel.spots[:, 0, 1].tolist() == [1, 2, 5, 7]
    torch.testing.assert_close(panel.a_mean, panel.mean + 0.1)
    torch.testing.assert_close(panel.b_peak, panel.mean + 0.2)
    held = {x.untyped_storage().data_ptr() for x in (panel.mean, panel.peak, panel.spots, panel.a_mean, panel.a_peak)}
    assert len(held) == 2  # the clean reading and that of one view
    assert sum(name.startswith("trained|head") for name in store._parts[0][0].entries) == 4  # three and the sketch


def test_parts_of_one_and_of_two_positions_become_one_panel(tmp_path: Path) -> None:
    panel = saved(tmp_path, ([4, 2], 1), ([3], 2)).panel(KEY, 9, 2)
    assert panel.spots[:, :, 0].tolist() == [[2, 2], [3, 4], [4, 4]]
    assert panel.peak[:, 0].tolist() == [2, 4, 4]
    assert panel.mean[:, 0].tolist() == [2, 3, 4]


def test_nothing_equal_is_not_taken_for_equal() -> None:
    assert set(written_once(rows([1, 2], positions=2))) == set(rows([1]))
    assert set(written_once(rows([1, 2]))) == {"mean", "a_mean", "b_mean", "sketch"}


def test_reading_takes_the_panel_and_a_part_beyond_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """numpy's buffers are what a part is read through; torch's own are the panel."""
    store = Store.start(tmp_path, {}, resume=False)
    units, each = 2000, 32
    for part in range(16):
        keys = list(range(part * each, (part + 1) * each))
        shared = {name: torch.tensor(keys) for name in SHARED}
        content = {KEY: rows(keys, units=units, positions=4)}
        store.save(Checkpoint(shared, content, {KEY: Streams.empty(units)}, keys, {}))
    store.panel_keys()
    tracemalloc.start()
    panel = store.panel(KEY, 16 * each, 4)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(panel) == 512
    assert peak < 1.5 * 4 * each * units * 4 + 1e6  # one tensor of a part, the largest: four positions
    assert np.array_equal(panel.key.numpy(), np.arange(512))
