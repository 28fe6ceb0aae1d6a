"""The same call works for every kind of image; what takes none gets examples instead; nothing finished is lost."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from torch import Tensor, nn

import layercensus as lc
from layercensus.cli.app import main
from layercensus.errors import CensusError
from layercensus.models.digits import DigitsNet
from layercensus.visualise import PRESETS, direction, diversity, load_prior, logit, mean_of, neuron
from layercensus.visualise.input_space import palette_of, slope
from layercensus.visualise.score import held_out

from .patterns import PATTERNS, Planted, colourful


class Small(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.conv = nn.Sequential(nn.Conv2d(channels, 8, 3, padding=1), nn.ReLU(), nn.Conv2d(8, 8, 3, padding=1))
        self.act = nn.ReLU()
        self.out = nn.Linear(8, 4)

    def forward(self, x: Tensor) -> Tensor:
        return self.out(self.act(self.conv(x)).mean((2, 3)))


@pytest.mark.parametrize(("channels", "side"), [(1, 8), (1, 28), (3, 224), (5, 16), (3, 33)])
def test_any_image_with_the_same_call(channels: int, side: int) -> None:
    images = 3 * colourful(24, side, channels) - 1
    made = lc.see(Small(channels), ["act:0-1", "out:2"], images, steps=20, progress=False)
    assert made.pictures.shape == (3, channels, side, side)
    assert 0 <= float(made.pictures.min()) <= float(made.pictures.max()) <= 1
    assert float(made.pictures.std()) > 0.005
    low, high = float(images.min()), float(images.max())
    assert low - 1e-4 <= float(made.inputs.min()) <= float(made.inputs.max()) <= high + 1e-4
    first = made.sights[0]
    assert len({top.by for top in first.tops}) >= 1
    assert first.tops[0].picture is not None
    assert first.tops[0].picture.shape == (channels, side, side)
    assert first.score is not None
    assert first.score.examples == 24
    assert (made.scores["percentile"] >= 0).all()


def test_same_seed_same_picture_alone_or_among_others() -> None:
    images = colourful(30, 32)
    both = lc.see(Planted(), ["act:0", "act:3"], images, steps=30, seed=5, progress=False, top=0)
    again = lc.see(Planted(), ["act:0", "act:3"], images, steps=30, seed=5, progress=False, top=0)
    alone = lc.see(Planted(), "act:3", images, steps=30, seed=5, progress=False, top=0)
    other = lc.see(Planted(), "act:3", images, steps=30, seed=6, progress=False, top=0)
    assert torch.equal(both.pictures, again.pictures)
    assert torch.allclose(both.pictures[1], alone.pictures[0], atol=1e-3)
    assert not torch.allclose(other.pictures[0], alone.pictures[0], atol=1e-2)


def test_scores_are_what_they_say() -> None:
    net, images = Planted(), colourful(50, 32)
    made = lc.see(net, "act:1", images, steps=60, progress=False)
    row = made.scores.iloc[0]
    with torch.no_grad():
        peaks = net(images)[:, 1].amax((1, 2))
        own = net(made.inputs)[0, 1].max()
        changed = torch.stack([net(seen)[0, 1].max() for seen in held_out(made.pictures)]).mean()
    assert np.isclose(row["activation"], float(own), rtol=1e-4)
    assert np.isclose(row["data_max"], float(peaks.max()), rtol=1e-4)
    assert np.isclose(row["ratio"], float(own / peaks.max()), rtol=1e-4)
    assert np.isclose(row["percentile"], 100 * float((peaks < own).float().mean()))
    with torch.no_grad():
        base = net(images.mean((0, 2, 3)).view(1, 3, 1, 1).expand(1, 3, 32, 32))[0, 1].max()
    assert np.isclose(row["kept"], float((changed - base) / (own - base)), rtol=1e-3)
    best = int(peaks.argmax())
    with torch.no_grad():
        left = torch.stack([net(seen)[0, 1].max() for seen in held_out(images[best : best + 1])]).mean()
    assert np.isclose(row["data_kept"], float((left - base) / (peaks[best] - base)), rtol=1e-3)
    assert made.sights[0].tops[0].id == str(best)
    assert made.sights[0].tops[0].by == "peak"


def test_crops_are_what_the_peak_sees() -> None:
    """The kernel on the crop alone gives the response that was reported."""
    net, images = Planted(), colourful(50, 32)
    top = lc.see(net, "act:1", images, steps=2, progress=False).sights[0].tops[0]
    (y0, y1), (x0, x1) = top.window
    assert (y1 - y0, x1 - x0) == (11, 11)
    assert top.picture is not None
    crop = top.picture[None, :, y0:y1, x0:x1]
    assert np.isclose(float(net(crop)[0, 1].detach()), top.response, rtol=1e-4)


def test_a_replica_finds_its_unit_again() -> None:
    """The replica has the same kernels in another order: the matching unit is known."""
    images, other = colourful(60, 32), Planted()
    order = [5, 4, 3, 2, 1, 0]
    other.conv.weight.data = other.conv.weight.data[order].clone()
    made = lc.see(Planted(), "act:all", images, replicas=[other], steps=60, progress=False, top=0)
    assert (made.scores["transfer_match"] > 0.999).all()
    assert (made.scores["transfer"] == made.scores["percentile"]).all()
    torch.manual_seed(1)
    stranger = Planted()
    stranger.conv.weight.data = torch.randn_like(stranger.conv.weight)
    made = lc.see(Planted(), "act:all", images, replicas=[stranger], steps=60, progress=False, top=0)
    assert (made.scores["transfer_match"] < 0.99).all()


def test_a_dead_unit_fails_and_says_so() -> None:
    net = Planted()
    net.conv.bias = nn.Parameter(torch.tensor([0.0, -1e4, 0, 0, 0, 0]))
    made = lc.see(net, ["act:0", "act:1"], colourful(30, 32), steps=60, progress=False, top=0)
    assert [sight.unit for sight in made.failed] == [1]
    assert made.scores["status"][1] == "failed: the unit does not respond"


def test_palette_is_measured() -> None:
    images = colourful(200, 32)
    source = lc.data.open.open_data(images)
    palette = palette_of(source, list(source.batches(64)))
    pixels = images.transpose(0, 1).flatten(1)
    assert torch.allclose(palette.colour @ palette.colour.T, torch.cov(pixels), atol=1e-3)
    assert torch.allclose(palette.mean, pixels.mean(1), atol=1e-4)
    assert -1.4 < palette.slope < -0.7  # they were made with -1
    assert abs(slope(torch.rand(100, 3, 64, 64))) < 0.1


def test_maco_keeps_the_magnitudes_of_the_data() -> None:
    images = colourful(100, 32)
    made = lc.see(Planted(), "act:1", images, preset="maco2023", steps=20, progress=False, top=0)
    source = lc.data.open.open_data(images)
    palette = palette_of(source, list(source.batches(64)))
    logits = torch.logit(made.pictures.double(), 1e-6) - torch.logit(palette.mean, 0.05).view(-1, 1, 1)
    along = torch.einsum(
        "dc,nchw->ndhw", torch.linalg.inv(palette.colour / palette.colour.norm(dim=0).max()).double(), logits
    )
    found = torch.fft.rfft2(along, norm="ortho").abs()[0, 0]
    assert palette.magnitude is not None
    inner = (slice(1, 15), slice(1, 15))  # coefficients of the edge columns are real, so part of their phase is lost
    assert torch.allclose(found[inner], palette.magnitude[0].double()[inner], rtol=0.05)


def test_tables_get_top_examples_with_the_columns_that_drive_them() -> None:
    net = nn.Sequential(nn.Linear(6, 2), nn.ReLU())
    net[0].weight.data = torch.tensor([[0.0, 3, 0, 0, 0, 0], [0.0, 0, 0, 0, 2, 1]])
    net[0].bias.data.zero_()
    rows = torch.randn(80, 6, generator=torch.Generator().manual_seed(0))
    made = lc.see(net, "1:all", rows, progress=False)
    assert "rows of numbers" in made.missing
    assert made.pictures.numel() == 0
    top = made.sights[0].tops[0]
    assert top.id == str(int(rows[:, 1].argmax()))
    assert top.drivers[0][0] == "column 1"
    assert made.sights[1].tops[0].drivers[0][0] in ("column 4", "column 5")
    with pytest.raises(CensusError, match="rows of numbers"):
        lc.see(net, "1:0", rows, preset="olah2017", progress=False)


class Reader(nn.Module):
    """Its unit 0 responds to token 7 alone."""

    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Embedding(20, 4)
        self.embed.weight.data.zero_()
        self.embed.weight.data[7, 0] = 5.0
        self.embed.weight.data[9, 1] = 5.0
        self.act = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        return self.act(self.embed(x))


def test_sentences_get_the_tokens_that_drive_them() -> None:
    tokens = torch.randint(0, 7, (30, 8), generator=torch.Generator().manual_seed(0))
    tokens[4, 3] = 7
    made = lc.see(Reader(), "act:0", tokens, progress=False)
    assert "tokens" in made.missing
    top = made.sights[0].tops[0]
    assert (top.id, top.peak) == ("4", 3)
    assert top.drivers[0] == ("7", 1.0)


def test_presets_say_what_they_need() -> None:
    with pytest.raises(CensusError, match="Did you mean 'olah2017'"):
        lc.see(Planted(), "act:0", colourful(8, 32), preset="olah17")
    with pytest.raises(CensusError, match="layercensus prior"):
        lc.see(Planted(), "act:0", colourful(8, 32), preset="nguyen2016", progress=False)
    model = lc.Model(Planted(), "planted", example=lambda: torch.zeros(2, 3, 32, 32))
    with pytest.raises(CensusError, match="Pass data=DATA"):
        lc.see(model, "act:0", preset="maco2023", progress=False)
    with pytest.raises(CensusError, match="needs data"):
        lc.see(Planted(), "act:0")
    assert all(preset.paper and preset.regulariser for preset in PRESETS.values())


def test_command_writes_pictures_scores_and_a_page(tmp_path: Path) -> None:
    out = tmp_path / "see"
    command = ["see", "tests.user_models:small", "act2:0-2", "--data", "digits", "--steps", "8", "--quiet"]
    assert main([*command, "--out", str(out)]) == 0
    scores = pd.read_csv(out / "scores.csv")
    assert list(scores["unit"]) == [0, 1, 2]
    assert all((out / picture).is_file() for picture in scores["picture"])
    page = (out / "index.html").read_text()
    assert "Geirhos" in page
    assert "Borowski" in page
    assert all(f'id="act2-{unit}-olah2017"' in page for unit in range(3))


def test_command_refuses_a_taken_folder_and_resumes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["see", "tests.user_models:small", "--data", "digits", "--quiet", "--out", str(tmp_path), "--steps", "5"]
    assert main([*command, "act2:0"]) == 0
    first = json.loads((tmp_path / "see.json").read_text())["sights"]
    assert main([*command, "act2:0"]) == 2
    assert main([*command, "act2:0", "--resume", "--seed", "1"]) == 2
    assert main([*command, "act2:0-1", "--resume"]) == 0
    both = json.loads((tmp_path / "see.json").read_text())["sights"]
    assert both[0] == first[0]
    assert len(both) == 2
    assert main([*command, "act2:3", "--overwrite"]) == 0
    assert len(json.loads((tmp_path / "see.json").read_text())["sights"]) == 1


def test_interrupt_keeps_what_is_finished(tmp_path: Path) -> None:
    command = [
        sys.executable, "-m", "layercensus.cli", "see", "tests.user_models:small", "conv2:0-5", "--data", "digits",
        "--quiet", "--out", str(tmp_path), "--batch", "1", "--steps", "500",
    ]  # fmt: skip
    process = subprocess.Popen(
        command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True, preexec_fn=_heard
    )  # fmt: skip
    end = time.monotonic() + 120
    while not (tmp_path / "see.json").exists() and time.monotonic() < end and process.poll() is None:
        time.sleep(0.05)
    os.kill(process.pid, signal.SIGINT)
    _, errors = process.communicate(timeout=120)
    assert process.returncode == 130
    assert "--resume" in errors
    kept = json.loads((tmp_path / "see.json").read_text())["sights"]
    assert 1 <= len(kept) < 6
    assert (tmp_path / "index.html").is_file()
    assert main([*command[3:], "--resume"]) == 0
    assert len(json.loads((tmp_path / "see.json").read_text())["sights"]) == 6


def _heard() -> None:
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # what runs in the background of a shell ignores it


def test_prior_is_trained_kept_and_used(tmp_path: Path) -> None:
    file = tmp_path / "prior.safetensors"
    assert main(["prior", "digits", "--out", str(file), "--steps", "60", "--quiet"]) == 0
    prior = load_prior(file)
    assert float(prior.about["unexplained"]) < 0.9  # type: ignore[arg-type]
    made = lc.see(DigitsNet().eval(), "act.2:0", "digits", preset="nguyen2016", prior=file, steps=5, progress=False)
    assert made.pictures.shape == (1, 1, 8, 8)
    with pytest.raises(CensusError, match="3 channels"):
        lc.see(Planted(), "act:0", colourful(8, 32), preset="nguyen2016", prior=file, progress=False)
    with pytest.raises(CensusError, match="layercensus prior"):
        load_prior(Path(__file__))


def test_neuron_reads_a_layer_without_positions() -> None:
    images = colourful(20, 16)
    made = lc.see(Small(3), neuron("out", 1), images, steps=5, progress=False)
    assert made.sights[0].tops[0].by == "value"


def test_tops_are_those_of_the_objective_itself() -> None:
    net, images = Planted(), colourful(60, 32)
    with torch.no_grad():
        maps = net.conv(images)
    several = lc.see(net, mean_of("conv", [1, 3]), images, steps=2, progress=False).sights[0]
    assert several.unit is None
    assert several.tops[0].id == str(int(maps[:, [1, 3]].mean((1, 2, 3)).argmax()))
    against = lc.see(net, -neuron("conv", 1), images, steps=2, progress=False).sights[0]
    assert against.unit == 1
    assert against.tops[0].id == str(int(maps[:, 1].amax((1, 2)).argmin()))
    faces = lc.see(net, neuron("conv", 1) + diversity("act"), images, faces=2, steps=2, progress=False).sights
    assert [(s.layer, s.unit, s.face) for s in faces] == [("conv", 1, 0), ("conv", 1, 1)]
    (y0, y1), (x0, x1) = faces[0].tops[0].window
    assert (y1 - y0, x1 - x0) == (11, 11)


def test_what_a_mask_leaves_out_is_not_read() -> None:
    tokens = torch.zeros(20, 6, dtype=torch.long)
    tokens[2, 5] = 7  # padding
    tokens[9, 1] = 7
    mask = torch.ones(20, 6, dtype=torch.bool)
    mask[2, 4:] = False
    data = [{"inputs": tokens, "mask": mask}]
    made = lc.see(Reader(), [direction("act", [1.0, 0, 0, 0]), "act:0"], data, progress=False)
    assert [sight.tops[0].id for sight in made.sights] == ["9", "9"]


def test_replicas_work_for_class_logits_and_must_have_the_layers() -> None:
    images = colourful(40, 16)
    made = lc.see(Small(3), logit(2), images, replicas=[Small(3)], steps=5, progress=False)
    assert float(made.scores["transfer_match"][0]) > 0.999
    with pytest.raises(CensusError, match=r"Got one without 'conv\.0'"):
        lc.see(Small(3), "conv.0:0", images, replicas=[Planted()], steps=5, progress=False)


def test_an_offset_does_not_flatter() -> None:
    """A bias on the unit changes neither the picture nor how much of it is kept."""
    images, shifted = colourful(60, 32), Planted()
    shifted.conv.bias = nn.Parameter(torch.full((len(PATTERNS),), 100.0))
    plain = lc.see(Planted(), "conv:all", images, steps=60, progress=False, top=0).scores
    offset = lc.see(shifted, "conv:all", images, steps=60, progress=False, top=0).scores
    assert np.allclose(plain["kept"].astype(float), offset["kept"].astype(float), atol=0.05)
    assert (offset["kept"] < 0.97).any()


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
@pytest.mark.parametrize("preset", ["olah2017", "maco2023", "mordvintsev2016"])
def test_nets_of_any_precision(dtype: torch.dtype, preset: str) -> None:
    net = Small(3).to(dtype)
    made = lc.see(net, "conv.2:0-1", colourful(24, 24), preset=preset, steps=4, progress=False)
    assert made.pictures.shape == (2, 3, 24, 24)
    assert next(net.parameters()).dtype == dtype


class Caching(nn.Module):
    """Keeps a tensor from its first forward pass."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3, padding=1)
        self.weights: Tensor | None = None

    def forward(self, x: Tensor) -> Tensor:
        if self.weights is None:
            self.weights = torch.linspace(0, 1, x.shape[-1]).expand_as(x[:1, :1]).clone()
        return self.conv(x * self.weights)


