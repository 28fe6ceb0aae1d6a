"""A census of any shape can be asked, printed, drawn, saved and compared, and says in words what it cannot say."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import torch
from torch import Tensor, nn

import layercensus as lc
from layercensus.cli.app import main

QUICK = lc.Settings(progress=False, resamples=20, twins=1, spots=1, other_views=False)


def data(examples: int = 220, features: int = 8) -> Tensor:
    return torch.randn(examples, features, generator=torch.Generator().manual_seed(0))


def mlp(*widths: int, bias: float | None = None) -> nn.Sequential:
    """Linear layers of these widths with ReLUs between them."""
    torch.manual_seed(0)
    parts: list[nn.Module] = []
    for before, after in pairwise(widths):
        parts += [nn.Linear(before, after), nn.ReLU()]
    for layer in parts[::2] if bias is not None else []:
        nn.init.zeros_(layer.weight)
        nn.init.constant_(layer.bias, bias)
    return nn.Sequential(*parts[:-1])


class Block(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.inner = nn.Linear(8, 8)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.inner(x)


def blocks() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(Block(), Block(), nn.Linear(8, 3))


def bare() -> nn.Linear:
    torch.manual_seed(0)
    return nn.Linear(8, 3)


def conv() -> nn.Conv2d:
    torch.manual_seed(0)
    return nn.Conv2d(3, 4, 3)


def scrambled(example: Any, random: Any) -> Any:
    return torch.from_numpy(random.standard_normal(tuple(example.shape)))


def counted(net: nn.Module, x: Any = None, *, settings: lc.Settings = QUICK, **more: Any) -> lc.Census:
    return lc.take(net, data() if x is None else x, settings=settings, **more)


def merged(net: nn.Module, path: Path) -> lc.Census:
    for number in (1, 2):
        lc.take(net, data(), settings=replace(QUICK, shard=(number, 2), out=path / f"part{number}"))
    return lc.merge([path / "part1", path / "part2"], progress=False)


@dataclass(frozen=True)
class Shape:
    make: Callable[[Path], lc.Census]
    layers: tuple[str, ...]
    sentence: str  # how the verdict begins, or what stands in it


NOTHING = "there is no earlier or later to compare"
FEW = "only 2 hidden layers were counted and 4 are needed"
DEEP, DEEP_LAYERS = (8, 6, 6, 6, 6, 3), ("1", "3", "5", "7", "8")
DIMENSION, FOUR, NETS = replace(QUICK, dimension=True), replace(QUICK, panel=4), replace(QUICK, twins=4)
OUTPUT, HIDDEN = (
    "Only the output layer ({}) was counted: " + NOTHING,
    "Only one hidden layer ({}) was counted: " + NOTHING,
)
SHAPES: dict[str, Shape] = {
    "a linear probe": Shape(lambda p: counted(nn.Sequential(nn.Flatten(), bare())), ("1",), OUTPUT.format(1)),
    "a bare layer": Shape(lambda p: counted(bare()), ("model",), OUTPUT.format("model")),
    "a bare nonlinearity": Shape(lambda p: counted(nn.ReLU()), ("model",), HIDDEN.format("model")),
    "only the head": Shape(lambda p: counted(mlp(8, 6, 6, 3), layers="4"), ("4",), "such as 0, 1, 2"),
    "one hidden layer": Shape(lambda p: counted(mlp(8, 6, 3)), ("1", "2"), HIDDEN.format(1)),
    "one layer, no output": Shape(lambda p: counted(mlp(8, 6, 3), layers="1"), ("1",), HIDDEN.format(1)),
    "two hidden layers": Shape(lambda p: counted(mlp(8, 6, 5, 3)), ("1", "3", "4"), FEW),
    "only blocks": Shape(lambda p: counted(blocks(), layers=["0", "1"]), ("0", "1"), FEW),
    "width 1": Shape(lambda p: counted(mlp(8, 1, 1, 1, 1, 1)), DEEP_LAYERS, "counts rarefied to 1 unit."),
    "one unit": Shape(lambda p: counted(mlp(8, 1)), ("0",), "the net has no other to count"),
    "all dead": Shape(lambda p: counted(mlp(*DEEP, bias=-1.0)), DEEP_LAYERS, "undecided"),
    "no unit reliable": Shape(lambda p: counted(mlp(*DEEP), views=scrambled), DEEP_LAYERS, "0 of 6 [0-0]"),
    "a panel of 4": Shape(lambda p: counted(mlp(*DEEP), settings=FOUR), DEEP_LAYERS, "only 4 examples were kept"),
    "one example": Shape(lambda p: counted(mlp(8, 6, 3), data(1)), ("1", "2"), "only 1 example was kept"),
    "one class": Shape(lambda p: counted(mlp(8, 6, 3), labels=[0] * 220), ("1", "2"), NOTHING),
    "one class of several": Shape(lambda p: counted(mlp(8, 6, 3), labels=[2] * 220), ("1", "2"), NOTHING),
    "no twin, no hidden layer": Shape(lambda p: counted(bare(), twin=False), ("model",), NOTHING),
    "no twin": Shape(lambda p: counted(mlp(*DEEP), twin=False), DEEP_LAYERS, "Without an untrained twin"),
    "replicas": Shape(lambda p: counted(bare(), replicas=[bare(), nn.Linear(8, 3)]), ("model",), "2 replicas"),
    "dimension": Shape(lambda p: counted(bare(), settings=DIMENSION), ("model",), NOTHING),
    "untrained nets": Shape(lambda p: counted(bare(), settings=NETS), ("model",), "3 more untrained nets"),
    "merged shards": Shape(lambda p: merged(bare(), p), ("model",), NOTHING),
    "pictures": Shape(lambda p: counted(conv(), torch.rand(60, 3, 9, 9)), ("model",), "only 60 examples"),
}  # fmt: skip


@pytest.mark.parametrize("name", SHAPES)
def test_every_shape_can_be_asked_drawn_saved_and_compared(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shape = SHAPES[name]
    census = shape.make(tmp_path)
    assert tuple(census.layers["layer"]) == shape.layers
    verdict = census.verdict
    assert shape.sentence in " ".join((verdict.answer, str(verdict), *verdict.details)), str(verdict)
    assert readable(str(verdict)), str(verdict)
    assert census.difference_to_untrained.empty == (not census.has_twin)
    assert all(layer in str(census) for layer in shape.layers)
    assert "Answer" in census._repr_html_()
    folder = census.save(tmp_path / "saved")
    loaded = lc.load(folder)
    pd.testing.assert_frame_equal(loaded.layers, census.layers)
    assert str(loaded.verdict) == str(verdict)
    assert main(["report", str(folder), "--quiet"]) == 0
    page = (folder / "report/index.html").read_text("utf-8")
    assert f"Answer: {verdict.answer}." in page
    assert "nan" not in re.sub(r"<[^>]+>", " ", page).split()
    capsys.readouterr()
    assert main(["diff", str(folder), str(folder), "--report", str(tmp_path / "two")]) == 0
    assert "No layer differs in any count." in capsys.readouterr().out


def readable(text: str) -> bool:
    """No number that is none, no plural of one, no sentence that runs into the next."""
    return not re.search(
        r"\bnan\b|\binf\b|\b1 \w+ layers\b|\b1 layers\b|\b1 examples\b|\b1 units\b|\.[A-Z]|  |\.\.", text
    )
