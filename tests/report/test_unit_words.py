"""What is said of a unit is what its row holds, and the columns that drive it are those that were planted."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn

import layercensus as lc
from layercensus.gallery.rows import column_names, flat
from layercensus.report.driving import Driving
from layercensus.report.unit_words import sentences

DISTINCT = {"unit": 3, "fate": "distinct", "representative": 3, "reliability": 0.914, "firing_rate": 1.0}


@pytest.mark.parametrize(
    ("changed", "others", "said"),
    [
        ({}, [], "Distinct: 91 % of its variance is the same in a second view; no other unit repeats it."),
        ({"fate": "dead", "reliability": None}, [], "Dead: it never varied on these examples."),
        ({"fate": "noise", "reliability": -0.2}, [], "Noise: only 0 % of its variance is the same in a second view."),
        ({"fate": None, "reliability": None}, [], "Too rare among these examples to be judged."),
        ({"fate": "duplicate", "representative": 1, "relation": "negated", "reliability": None}, [],
         "Duplicate: it repeats, with the other sign, unit 1."),
        ({"firing_rate": 0.25}, ["7", "9"], "Distinct: 91 % of its variance is the same in a second view; repeated by "
         "units 7, 9. Above zero in 25 % of the examples."),
    ],
)  # fmt: skip
def test_each_fate_has_its_evidence(changed: dict[str, object], others: list[str], said: str) -> None:
    assert sentences(DISTINCT | changed, others) == said


def test_what_the_net_does_with_a_unit_is_said() -> None:
    told = {"concept": "cat", "concept_auc": 0.93, "informative": True, "eta2": 0.77, "needed_at": 0.231,
            "replicated": False, "shift_of": 5}  # fmt: skip
    said = sentences(DISTINCT | told, [])
    for part in (
        "It tells cat (AUC 0.93).", "77 % of its variance lies between them.", "it holds 23 % of them.",
        "Not every other training run has it.", "what unit 5 says.",
    ):  # fmt: skip
        assert part in said, part


class Planted(nn.Module):
    """Unit 0 reads column 2, unit 1 the negative of column 5, unit 2 all columns alike."""

    def __init__(self) -> None:
        super().__init__()
        self.read = nn.Linear(20, 3)
        weights = torch.zeros(3, 20)
        weights[0, 2], weights[1, 5], weights[2] = 1, -1, 20**-0.5
        self.read.weight.data, self.read.bias.data = weights, torch.zeros(3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.relu(self.read(x))


def test_columns_that_drive_a_unit_are_found(tmp_path: Path) -> None:
    x = torch.randn(400, 20, generator=torch.Generator().manual_seed(0))
    settings = lc.Settings(progress=False, resamples=20, needed=False, other_views=False)
    census = lc.take(Planted(), x, twin=False, layers="*relu*", settings=settings)
    driving = Driving(census.gallery)
    tops = list(census.units["top"])
    found = [[name for name, far in driving.columns(top) if abs(far) > 1.2] for top in tops]
    assert found[0] == ["column 2"]
    assert found[1] == ["column 5"]
    assert "low in column 5 (-" in driving.sentence(tops[1])
    assert driving.sentence(tops[0]).startswith("Its top examples are high in column 2 (+")
    loaded = lc.load(census.save(tmp_path / "saved")).gallery
    assert (loaded.columns, loaded.examples) == (census.gallery.columns, census.gallery.examples)
    page = (census.report(tmp_path / "report").parent / "layers/layer-000.html").read_text("utf-8")
    assert "high in column 2 (+" in page


def test_columns_have_the_names_of_inputs() -> None:
    inputs = {"age": torch.zeros(4), "colour": torch.ones(4, 3)}
    assert column_names(inputs) == ("age", "colour 0", "colour 1", "colour 2")
    assert flat(inputs).tolist() == [[0, 1, 1, 1]] * 4
    assert column_names(torch.zeros(2, 2)) == ("column 0", "column 1")
