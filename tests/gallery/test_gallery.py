"""The report's pictures: where units peak, what of an example is shown, and that no number depends on it."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor, nn

import layercensus as lc
from layercensus.gallery.gallery import Gallery
from layercensus.layers.field import Field, Line
from layercensus.report.tiles import Examples

QUIET: dict[str, Any] = {"progress": False, "resamples": 20, "twins": 1}
SIDE = 16


def dots(count: int) -> tuple[Tensor, list[tuple[int, int]]]:
    """Dark noisy pictures with one bright dot each, and where it lies."""
    rng = np.random.default_rng(0)
    x = rng.uniform(0, 0.2, (count, 1, SIDE, SIDE)).astype(np.float32)
    peaks = [(int(a), int(b)) for a, b in rng.integers(0, SIDE, (count, 2))]
    for picture, (row, column) in zip(x, peaks, strict=True):
        picture[0, row, column] = rng.uniform(0.8, 1)
    return torch.from_numpy(x), peaks


class Dots(nn.Module):
    """Unit 0 answers to the brightest pixel, unit 1 to the darkest, by a 3 x 3 convolution."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.act, self.out = nn.Conv2d(1, 2, 3, padding=1), nn.ReLU(), nn.Linear(2, 2)
        with torch.no_grad():
            self.conv.weight.zero_()
            self.conv.weight[:, 0, 1, 1] = torch.tensor([1.0, -1.0])
            self.conv.bias.copy_(torch.tensor([0.0, 1.0]))

    def forward(self, x: Tensor) -> Tensor:
        return self.out(self.act(self.conv(x)).amax((2, 3)))


@pytest.mark.parametrize("batch", [7, 64])
def test_the_place_of_a_peak_is_where_the_dot_is(batch: int) -> None:
    x, peaks = dots(200)
    census = lc.take(Dots(), x, layers=["act"], settings=lc.Settings(**QUIET, batch=batch))
    gallery = census.gallery
    top = census.units["top"].iloc[0]
    field = gallery.fields["act"]
    for rank in range(5):
        row, column = peaks[int(top[rank])]
        assert gallery.peaks["act"][0, rank] == row * SIDE + column
        assert field.window(gallery.peaks["act"][0, rank], gallery.side) == (
            (row - 1, row + 2),
            (column - 1, column + 2),
        )
        with Image.open(io.BytesIO(gallery.examples[top[rank]])) as shown:
            assert np.array_equal(np.asarray(shown), (x[int(top[rank]), 0] * 255).round().byte().numpy())
    ends = census.directions("act")
    shown = (*census.units["top"], *ends.top, *ends.bottom)
    assert set(gallery.examples) == {id for ids in shown for id in ids[:5]}


def test_a_crop_is_the_window_and_grey_is_beyond_the_edge() -> None:
    held = io.BytesIO()
    picture = np.zeros((SIDE, SIDE), dtype=np.uint8)
    picture[0, :] = 255
    Image.fromarray(picture).save(held, "PNG")
    lines = ((0, Line(0, 1, -1, 3)), (1, Line(1, 1, -1, 3)))
    gallery = Gallery("images", {"a": held.getvalue()}, (SIDE, SIDE), peaks={"l": np.array([[5]], dtype=np.int32)},
                      fields={"l": Field((SIDE, SIDE), lines)})  # fmt: skip
    sheet = Examples(gallery).sheet("l", [0], [("a",)], 100_000)
    assert sheet is not None
    tile = np.asarray(Image.open(io.BytesIO(sheet.picture)).convert("L")).astype(int)
    assert tile.shape == (48, 48)
    assert [round(tile[y : y + 8, 8:40].mean() / 30) for y in (4, 20, 36)] == [4, 8, 0]  # grey, white, black


