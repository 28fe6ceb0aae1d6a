"""`layercensus timeline` on short training runs of the digits net, as it is typed: resumed, and where it is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import nn

import layercensus as lc
from layercensus.cli.app import main
from layercensus.data.digits import Digits
from layercensus.models.digits import DigitsNet
from layercensus.watch import over_runs

STEPS = (0, 16)
MODEL = "layercensus.models.digits:factory"
WORDS = ["--model", MODEL, "--panel", "64", "--quiet", "--layers", "act.5"]


@pytest.fixture(scope="module")
def checkpoints(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Sixteen watched steps on the digits, with the weights at some of them."""
    folder, digits = tmp_path_factory.mktemp("digits") / "run0", Digits()
    folder.mkdir()
    torch.manual_seed(0)
    net, labels = DigitsNet(), torch.as_tensor(np.asarray(digits.labels)).long()
    optimiser = torch.optim.Adam(net.parameters(), 3e-3)
    with lc.watch(net, digits, every=8, budget=None, options=lc.WatchOptions(panel=64), out=folder.parent / "watched"):
        for step in range(max(STEPS) + 1):
            if step in STEPS:
                save_file(net.state_dict(), folder / f"step-{step}.safetensors")
            rows = torch.randint(len(labels), (64,))
            optimiser.zero_grad()
            nn.functional.cross_entropy(net(digits.images[rows]), labels[rows]).backward()
            optimiser.step()
    return folder


def test_a_watch_of_the_digits_net_reads_every_layer(checkpoints: Path) -> None:
    timeline = lc.Timeline.load(checkpoints.parent / "watched")
    assert timeline.steps == (0, 8, 16, 17)
    assert timeline.failed == timeline.alarms == ()  # batch norm's statistics settle in until step 44
    assert all(entry.settling_in for entry in timeline.entries)
    last = timeline.layers[timeline.layers["step"] == 16].set_index("layer")
    assert last["width"].tolist() == [32] * 6 + [10]
    assert last["distinct"].le(last["width"]).all()
    assert timeline.table("needed").loc["act.5"].between(1, 32).all()


def test_a_timeline_that_is_stopped_goes_on_where_it_was(
    checkpoints: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    entry, counted = over_runs._entry, list[int]()

    def counting(nets: object, step: int, *more: object) -> object:
        if step == 16 and not counted[1:]:
            counted.append(-1)
            raise KeyboardInterrupt
        counted.append(step)
        return entry(nets, step, *more)  # type: ignore[arg-type]

    monkeypatch.setattr(over_runs, "_entry", counting)
    words = ["timeline", str(checkpoints), "digits", *WORDS]
    assert main([*words, "--out", "stopped"]) == 130
    said = capsys.readouterr().err
    assert "what is counted is kept, resume with the same command and --resume (in stopped)" in said
    assert "Traceback" not in said
    assert lc.Timeline.load("stopped").steps == (0,)
    first = lc.Timeline.load("stopped").entries
    assert main([*words, "--out", "stopped", "--resume"]) == 0
    assert "2 readings of 1 layers" in capsys.readouterr().out
    assert counted == [0, -1, 16]
    timeline = lc.Timeline.load("stopped")
    assert timeline.steps == STEPS
    assert timeline.entries[:1] == first
    assert timeline.table("settled")[16].tolist() == [1]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["absent", "digits"], "A run must be a folder of checkpoints. Got absent, which is none."),
        (["digits"], "timeline takes at least one folder of checkpoints, and then the data: DIR... DATA."),
        (["RUN", "digits", "--layers", "nothing.*"], "nothing.*"),
        (["RUN", "nowhere"], "nowhere"),
        (["RUN", "digits", "--model", "tests.watch.runs:net_of"], "step-16.safetensors"),
    ],
)
def test_what_a_timeline_cannot_take_is_one_line(
    words: list[str], said: str, checkpoints: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    typed = [str(checkpoints) if word == "RUN" else word for word in words]
    model = [] if "--model" in typed else ["--model", MODEL]
    assert main(["timeline", *typed, *model, "--quiet"]) == 2
    error = capsys.readouterr().err
    assert said in error
    assert len(error.splitlines()) == 1
    assert not (tmp_path / "timeline" / "timeline.jsonl").exists()
