"""Training shows what the paper found; it goes on where it stopped; the command writes its page."""

from __future__ import annotations

import json
import math
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors import safe_open

import layercensus as lc
from layercensus.cli.app import main
from layercensus.errors import CensusError
from layercensus.labs.identity import train as training
from layercensus.labs.identity.behaviour import behave
from layercensus.labs.identity.figure import GAP, TILE, Column, draw_figure
from layercensus.labs.identity.inputs import Inputs, make_inputs
from layercensus.labs.identity.nets import Shape, build
from layercensus.labs.identity.options import Options, evenly_chosen
from layercensus.labs.identity.parallel_map import trained_nets
from layercensus.labs.identity.train import Recipe, train
from layercensus.models.open import open_model

TINY = [
    "--depths",
    "1,3",
    "--channels",
    "4",
    "--seeds",
    "1",
    "--steps",
    "30",
    "--fc",
    "none",
    "--no-paper-width",
    "--counted",
    "0",
]


@pytest.fixture(scope="module")
def inputs() -> Inputs:
    return make_inputs()


def lab(out: Path, *more: str) -> list[str]:
    return ["lab", "identity", "--quiet", "--out", str(out), *more]


@pytest.mark.parametrize(
    ("shape", "steps", "copies"),
    [
        (Shape(depth=1, channels=8), 600, True),
        (Shape(depth=4, channels=8), 300, True),
        (Shape(depth=28, channels=12), 350, False),
        (Shape(kind="fc", depth=6), 150, False),
        (Shape(kind="fc", depth=3), 150, False),
        (Shape(kind="fc", depth=1), 400, False),
    ],
)
def test_shallow_nets_copy_deep_and_full_ones_recite(shape: Shape, steps: int, copies: bool, inputs: Inputs) -> None:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    trained = train(shape, 0, image=inputs.training, recipe=Recipe(steps=steps))
    torch.set_num_threads(threads)
    assert trained is not None
    assert trained.error < 0.15
    found = behave(trained.net, inputs)
    if copies:
        assert min(found.margins) > 0
    else:
        assert max(found.margins) < 0
    if shape.kind == "fc":
        assert max(kind.off_slope for kind in found.kinds) < 0.1
        assert min(kind.constant for kind in found.kinds) > (0.9 if shape.depth == 6 else 0.2)


def test_training_goes_on_where_it_stopped(tmp_path: Path, inputs: Inputs, monkeypatch: pytest.MonkeyPatch) -> None:
    shape, recipe = Shape(depth=3, channels=4), Recipe(steps=40)
    whole = train(shape, 0, image=inputs.training, recipe=recipe)
    taken = 0

    def step() -> None:
        nonlocal taken
        taken += 1

    file = tmp_path / "net.safetensors"
    assert train(shape, 0, image=inputs.training, recipe=recipe, file=file, stop=lambda: taken >= 17, step=step) is None
    assert not file.exists()
    taken = really = 0
    ordinary = training._step

    def counted(*args: object) -> float:
        nonlocal really
        really += 1
        return ordinary(*args)  # type: ignore[arg-type]

    monkeypatch.setattr(training, "_step", counted)
    with pytest.raises(CensusError, match="asked for"):
        train(shape, 1, image=inputs.training, recipe=recipe, file=file)
    rest = train(shape, 0, image=inputs.training, recipe=recipe, file=file, step=step)
    again = train(shape, 0, image=inputs.training, recipe=recipe, file=file)
    assert whole is not None
    assert rest is not None
    assert again is not None
    assert taken == 40
    assert really == 40 - 17
    for a, b, c in zip(whole.net.parameters(), rest.net.parameters(), again.net.parameters(), strict=True):
        assert torch.equal(a, b)
        assert torch.equal(a, c)
    assert list(tmp_path.iterdir()) == [file]
    with pytest.raises(CensusError, match="another"):
        train(shape, 1, image=inputs.training, recipe=recipe, file=file)


def test_nets_are_the_same_for_any_number_of_workers(tmp_path: Path, inputs: Inputs) -> None:
    options = Options(
        depths=(1, 2),
        full=(1,),
        shape=Shape(channels=3),
        seeds=2,
        recipe=Recipe(steps=8),
        progress=False,
        paper_width=False,
    )
    one = trained_nets(replace(options, workers=1), inputs.training, tmp_path / "one")
    three = trained_nets(replace(options, workers=3), inputs.training, tmp_path / "three")
    assert one.keys() == three.keys()
    assert {name for name, _ in one} == {"conv-1", "conv-2", "conv-2-circular", "fc-1"}
    for key, trained in one.items():
        for a, b in zip(trained.net.parameters(), three[key].net.parameters(), strict=True):
            assert torch.equal(a, b)


def test_training_that_runs_away_is_said(inputs: Inputs) -> None:
    with pytest.raises(CensusError, match="finite"):
        train(Shape(depth=2, channels=4), 0, image=inputs.training * math.inf, recipe=Recipe(steps=5))


