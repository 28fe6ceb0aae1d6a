"""A timeline from the checkpoints of finished runs, in Python and as a command."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import nn

import layercensus as lc
from layercensus.cli.app import main
from layercensus.watch import Counting
from layercensus.watch.entry import Entry, LayerInfo

from .runs import CLASSES, examples, net_of

STEPS = (0, 60)
COUNTING = Counting(layers=["3", "4"], panel=64, progress=False)


def saved(folder: Path, seed: int) -> Path:
    """The weights of a short run at some steps, beside what is no checkpoint."""
    folder.mkdir()
    (folder / "log-3.txt").write_text("no weights")
    x, y = examples()
    net = net_of(seed)
    optimiser = torch.optim.Adam(net.parameters(), 1e-2)
    for step in range(max(STEPS) + 1):
        if step in STEPS:
            save_file(net.state_dict(), folder / f"run2-step-{step}.safetensors")
        rows = torch.randint(len(x), (64,), generator=torch.Generator().manual_seed(step))
        optimiser.zero_grad()
        nn.functional.cross_entropy(net(x[rows]), y[rows]).backward()
        optimiser.step()
    return folder


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    at = tmp_path_factory.mktemp("runs")
    return [saved(at / f"run{seed}", seed) for seed in range(2)]


def test_one_run_is_counted_as_a_census_counts_each_checkpoint(runs: list[Path], tmp_path: Path) -> None:
    x, _ = examples()
    found = lc.Timeline.of_checkpoints(runs[:1], x, model=net_of, counting=COUNTING, out=tmp_path / "out")
    assert found.steps == STEPS
    net = net_of()
    for step in STEPS[1:]:
        net.load_state_dict(load_file(runs[0] / f"run2-step-{step}.safetensors"))
        census = lc.take(net, x, layers=["3", "4"], twin=False, settings=COUNTING.settings).layers.set_index("layer")
        for column in ("needed", "distinct", "reliable"):
            assert found.table(column)[step].tolist() == census[column].tolist(), (column, step)
    assert found.table("settled")[60].tolist() == [1.0, 1.0]
    assert (found.table("settled")[0] <= 1).all()
    assert found.layers["learned"].isna().all()
    again = lc.Timeline.of_checkpoints(runs[:1], x, model=net_of, counting=COUNTING, out=tmp_path / "out", resume=True)
    assert again.entries == found.entries
    assert len((tmp_path / "out" / "timeline.jsonl").read_text().splitlines()) == 1 + len(STEPS)


def test_the_command_counts_several_runs_and_says_what_was_learned(
    runs: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for run in runs:  # one step is enough here
        (tmp_path / run.name).mkdir()
        file = "run2-step-60.safetensors"
        (tmp_path / run.name / file).write_bytes((run / file).read_bytes())
    monkeypatch.chdir(tmp_path)
    words = ["run0", "run1", "tests.watch.runs:inputs", "--model", "tests.watch.runs:net_of", "--quiet"]
    assert main(["timeline", *words, "--panel", "256", "--layers", "4", "--out", "over"]) == 0
    assert "1 readings of 1 layers" in capsys.readouterr().out
    learned = lc.Timeline.load("over").table("learned")[60]
    assert learned.between(0, CLASSES).all()
    assert learned.iloc[-1] > 0
    assert "learned" in (tmp_path / "over" / "report" / "index.html").read_text()
    assert main(["timeline", *words, "--out", "over"]) == 2
    assert capsys.readouterr().err.endswith("already holds a timeline. Pass another --out, or --resume.\n")


def test_what_is_no_folder_of_checkpoints_is_said(runs: list[Path], tmp_path: Path) -> None:
    def refused(*folders: Path, model: object = net_of) -> str:
        with pytest.raises(lc.CensusError) as error:
            lc.Timeline.of_checkpoints(folders, examples()[0], model=model, counting=COUNTING)  # type: ignore[arg-type]
        return str(error.value)

    assert refused(tmp_path).startswith("A run must hold checkpoints such as step-100.safetensors. Got none in")
    assert refused(tmp_path / "absent").endswith("which is none.")
    assert refused() == "A timeline of checkpoints must have at least one folder of them. Got none."
    assert "model must be given for checkpoints that are weights alone" in refused(runs[0], model=None)
    (tmp_path / "b-1.pt").write_bytes(b"")
    (tmp_path / "a-1.pt").write_bytes(b"")
    assert refused(tmp_path) == "A run must have one checkpoint a step. Got a-1.pt and b-1.pt."
    (tmp_path / "a-1.pt").unlink()
    assert refused(runs[0], tmp_path).startswith("All runs must have a step in common.")


def settled(*rows: tuple[float, ...]) -> lc.Timeline:
    infos = tuple(LayerInfo(str(n), 4, "neurons", "ReLU") for n in range(len(rows)))
    entries = [Entry(10 * k, {str(n): {"settled": row[k]} for n, row in enumerate(rows)}) for k in range(len(rows[0]))]
    return lc.Timeline({}, infos, tuple(entries))


def test_which_layers_settle_first() -> None:
    early = [(0.9, 0.9, 0.9, 0.9, 1), (0.5, 0.9, 0.9, 0.9, 1), (0.5, 0.5, 0.8, 0.9, 1), (0.1, 0.9, 0.5, 0.9, 1)]
    said = str(settled(*early))
    assert "Earlier layers settle first (rank correlation with depth 1.00)." in said
    assert "from step: 0 0, 1 10, 2 20, 3 30." in said
    assert "Later layers settle first (rank correlation with depth -1.00)." in str(settled(*early[::-1]))
    assert "No order of layers is seen." in str(settled(*early[:1] * 4))