class Corner(nn.Module):
    """Unit 0 answers to darkness over a wide field, in which padding is darkest: it peaks in corners."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.act, self.out = nn.Conv2d(1, 1, 9, stride=4, padding=4), nn.ReLU(), nn.Linear(1, 2)
        with torch.no_grad():
            self.conv.weight.fill_(-1 / 81)
            self.conv.bias.fill_(1)

    def forward(self, x: Tensor) -> Tensor:
        return self.out(self.act(self.conv(x)).amax((2, 3)))


def test_no_crop_is_mostly_padding() -> None:
    x = 0.5 + dots(60)[0] / 2
    maps = Corner().act(Corner().conv(x)).detach()
    census = lc.take(Corner(), x, layers=["act"], settings=lc.Settings(**QUIET))
    field, peaks = census.gallery.fields["act"], census.gallery.peaks["act"][0]
    ids = [int(id) for id in census.units["top"].iloc[0][:5]]
    assert {int(maps[id].argmax()) for id in ids} == {0}  # the peaks lie in the corner that sees most padding
    assert all(field.inside(int(position), (SIDE, SIDE)) >= 0.4 for position in peaks)
    for id, position in zip(ids, peaks, strict=True):
        inner = maps[id].flatten().clone()
        inner[0] = -1  # of 9 x 9 it sees 5 x 5
        assert int(position) == int(inner.argmax())


def test_numbers_are_the_same_with_and_without_pictures(tmp_path: Path) -> None:
    x, _ = dots(100)
    net = Dots()
    some = lc.take(net, x, settings=lc.Settings(**QUIET, out=tmp_path))
    none = lc.take(net, x, settings=lc.Settings(**QUIET, pictures=0))
    assert some.units.equals(none.units)
    assert some.layers.equals(none.layers)
    assert some.gallery.examples
    assert not none.gallery.examples
    assert "pictures 0" in none.gallery.missing
    assert "since none were asked for" in (none.report(tmp_path / "r").parent / "layers/layer-000.html").read_text()
    loaded = lc.load(tmp_path).gallery
    assert loaded.examples == some.gallery.examples
    assert loaded.fields == some.gallery.fields
    assert all(np.array_equal(loaded.peaks[layer], peaks) for layer, peaks in some.gallery.peaks.items())


def test_few_pictures_are_those_that_show_most() -> None:
    x, _ = dots(100)
    census = lc.take(Dots(), x, layers=["act"], settings=lc.Settings(**QUIET, pictures=2, needed=False))
    first = [tops[0] for tops in census.units["top"]]
    assert sorted(census.gallery.examples) == sorted(first)
    assert (census.gallery.peaks["act"][:, 1:] == -1).all()


def test_a_stream_that_is_gone_and_rows_of_numbers_are_not_drawn() -> None:
    x, _ = dots(600)
    streamed = lc.take(Dots(), iter(x.split(50)), settings=lc.Settings(**QUIET))
    assert "only once" in streamed.gallery.missing
    net = nn.Sequential(nn.Linear(8, 6), nn.ReLU(), nn.Linear(6, 2))
    rows = lc.take(net, torch.randn(100, 8), settings=lc.Settings(**QUIET))
    assert rows.gallery.columns == tuple(f"column {at}" for at in range(8))
    wide = lc.take(nn.Linear(1200, 2), torch.randn(60, 1200), settings=lc.Settings(**QUIET, needed=False))
    assert "row of 1,200 numbers" in wide.gallery.missing
    assert set(rows.gallery.strips) == set(rows.layers["layer"])


def test_data_that_vanishes_before_the_pictures_leaves_the_counts(tmp_path: Path) -> None:
    folder = tmp_path / "pictures"
    folder.mkdir()
    x, _ = dots(40)
    for number, picture in enumerate(x):
        Image.fromarray((picture[0] * 255).byte().numpy()).save(folder / f"{number}.png")

    class Vanishing(Dots):
        def forward(self, x: Tensor) -> Tensor:
            if (tmp_path / "out" / "census.json").exists():
                for file in folder.glob("*.png"):
                    file.unlink()
            return super().forward(x)

    with pytest.raises(lc.CensusError, match="readable picture"):
        lc.take(Vanishing(), f"images:{folder}", settings=lc.Settings(**QUIET, batch=1, out=tmp_path / "out"))
    kept = lc.load(tmp_path / "out")
    assert kept.about["examples"] == 40
    assert not kept.gallery.examples


def test_the_token_with_the_highest_response_is_marked(tmp_path: Path) -> None:
    class Words(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.embed, self.act = nn.Embedding(20, 4), nn.ReLU()
            with torch.no_grad():
                self.embed.weight.uniform_(0, 0.5)
                self.embed.weight[7, 0] = 5

        def forward(self, tokens: Tensor) -> Tensor:
            return self.act(self.embed(tokens))

    tokens = torch.from_numpy(np.random.default_rng(0).integers(8, 20, (200, 12)))
    tokens[torch.arange(0, 200, 10), 5] = 7
    census = lc.take(Words(), tokens, layers=["act"], settings=lc.Settings(**QUIET))
    assert census.gallery.kind == "tokens"
    assert (census.gallery.peaks["act"][0] == 5).all()
    assert json.loads(census.gallery.examples["0"])[5] == "7"
    page = (census.report(tmp_path).parent / "layers/layer-000.html").read_text("utf-8")
    assert page.split('id="unit-0"')[1].split("</tr>")[0].count(" <mark>7</mark> ") == 5


def test_a_signal_is_drawn_where_its_unit_peaks(tmp_path: Path) -> None:
    class Clicks(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv, self.act = nn.Conv1d(1, 2, 9, stride=4), nn.ReLU()

        def forward(self, x: Tensor) -> Tensor:
            return self.act(self.conv(x))

    torch.manual_seed(0)
    x = torch.randn(100, 1, 64)
    census = lc.take(Clicks(), x, layers=["act"], settings=lc.Settings(**QUIET))
    assert census.gallery.kind == "signals"
    assert np.frombuffer(next(iter(census.gallery.examples.values())), dtype=np.float32).shape == (64,)
    assert census.gallery.fields["act"].window(3, (64,)) == ((12, 21),)
    census.report(tmp_path)
    with Image.open(tmp_path / "sprites/layer-000.webp") as sheet:
        assert sheet.width % 144 == 0


def test_wide_layers_get_fewer_crops_and_stay_within_their_room() -> None:
    rng = np.random.default_rng(0)
    held = {}
    for number in range(60):
        encoded = io.BytesIO()
        Image.fromarray(rng.integers(0, 255, (80, 80, 3), dtype=np.uint8)).save(encoded, "WEBP")
        held[str(number)] = encoded.getvalue()
    peaks = rng.integers(0, 80 * 80, (900, 5)).astype(np.int32)
    lines = ((0, Line(0, 1, -9, 19)), (1, Line(1, 1, -9, 19)))
    gallery = Gallery("images", held, (80, 80), peaks={"l": peaks}, fields={"l": Field((80, 80), lines)})
    tops = [tuple(map(str, rng.permutation(60)[:5])) for _ in range(900)]
    shown = {}
    for room in (300_000, 8_000_000):
        sheet = Examples(gallery).sheet("l", range(900), tops, room)
        assert sheet is not None
        shown[room] = sum(map(len, sheet.tiles))
        if shown[room] > 900:
            assert len(sheet.picture) + 110 * shown[room] <= room
    assert shown == {300_000: 900, 8_000_000: 4500}


def test_a_sheet_is_never_taller_than_its_format_allows() -> None:
    values = np.sin(np.arange(4000, dtype=np.float32)).tobytes()
    peaks = np.arange(4000, dtype=np.int32)[:, None]
    gallery = Gallery("signals", {"a": values}, (4000,), peaks={"l": peaks},
                      fields={"l": Field((4000,), ((0, Line(0, 1, 0, 50)),))})  # fmt: skip
    sheet = Examples(gallery).sheet("l", range(4000), [("a",)] * 4000, 10_000_000)
    assert sheet is not None
    with Image.open(io.BytesIO(sheet.picture)) as shown:
        assert 16_000 < shown.height <= 16_383
    assert sum(map(len, sheet.tiles)) == 3410


def test_units_that_repeat_each_other_stand_side_by_side_in_the_matrix() -> None:
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(10, 12), nn.ReLU(), nn.Linear(12, 2))
    with torch.no_grad():
        for a, b in ((0, 7), (3, 11)):
            net[0].weight[b], net[0].bias[b] = net[0].weight[a], net[0].bias[a]
    census = lc.take(net, torch.randn(400, 10), layers=["1"], settings=lc.Settings(**QUIET))
    matrix = census.gallery.matrices["1"]
    order = matrix.units.tolist()
    assert abs(order.index(0) - order.index(7)) == 1
    assert abs(order.index(3) - order.index(11)) == 1
    assert matrix.values[order.index(0), order.index(7)] == 100
    assert np.array_equal(matrix.values, matrix.values.T)


def test_a_histogram_holds_every_example_of_the_panel_between_its_ends() -> None:
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(10, 6), nn.ReLU(), nn.Linear(6, 2))
    x = torch.randn(300, 10)
    census = lc.take(net, x, layers=["1"], settings=lc.Settings(**QUIET))
    strip, responses = census.gallery.strips["1"], net[:2](x).detach()
    assert (strip.counts.sum(1) == 300).all()
    assert np.allclose(strip.high, responses.amax(0), atol=1e-6)
    shard = responses[:, 2] < (strip.low[2] + 0.5 * (strip.high[2] - strip.low[2]))
    assert abs(int(shard.sum()) - int(strip.counts[2, :8].sum())) <= 1
