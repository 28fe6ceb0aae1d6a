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
from layercensus.cli.see_words import parted
from layercensus.errors import CensusError
from layercensus.models.digits import DigitsNet
from layercensus.visualise import PRESETS, load_prior
from layercensus.visualise.input_space import input_space_of, slope
from layercensus.visualise.objectives import direction, diversity, logit, mean_of, neuron
from layercensus.visualise.score import held_out

from .patterns import PATTERNS, Planted, colourful, see


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
    result = see(Small(channels), ["act:0-1", "out:2"], images, steps=20)
    assert result.images.shape == (3, channels, side, side)
    assert 0 <= float(result.images.min()) <= float(result.images.max()) <= 1
    assert float(result.images.std()) > 0.005
    low, high = float(images.min()), float(images.max())
    assert low - 1e-4 <= float(result.inputs.min()) <= float(result.inputs.max()) <= high + 1e-4
    first = result.entries[0]
    assert len({top.by for top in first.top_examples}) >= 1
    assert first.top_examples[0].image is not None
    assert first.top_examples[0].image.shape == (channels, side, side)
    assert first.score is not None
    assert first.score.examples == 24
    assert (result.scores["percentile"] >= 0).all()


def test_same_seed_same_picture_alone_or_among_others() -> None:
    images = colourful(30, 32)
    both = see(Planted(), ["act:0", "act:3"], images, steps=30, seed=5, top=0)
    again = see(Planted(), ["act:0", "act:3"], images, steps=30, seed=5, top=0)
    alone = see(Planted(), "act:3", images, steps=30, seed=5, top=0)
    other = see(Planted(), "act:3", images, steps=30, seed=6, top=0)
    assert torch.equal(both.images, again.images)
    assert torch.allclose(both.images[1], alone.images[0], atol=1e-3)
    assert not torch.allclose(other.images[0], alone.images[0], atol=1e-2)


def test_scores_are_what_they_say() -> None:
    net, images = Planted(), colourful(50, 32)
    result = see(net, "act:1", images, steps=60)
    row = result.scores.iloc[0]
    with torch.no_grad():
        peaks = net(images)[:, 1].amax((1, 2))
        own = net(result.inputs)[0, 1].max()
        changed = torch.stack([net(seen)[0, 1].max() for seen in held_out(result.images)]).mean()
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
    assert result.entries[0].top_examples[0].id == str(best)
    assert result.entries[0].top_examples[0].by == "peak"


def test_crops_are_what_the_peak_sees() -> None:
    """The kernel on the crop alone gives the response that was reported."""
    net, images = Planted(), colourful(50, 32)
    top = see(net, "act:1", images, steps=2).entries[0].top_examples[0]
    (y0, y1), (x0, x1) = top.window
    assert (y1 - y0, x1 - x0) == (11, 11)
    assert top.image is not None
    crop = top.image[None, :, y0:y1, x0:x1]
    assert np.isclose(float(net(crop)[0, 1].detach()), top.response, rtol=1e-4)


def test_a_replica_finds_its_unit_again() -> None:
    """The replica has the same kernels in another order: the matching unit is known."""
    images, other = colourful(60, 32), Planted()
    order = [5, 4, 3, 2, 1, 0]
    other.conv.weight.data = other.conv.weight.data[order].clone()
    result = see(Planted(), "act:all", images, replicas=[other], steps=60, top=0)
    assert (result.scores["transfer_match"] > 0.999).all()
    assert (result.scores["transfer"] == result.scores["percentile"]).all()
    torch.manual_seed(1)
    stranger = Planted()
    stranger.conv.weight.data = torch.randn_like(stranger.conv.weight)
    result = see(Planted(), "act:all", images, replicas=[stranger], steps=60, top=0)
    assert (result.scores["transfer_match"] < 0.99).all()


def test_a_dead_unit_fails_and_says_so() -> None:
    net = Planted()
    net.conv.bias = nn.Parameter(torch.tensor([0.0, -1e4, 0, 0, 0, 0]))
    result = see(net, ["act:0", "act:1"], colourful(30, 32), steps=60, top=0)
    assert [entry.unit for entry in result.failed] == [1]
    assert result.scores["status"][1] == "failed: the unit does not respond"