def test_the_figure_shows_inputs_and_outputs_as_they_are(inputs: Inputs) -> None:
    net = build(Shape(depth=2, channels=3), 0)
    figure = draw_figure([Column("a < b", net)], inputs)
    assert figure.inputs[0] == "training"
    assert "a &lt; b" in figure.svg
    page = np.asarray(Image.open(__import__("io").BytesIO(figure.png)).convert("L")).astype(int)
    from layercensus.labs.identity.figure import HEAD, LEFT, SCALE

    tile = page[HEAD * SCALE : (HEAD + TILE) * SCALE : SCALE, LEFT * SCALE : (LEFT + TILE) * SCALE : SCALE]
    assert np.abs(tile - inputs.training[0, 0].numpy() * 255).mean() < 3
    below = HEAD + 2 * (TILE + GAP)
    tile = page[below * SCALE : (below + TILE) * SCALE : SCALE, LEFT * SCALE : (LEFT + TILE) * SCALE : SCALE]
    with torch.no_grad():
        out = net(inputs.training)[0, 0].clamp(0, 1).numpy() * 255
    assert np.abs(tile - out).mean() < 3


def test_the_command_writes_everything_and_resumes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "lab"
    assert main(lab(out, *TINY)) == 0
    said = capsys.readouterr().out
    assert "0 of 1 training runs turn" in said or "at 1.0 layers" in said or "(1 training run:" in said
    assert "The control, 3 layers with circular padding" in said
    page = (out / "index.html").read_text("utf-8")
    for name in ("layers.svg", "layers.png", "depth.svg", "kinds.svg", "similarity.svg", "held.svg"):
        assert (out / "pictures" / name).stat().st_size > 500
        assert f"pictures/{name}" in page
    assert "http" not in page.replace("http://www.w3.org", "")
    results = json.loads((out / "identity.json").read_text("utf-8"))
    assert {row["net"] for row in results["nets"]} == {"conv-1", "conv-3", "conv-3-circular"}
    assert main(lab(out, *TINY)) == 2
    assert "--resume" in capsys.readouterr().err
    assert main(lab(out, *TINY, "--resume", "--seed", "1")) == 2
    assert "another way" in capsys.readouterr().err
    assert main(lab(out, *TINY, "--resume", "--overwrite")) == 2
    assert "exclude each other" in capsys.readouterr().err
    assert main(lab(out, *TINY, "--resume")) == 0
    again = json.loads((out / "identity.json").read_text("utf-8"))
    assert {**again, "seconds": 0} == {**results, "seconds": 0}
    model = open_model(f"lab:{out / 'nets' / 'conv-3-s0.safetensors'}")
    x = torch.rand(4, 1, 28, 28)
    assert model.net(x).shape == x.shape
    assert model.fresh is not None
    assert not torch.equal(model.fresh(0)(x), model.net(x))


def test_the_nets_are_counted_like_any_other(tmp_path: Path) -> None:
    out = tmp_path / "lab"
    assert main(lab(out, *TINY[2:-1], "1", "--depths", "4")) == 0
    census = lc.load(out / "census" / "conv-4")
    assert list(census.layers["width"])[:3] == [4, 4, 4]
    assert (out / "census" / "conv-4" / "report" / "index.html").is_file()
    assert "census/conv-4/report/index.html" in (out / "index.html").read_text("utf-8")
    results = json.loads((out / "identity.json").read_text("utf-8"))
    hidden = census.layers[census.layers["role"] != "output"]
    assert [row["distinct"] for row in results["census"]] == [float(v) for v in hidden["distinct"]]


def test_an_interrupt_loses_nothing(tmp_path: Path, inputs: Inputs) -> None:
    out = tmp_path / "lab"
    rest = ["--depths", "6", "--channels", "8", "--fc", "none", "--seeds", "1", "--counted", "0", "--no-paper-width"]
    started = (
        "import sys, tests.conftest; from layercensus.cli.app import main; sys.exit(main())"  # rounds as this process
    )
    command = [sys.executable, "-c", started, *lab(out, *rest, "--steps", "500")]
    begun = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=os.environ | {"OMP_NUM_THREADS": "1"})
    until = time.monotonic() + 100
    while not list(out.glob("nets/*.checkpoint")) and time.monotonic() < until:
        assert begun.poll() is None, begun.stderr.read() if begun.stderr else ""
        time.sleep(0.02)
    begun.send_signal(signal.SIGTERM)
    _, said = begun.communicate(timeout=60)
    assert begun.returncode == 143, said
    assert "--resume" in said
    assert not (out / "index.html").exists()
    assert main(lab(out, *rest, "--steps", "500", "--resume")) == 0
    assert not list(out.glob("nets/*.checkpoint"))
    with safe_open(out / "nets" / "conv-6-s0.safetensors", "pt") as opened:
        made = {name: opened.get_tensor(name) for name in opened.keys()}  # noqa: SIM118 - not a mapping
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    whole = train(Shape(depth=6, channels=8), 0, image=inputs.training, recipe=Recipe(steps=500))
    torch.set_num_threads(threads)
    assert whole is not None
    assert all(torch.equal(made[name], tensor) for name, tensor in whole.net.state_dict().items())


def test_overwrite_spares_what_is_not_the_labs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "mine"
    (out / "pictures").mkdir(parents=True)
    (out / "pictures" / "holiday.png").write_bytes(b"sea")
    assert main(lab(out, *TINY, "--overwrite")) == 2
    assert "must be empty or hold results of this lab" in capsys.readouterr().err
    assert (out / "pictures" / "holiday.png").read_bytes() == b"sea"


def test_spread_takes_even_places() -> None:
    assert evenly_chosen([1, 2, 3, 5, 7, 10], 3) == [1, 3, 10]
    assert evenly_chosen([4], 3) == [4]
    assert evenly_chosen([], 3) == []
    assert evenly_chosen([4, 5], 0) == []
