"""Residual blocks that can go, and advice that is written down."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor, nn

import layercensus as lc

from .nets import UNITS, census, inputs, plain, widened


class Block(nn.Module):
    def __init__(self, size: float) -> None:
        super().__init__()
        self.f = nn.Sequential(nn.Linear(UNITS, UNITS), nn.Tanh(), nn.Linear(UNITS, UNITS))
        with torch.no_grad():
            self.f[2].weight *= size
            self.f[2].bias *= size

    def forward(self, x: Tensor) -> Tensor:
        return x + self.f(x)


def residual(*sizes: float) -> nn.Module:
    torch.manual_seed(5)
    return nn.Sequential(nn.Linear(UNITS, UNITS), *map(Block, sizes), nn.Linear(UNITS, 4)).eval()


def test_a_branch_that_adds_nothing_goes_and_others_stay() -> None:
    net, x = residual(3, 0, 3, 1e-5), inputs(0, UNITS)
    advice = census(net, x).advise(net, x, parts=["remove"], fidelity=[0.99])
    assert sorted(advice.remove["layer"]) == ["2", "4"]
    assert (advice.remove["fidelity"] > 1 - 1e-6).all()
    own = sum(p.numel() for p in net[2].parameters())
    assert advice.remove["before"].tolist() == [own, own]
    short = advice.shortened(0.99)
    torch.testing.assert_close(short(x), net(x), rtol=1e-3, atol=1e-3)
    whole = advice.together.iloc[0]
    assert whole["parameters_before"] - whole["parameters"] == 2 * own
    assert sum(p.numel() for p in short.parameters()) == whole["parameters"]


def test_branches_that_are_missed_only_together_do_not_all_go() -> None:
    """Each adds a little in the same direction; any of them can go, not all."""
    net = residual(*[0.0] * 6)
    with torch.no_grad():
        for block in list(net)[1:-1]:
            block.f[0].weight.copy_(torch.eye(UNITS))
            block.f[2].weight.copy_(0.075 * torch.ones(UNITS, UNITS))
    x = inputs(1, UNITS)
    advice = census(net, x).advise(net, x, parts=["remove"], fidelity=[0.9])
    assert len(advice.remove) == 6
    row = advice.together.iloc[0]
    assert 1 <= row["layers"] < 6
    assert row["fidelity"] >= 0.9
    every = net[:1].extend([*net[-1:]])
    with torch.no_grad():
        before, after = (y - y.mean(1, keepdim=True) for y in (net(x), every(x)))
    assert float((after - before).square().sum() / (before - before.mean(0)).square().sum()) > 0.1


def test_advice_is_written_as_tables_masks_and_nets_that_run_by_themselves(tmp_path: Path) -> None:
    net, x = widened(plain()), inputs()
    advice = census(net, x).advise(net, x, parts=["prune", "compress"], fidelity=[0.999])
    folder = advice.save(tmp_path / "advice")
    assert pd.read_csv(folder / "not_written.csv").empty
    again = torch.export.load(folder / "prune_0.999.pt2").module()
    with torch.no_grad():
        torch.testing.assert_close(again(x[:7]), advice.pruned(0.999)(x[:7]))
    masks = load_file(folder / "masks.safetensors")
    assert torch.equal(masks["0.999|1"], advice.masks(0.999)["1"])
    kept = int(advice.pruned(0.999)[0].weight.shape[0])
    ratio = json.loads((folder / "advice.json").read_text())["ratios"]["0.999"]["0"]
    assert ratio == pytest.approx(1 - kept / net[0].weight.shape[0])
    assert pd.read_csv(folder / "prune.csv")["after"].tolist() == advice.prune["after"].tolist()
    text = " ".join(str(advice).split())
    assert "All together, as nets that run" in text
    assert "- not advised: compress: no layer saves" in text or len(advice.compress)
    with pytest.raises(lc.CensusError, match=r"fidelity must be one that a net holds: 0.999. Got 0.5"):
        advice.pruned(0.5)
    with pytest.raises(lc.CensusError, match=r"fidelity must be one that was asked for: 0.999. Got 0.5"):
        advice.masks(0.5)


class Stage(nn.Module):
    """Two residual blocks behind a nonlinearity, each with a nonlinearity of its own and one on the sum."""

    class Inner(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.f, self.inner, self.g, self.sum = nn.Linear(8, 12), nn.ReLU(), nn.Linear(12, 8), nn.ReLU(inplace=True)

        def forward(self, x: Tensor) -> Tensor:
            return self.sum(x + self.g(self.inner(self.f(x))))

    class Plain(nn.Sequential):
        """As wide as what it is given, and no residual block."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(6)
        self.first, self.act = nn.Linear(8, 8), nn.ReLU()
        self.one, self.two = self.Inner(), self.Inner()
        self.plain, self.out = self.Plain(nn.Linear(8, 8), nn.Tanh()), nn.Linear(8, 4)

    def forward(self, x: Tensor) -> Tensor:
        return self.out(self.plain(self.two(self.one(self.act(self.first(x))))))


@pytest.mark.parametrize("engine", ["own", "torch_pruning"])
def test_a_residual_stream_stays_and_one_line_says_why(engine: str) -> None:
    if engine == "torch_pruning":
        pytest.importorskip("torch_pruning")
    net, x = Stage().eval(), inputs(2, 8)
    advice = census(net, x).advise(net, x, parts=["prune"], fidelity=[0.9], engine=engine)
    why = advice.withheld["why"]
    assert why[why.str.contains("stream")].tolist() == [
        "the residual stream of 8 units through one to two (act, one.sum, two.sum) stays as wide as it is: every block "
        "writes to all of its units, and whatever follows reads them"
    ]
    uncut = advice.withheld[why.str.contains("no smaller net")]["layer"]
    assert not set(uncut) & {"act", "one.sum", "two.sum"}
    small = advice.pruned(0.9)
    assert small.first.out_features == small.one.g.out_features == 8
    assert small.one.f.out_features < 12