def test_the_input_space_is_measured() -> None:
    images = colourful(200, 32)
    source = lc.data.open.open_data(images)
    space = input_space_of(source, list(source.batches(64)))
    pixels = images.transpose(0, 1).flatten(1)
    assert torch.allclose(space.colour @ space.colour.T, torch.cov(pixels), atol=1e-3)
    assert torch.allclose(space.mean, pixels.mean(1), atol=1e-4)
    assert -1.4 < space.slope < -0.7  # they were made with -1
    assert abs(slope(torch.rand(100, 3, 64, 64))) < 0.1


def test_maco_keeps_the_magnitudes_of_the_data() -> None:
    images = colourful(100, 32)
    result = see(Planted(), "act:1", images, preset="maco2023", steps=20, top=0)
    source = lc.data.open.open_data(images)
    space = input_space_of(source, list(source.batches(64)))
    logits = torch.logit(result.images.double(), 1e-6) - torch.logit(space.mean, 0.05).view(-1, 1, 1)
    along = torch.einsum(
        "dc,nchw->ndhw", torch.linalg.inv(space.colour / space.colour.norm(dim=0).max()).double(), logits
    )
    found = torch.fft.rfft2(along, norm="ortho").abs()[0, 0]
    assert space.magnitude is not None
    inner = (slice(1, 15), slice(1, 15))  # coefficients of the edge columns are real, so part of their phase is lost
    assert torch.allclose(found[inner], space.magnitude[0].double()[inner], rtol=0.05)


def test_tables_get_top_examples_with_the_columns_that_drive_them() -> None:
    net = nn.Sequential(nn.Linear(6, 2), nn.ReLU())
    net[0].weight.data = torch.tensor([[0.0, 3, 0, 0, 0, 0], [0.0, 0, 0, 0, 2, 1]])
    net[0].bias.data.zero_()
    rows = torch.randn(80, 6, generator=torch.Generator().manual_seed(0))
    result = see(net, "1:all", rows)
    assert "rows of numbers" in result.missing
    assert result.images.numel() == 0
    top = result.entries[0].top_examples[0]
    assert top.id == str(int(rows[:, 1].argmax()))
    assert top.drivers[0][0] == "column 1"
    assert result.entries[1].top_examples[0].drivers[0][0] in ("column 4", "column 5")
    with pytest.raises(CensusError, match="rows of numbers"):
        see(net, "1:0", rows, preset="olah2017")


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
    result = see(Reader(), "act:0", tokens)
    assert "tokens" in result.missing
    top = result.entries[0].top_examples[0]
    assert (top.id, top.peak) == ("4", 3)
    assert top.drivers[0] == ("7", 1.0)


def test_presets_say_what_they_need() -> None:
    with pytest.raises(CensusError, match="Did you mean 'olah2017'"):
        see(Planted(), "act:0", colourful(8, 32), preset="olah17")
    with pytest.raises(CensusError, match=r"train_prior\(data\)\.save\(FILE\)"):
        see(Planted(), "act:0", colourful(8, 32), preset="nguyen2016")
    model = lc.Model(Planted(), "planted", example=lambda: torch.zeros(2, 3, 32, 32))
    with pytest.raises(CensusError, match="Pass data="):
        see(model, "act:0", preset="maco2023")
    with pytest.raises(CensusError, match="needs data"):
        see(Planted(), "act:0")
    assert all(preset.paper and preset.regulariser for preset in PRESETS.values())


def test_command_writes_pictures_scores_and_a_page(tmp_path: Path) -> None:
    out = tmp_path / "see"
    command = ["see", "tests.user_models:small", "digits", "act2:0-2", "--steps", "8", "--quiet"]
    assert main([*command, "--out", str(out)]) == 0
    scores = pd.read_csv(out / "scores.csv")
    assert list(scores["unit"]) == [0, 1, 2]
    assert all((out / picture).is_file() for picture in scores["picture"])
    page = (out / "index.html").read_text()
    assert "Geirhos" in page
    assert "Borowski" in page
    assert all(f'id="act2-{unit}-olah2017"' in page for unit in range(3))


