"""What is said of memory and time before the first example: bytes by hand, and those of the files themselves."""

from __future__ import annotations

from collections import namedtuple
from pathlib import Path

import pytest
import torch
from torch import nn

import layercensus as lc
from layercensus.count import room
from layercensus.count.forecast import Forecast, forecast
from layercensus.count.nets import Net, Nets
from layercensus.count.store import COUNTING

Usage = namedtuple("Usage", "total used free")


def net() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(36, 200), nn.ReLU(), nn.Linear(200, 5))


X = torch.randn(120, 1, 5, 5, generator=torch.Generator().manual_seed(0))
# 120 examples of 4 bytes: 4 units with six readings and 8 of 9 positions, 200 and 5 units with three readings
BYTES = {"1": 4 * 120 * 4 * (6 + 8), "4": 4 * 120 * 200 * 3, "5": 4 * 120 * 5 * 3}


def nets() -> Nets:
    return Nets(Net("trained", net(), tuple(layer for layer in lc.layers_of(net(), X) if layer.default)))


def test_the_bytes_by_hand() -> None:
    assert BYTES == {"1": 26_880, "4": 288_000, "5": 7_200}
    found = forecast(nets(), 120, lc.MEASURES, lc.Settings(memory=0.001))
    assert found == Forecast(322_080, "4", 200, 288_000, 1_000_000, ("4",), 0.0)  # 48 bytes a pair would be 1,920,000
    assert forecast(nets(), 120, lc.MEASURES, lc.Settings()).beyond == 48 * 200 * 200 + 10 * 200 * (200 * 200 // 2)
    assert forecast(nets(), None, lc.MEASURES, lc.Settings(panel=60)).disk == 322_080 // 2
    twin = Nets(
        nets().trained, Net("twin", net(), nets().trained.layers), (Net("replica0", net(), nets().trained.layers),)
    )
    both = forecast(twin, 120, lc.MEASURES, lc.Settings())
    assert (both.disk, both.panel) == (3 * 322_080, 2 * 288_000)  # the twin is measured by itself


def test_the_files_take_the_bytes_that_were_said(tmp_path: Path) -> None:
    settings = lc.Settings(progress=False, shard=(1, 1), out=tmp_path, pictures=0)
    lc.take(net(), X, twin=False, settings=settings)
    files = sum(file.stat().st_size for file in (tmp_path / COUNTING).glob("panel-*"))
    assert 0 <= files - 322_080 - 2 * 8 * 120 < 4000  # a key and a label for each example, and the table of contents


def test_the_line_stands_with_the_progress_and_always_in_the_census(capfd: pytest.CaptureFixture[str]) -> None:
    line = (
        "forecast: the panel takes 0.3 MB of disk; layer '4' (200 units) takes 0.3 MB of memory for its panel and up "
        "to 1.0 MB to measure it in blocks; measuring takes less than a minute\n"
    )
    for progress, memory, said in ((True, 0.001, True), (False, 0.001, False), (True, 2.0, False)):
        settings = lc.Settings(progress=progress, memory=memory, pictures=0)
        about = lc.take(net(), X, twin=False, settings=settings).about
        assert (line in capfd.readouterr().err) == said
        assert about.get("forecast", {}) == ({} if memory == 2.0 else {
            "disk": 322_080, "layer": "4", "width": 200, "panel": 288_000, "beyond": 1_000_000, "blocks": ["4"],
            "seconds": 0,
        })  # fmt: skip


def test_a_forecast_says_minutes_and_survives_a_file(tmp_path: Path) -> None:
    head = Forecast(3_700_000_000, "lm_head", 50_257, 1_235_116_032, 2_000_000_000, ("lm_head",), 250.0)
    assert str(head) == (
        "the panel takes 3.7 GB of disk; layer 'lm_head' (50,257 units) takes 1.2 GB of memory for its panel and up to "
        "2.0 GB to measure it in blocks; measuring takes about 4 min"
    )
    census = lc.take(net(), X, twin=False, settings=lc.Settings(progress=False, memory=0.001, pictures=0))
    census.save(tmp_path)
    assert lc.load(tmp_path).about["forecast"] == census.about["forecast"]


def test_time_follows_the_work_and_a_small_net_is_not_timed() -> None:
    def never() -> float:
        raise AssertionError

    assert forecast(nets(), 120, lc.MEASURES, lc.Settings(), never).seconds == 0
    wide = [
        Net("trained", nn.Identity(), (lc.layers_of(nn.Linear(2, n), torch.randn(3, 2))[0],)) for n in (20_000, 40_000)
    ]
    short, long = (forecast(Nets(each), 2048, lc.MEASURES, lc.Settings(), lambda: 1e9) for each in wide)
    assert 60 < short.seconds < long.seconds < 4 * short.seconds  # at most the square of the units
    assert forecast(Nets(wide[0]), 2048, lc.MEASURES, lc.Settings(), lambda: 2e9).seconds == short.seconds / 2
    assert short.worth_saying


def test_a_panel_beyond_the_disk_is_refused_before_the_first_example(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(room.shutil, "disk_usage", lambda _: Usage(10**6, 9 * 10**5, 100_000))
    settings = lc.Settings(progress=False, out=tmp_path / "out", panel=100)
    with pytest.raises(lc.CensusError) as no:
        lc.take(net(), X, twin=False, settings=settings)
    assert str(no.value) == (  # 268,400 bytes for 100 examples: 33 would fit with a tenth to spare
        f"The panel must fit on the disk of {tmp_path / 'out' / COUNTING}. Got 0.3 MB to write and 0.1 MB free. "
        "Pass a smaller panel, as in Settings(panel=33), or fewer layers."
    )
    assert not list((tmp_path / "out").rglob("*.safetensors"))


def test_a_panel_beyond_the_memory_is_refused_before_the_first_example(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "memory_of_machine", lambda: 200_000)
    with pytest.raises(lc.CensusError) as no:
        lc.take(net(), X, twin=False, settings=lc.Settings(progress=False, panel=100))
    assert str(no.value) == (  # 240,000 bytes for 100 examples: 75
        "The panel of layer '4' (200 units) must fit in memory. Got 0.2 MB to hold and 0.2 MB in this machine. "
        "Pass a smaller panel, as in Settings(panel=75), or fewer layers."
    )
    monkeypatch.undo()
    assert room.memory_of_machine() is None or room.memory_of_machine() > 10**8