class Cut(nn.Module):
    """No gradient passes."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)

    @torch.no_grad()
    def forward(self, x: Tensor) -> Tensor:
        return self.conv(x)


def test_nets_that_cache_work_and_nets_that_cut_gradients_are_refused() -> None:
    images = colourful(24, 16)
    assert lc.see(Caching(), "conv:0", images, steps=3, progress=False).pictures.shape == (1, 3, 16, 16)
    with pytest.raises(CensusError, match="A gradient must reach the picture"):
        lc.see(Cut(), "conv:0", images, steps=3, progress=False)


def test_images_that_never_vary_are_refused() -> None:
    with pytest.raises(CensusError, match="one value, 255"):
        lc.see(Small(3), "act:0", torch.full((24, 3, 16, 16), 255.0), progress=False)
    images = colourful(24, 16, 5)
    images[:, 2] = 255.0  # one channel that never varies
    assert torch.isfinite(lc.see(Small(5), "act:0", images, steps=3, progress=False).pictures).all()


def test_few_examples_give_no_percentile() -> None:
    made = lc.see(Small(3), "act:0", colourful(6, 16), steps=3, progress=False)
    assert made.scores["percentile"].isna().all()
    assert made.scores["data_max"].notna().all()


def test_few_steps_give_whole_pictures() -> None:
    made = lc.see(Small(3), "act:0", colourful(24, 24), preset="mordvintsev2015", steps=2, progress=False)
    assert made.pictures.shape == (1, 3, 24, 24)


def test_all_presets_on_one_page(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["see", "tests.user_models:small", "act2:0", "--data", "digits", "--preset", "all", "--steps", "3"]
    command.append("--quiet")
    assert main([*command, "--out", str(tmp_path)]) == 0
    assert "nguyen2016 is left out: it needs --prior" in capsys.readouterr().out
    page = (tmp_path / "index.html").read_text()
    made = [preset for preset in PRESETS.values() if preset.needs != "prior"]
    assert all(preset.paper.split(",")[0].split("&")[0] in page for preset in made)
    assert len(pd.read_csv(tmp_path / "scores.csv")) == len(made)
    contrast = pd.read_csv(tmp_path / "scores.csv").set_index("preset")["contrast"]
    assert contrast.drop("olah2017").isna().all()
    assert main([*command, "--out", str(tmp_path), "--resume"]) == 0
