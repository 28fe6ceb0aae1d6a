"""Hidden layers whose duplicates are beyond the memory budget: the verdict, the pages and the line say why."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn

import layercensus as lc


def copies(inputs: int, units: int) -> nn.Linear:
    """A layer of two different units, each held many times: of 200, two times 4,950 pairs are alike."""
    layer = nn.Linear(inputs, units)
    with torch.no_grad():
        layer.weight.copy_(layer.weight[:2].repeat(units // 2, 1))
        layer.bias.copy_(layer.bias[:2].repeat(units // 2))
    return layer


@pytest.mark.parametrize("twin", [False, True])
def test_a_layer_without_distinct_is_no_part_of_an_answer_and_says_why(twin: bool, tmp_path: Path) -> None:
    torch.manual_seed(0)
    net = nn.Sequential(
        copies(6, 200), nn.Tanh(), nn.Linear(200, 40), nn.Tanh(), nn.Linear(40, 30), nn.Tanh(), nn.Linear(30, 20),
        nn.Tanh(), nn.Linear(20, 3),
    )  # fmt: skip
    x = torch.randn(220, 6, generator=torch.Generator().manual_seed(1))
    settings = lc.Settings(
        progress=False, memory=0.001, twins=1, pictures=20, needed=False
    )  # 1 MB: 144 units; 400 bytes a pair of what 3 x 110 rows x 200 units of ranks leave
    census = lc.take(net, (x, (x[:, 0] > 0).long()), twin=twin, settings=settings)
    layers = census.layers.set_index("layer")
    assert layers["distinct"].isna().tolist() == [True, False, False, False, False]
    assert layers.loc["1", "reliable"] == 200  # what is linear in the units is counted
    why = "duplicates not counted: over 1,840 pairs of units are alike (memory=0.001)"
    assert why in layers.loc["1", "status"]
    verdict = census.verdict
    assert verdict.answer == "undecided"
    assert verdict.reasons == ("the distinct units of layer 1 were not counted, for the reason in the status there",)
    assert "hold more: the distinct units of layer 1 were not counted" in verdict.text
    assert "at every tau" not in " ".join(verdict.details)  # nothing is said of thresholds at which nothing was counted
    index = census.report(tmp_path / "pages")
    assert why in index.read_text("utf-8")
    assert why in (index.parent / "layers/layer-000.html").read_text("utf-8")
    assert "not counted" in census._repr_html_()
    census.save(tmp_path / "saved")
    assert lc.load(tmp_path / "saved").verdict.text == verdict.text