def test_data_are_named_as_run_names_them(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """First behind the model, or with --data; twice is refused, and what is written as a unit is a unit."""
    command = ["see", "tests.user_models:small", "--quiet", "--steps", "2", "--overwrite", "--out", str(tmp_path)]
    for words in (["digits", "act2:0"], ["act2:0", "--data", "digits"]):
        assert main([*command, *words]) == 0
        assert json.loads((tmp_path / "see.json").read_text())["about"]["data"] == "digits"
    capsys.readouterr()
    assert main([*command, "digits", "act2:0", "--data", "digits"]) == 2
    assert "Data must be named once" in capsys.readouterr().err
    assert parted(["my.sets:flowers", "act:all"], None) == ("my.sets:flowers", ("act:all",))
    assert parted(["act", "digits"], None) == (None, ("act", "digits"))


def test_command_refuses_a_taken_folder_and_resumes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["see", "tests.user_models:small", "--data", "digits", "--quiet", "--out", str(tmp_path), "--steps", "5"]
    assert main([*command, "act2:0"]) == 0
    first = json.loads((tmp_path / "see.json").read_text())["visualisations"]
    assert main([*command, "act2:0"]) == 2
    assert main([*command, "act2:0", "--resume", "--seed", "1"]) == 2
    assert main([*command, "act2:0-1", "--resume"]) == 0
    both = json.loads((tmp_path / "see.json").read_text())["visualisations"]
    assert both[0] == first[0]
    assert len(both) == 2
    assert main([*command, "act2:3", "--overwrite"]) == 0
    assert len(json.loads((tmp_path / "see.json").read_text())["visualisations"]) == 1


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
    kept = json.loads((tmp_path / "see.json").read_text())["visualisations"]
    assert 1 <= len(kept) < 6
    assert (tmp_path / "index.html").is_file()
    assert main([*command[3:], "--resume"]) == 0
    assert len(json.loads((tmp_path / "see.json").read_text())["visualisations"]) == 6


def _heard() -> None:
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # what runs in the background of a shell ignores it


def test_prior_is_trained_kept_and_used(tmp_path: Path) -> None:
    file = tmp_path / "prior.safetensors"
    assert main(["prior", "digits", "--out", str(file), "--steps", "60", "--quiet"]) == 0
    prior = load_prior(file)
    assert float(prior.about["unexplained"]) < 0.9  # type: ignore[arg-type]
    result = see(DigitsNet().eval(), "act.2:0", "digits", preset="nguyen2016", prior=file, steps=5)
    assert result.images.shape == (1, 1, 8, 8)
    with pytest.raises(CensusError, match="3 channels"):
        see(Planted(), "act:0", colourful(8, 32), preset="nguyen2016", prior=file)
    with pytest.raises(CensusError, match=r"prior must be a file that train_prior"):
        load_prior(Path(__file__))


def test_neuron_reads_a_layer_without_positions() -> None:
    images = colourful(20, 16)
    result = see(Small(3), neuron("out", 1), images, steps=5)
    assert result.entries[0].top_examples[0].by == "value"


def test_tops_are_those_of_the_objective_itself() -> None:
    net, images = Planted(), colourful(60, 32)
    with torch.no_grad():
        maps = net.conv(images)
    several = see(net, mean_of("conv", [1, 3]), images, steps=2).entries[0]
    assert several.unit is None
    assert several.top_examples[0].id == str(int(maps[:, [1, 3]].mean((1, 2, 3)).argmax()))
    against = see(net, -neuron("conv", 1), images, steps=2).entries[0]
    assert against.unit == 1
    assert against.top_examples[0].id == str(int(maps[:, 1].amax((1, 2)).argmin()))
    faces = see(net, neuron("conv", 1) + diversity("act"), images, faces=2, steps=2).entries
    assert [(s.layer, s.unit, s.face) for s in faces] == [("conv", 1, 0), ("conv", 1, 1)]
    (y0, y1), (x0, x1) = faces[0].top_examples[0].window
    assert (y1 - y0, x1 - x0) == (11, 11)


def test_what_a_mask_leaves_out_is_not_read() -> None:
    tokens = torch.zeros(20, 6, dtype=torch.long)
    tokens[2, 5] = 7  # padding
    tokens[9, 1] = 7
    mask = torch.ones(20, 6, dtype=torch.bool)
    mask[2, 4:] = False
    data = [{"inputs": tokens, "mask": mask}]
    result = see(Reader(), [direction("act", [1.0, 0, 0, 0]), "act:0"], data)
    assert [entry.top_examples[0].id for entry in result.entries] == ["9", "9"]


def test_replicas_work_for_class_logits_and_must_have_the_layers() -> None:
    images = colourful(40, 16)
    result = see(Small(3), logit(2), images, replicas=[Small(3)], steps=5)
    assert float(result.scores["transfer_match"][0]) > 0.999
    with pytest.raises(CensusError, match=r"Got one without 'conv\.0'"):
        see(Small(3), "conv.0:0", images, replicas=[Planted()], steps=5)


def test_an_offset_does_not_flatter() -> None:
    """A bias on the unit changes neither the picture nor how much of it is kept."""
    images, shifted = colourful(60, 32), Planted()
    shifted.conv.bias = nn.Parameter(torch.full((len(PATTERNS),), 100.0))
    plain = see(Planted(), "conv:all", images, steps=60, top=0).scores
    offset = see(shifted, "conv:all", images, steps=60, top=0).scores
    assert np.allclose(plain["kept"].astype(float), offset["kept"].astype(float), atol=0.05)
    assert (offset["kept"] < 0.97).any()


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
@pytest.mark.parametrize("preset", ["olah2017", "maco2023", "mordvintsev2016"])
def test_nets_of_any_precision(dtype: torch.dtype, preset: str) -> None:
    net = Small(3).to(dtype)
    result = see(net, "conv.2:0-1", colourful(24, 24), preset=preset, steps=4)
    assert result.images.shape == (2, 3, 24, 24)
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
    assert see(Caching(), "conv:0", images, steps=3).images.shape == (1, 3, 16, 16)
    with pytest.raises(CensusError, match="A gradient must reach the image"):
        see(Cut(), "conv:0", images, steps=3)


def test_images_that_never_vary_are_refused() -> None:
    with pytest.raises(CensusError, match="one value, 255"):
        see(Small(3), "act:0", torch.full((24, 3, 16, 16), 255.0))
    images = colourful(24, 16, 5)
    images[:, 2] = 255.0  # one channel that never varies
    assert torch.isfinite(see(Small(5), "act:0", images, steps=3).images).all()


def test_few_examples_give_no_percentile() -> None:
    result = see(Small(3), "act:0", colourful(6, 16), steps=3)
    assert result.scores["percentile"].isna().all()
    assert result.scores["data_max"].notna().all()


def test_few_steps_give_whole_pictures() -> None:
    result = see(Small(3), "act:0", colourful(24, 24), preset="mordvintsev2015", steps=2)
    assert result.images.shape == (1, 3, 24, 24)


def test_all_presets_on_one_page(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["see", "tests.user_models:small", "act2:0", "--data", "digits", "--preset", "all", "--steps", "3"]
    command.append("--quiet")
    assert main([*command, "--out", str(tmp_path)]) == 0
    assert "nguyen2016 is left out: it needs --prior" in capsys.readouterr().out
    page = (tmp_path / "index.html").read_text()
    result = [preset for preset in PRESETS.values() if preset.needs != "prior"]
    assert all(preset.paper.split(",")[0].split("&")[0] in page for preset in result)
    assert len(pd.read_csv(tmp_path / "scores.csv")) == len(result)
    contrast = pd.read_csv(tmp_path / "scores.csv").set_index("preset")["contrast"]
    assert contrast.drop("olah2017").isna().all()
    assert main([*command, "--out", str(tmp_path), "--resume"]) == 0
