"""Named concepts in a census: columns, table, names of units; saved, resumed and merged like every measure."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from torch import Tensor, nn

import layercensus as lc
from layercensus.errors import CensusError
from layercensus.report.concepts_chart import concept_rows

EXAMPLES = 240
EVIL = "<img src=x onerror=alert(1)>"


def net() -> nn.Module:
    """Unit 0 of the first nonlinearity is the first feature, and the head gives it and another."""
    made = nn.Sequential(nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 8), nn.ReLU(), nn.Linear(8, 2))
    with torch.no_grad():
        made[0].weight[0] = torch.tensor([3.0, 0, 0, 0, 0, 0])
        made[0].bias[0] = 0.0
    return made


def data() -> tuple[Tensor, Tensor]:
    x = torch.randn(EXAMPLES, 6, generator=torch.Generator().manual_seed(1))
    return x, (x[:, 0] > 0).long()


def settings(**more: Any) -> lc.Settings:
    return lc.Settings(progress=False, needed=False, twins=1, pictures=0, resamples=20, **more)


@pytest.fixture(scope="module")
def census() -> lc.Census:
    torch.manual_seed(0)
    x, positive = data()
    rare = torch.zeros(EXAMPLES, dtype=torch.bool)
    rare[:7] = True
    concepts = {"sign": positive, "rare": rare, EVIL: torch.arange(EXAMPLES) % 2}
    return lc.take(net(), x, concepts=concepts, settings=settings())


def test_the_columns_count_what_is_told(census: lc.Census) -> None:
    first = census.layers.iloc[0]
    assert (first["named_asked"], first["named"], first["named_units"]) == (2, 1, 1)
    assert (first["input_named"], first["named_gained"]) == (1, 0)
    assert first["named_low"] <= 1 <= first["named_high"]
    assert {"twin_named", "twin_named_units"} <= set(census.layers.columns)
    assert "twin_named_gained" not in census.layers.columns


def test_a_unit_has_its_name(census: lc.Census) -> None:
    own = census.units[census.units["layer"] == "1"].set_index("unit")
    assert own.loc[0, "concept"] == "sign"
    assert own.loc[0, "concept_auc"] > 0.99
    assert set(own["concept"].dropna()) == {"sign"}


def test_the_table_says_where_a_concept_is_first_read(census: lc.Census) -> None:
    table = census.concepts
    sign = table[table["concept"] == "sign"]
    assert sign["layer"].tolist() == ["1", "3", "4"]
    assert sign["first"].tolist() == [True, False, False]
    assert sign["unit"].iloc[0] == 0
    assert not table[table["concept"] == EVIL]["readable"].any()
    assert "rare" not in set(table["concept"])


def test_what_is_left_out_is_listed(census: lc.Census) -> None:
    assert census.about["concepts"]["left_out"] == {"rare": f"in 7, missing in {EXAMPLES - 7}"}
    sentences = [finding.sentence for finding in census.findings]
    assert any("rare (in 7, missing in 233)" in sentence for sentence in sentences)


def test_it_is_saved_and_loaded_without_loss(census: lc.Census, tmp_path: Path) -> None:
    loaded = lc.load(census.save(tmp_path / "results"))
    assert loaded.units["concept"].equals(census.units["concept"])
    assert loaded.concepts.equals(census.concepts)
    assert loaded.layers.equals(census.layers)


def test_shards_give_the_census_of_everything(tmp_path: Path) -> None:
    torch.manual_seed(0)
    x, positive = data()
    given = {"sign": positive, "loud": lambda row: float(row.abs().sum())}  # the upper quarter of all, not of a shard
    model = net()
    whole = lc.take(model, x, concepts=given, settings=settings())
    for number in (1, 2):
        lc.take(model, x, concepts=given, settings=settings(shard=(number, 2), out=tmp_path / str(number)))
    merged = lc.merge([tmp_path / "1", tmp_path / "2"], progress=False)
    assert merged.concepts.equals(whole.concepts)
    np.testing.assert_array_equal(merged.units["concept"].fillna(""), whole.units["concept"].fillna(""))
    named = [name for name in whole.layers if "named" in name]
    assert merged.layers[named].equals(whole.layers[named])


def test_another_set_does_not_resume(tmp_path: Path) -> None:
    x, positive = data()
    lc.take(net(), x, twin=False, concepts={"sign": positive}, settings=settings(shard=(1, 2), out=tmp_path))
    more = settings(shard=(1, 2), out=tmp_path, resume=True)
    with pytest.raises(CensusError, match="holds another count"):
        lc.take(net(), x, twin=False, concepts={"sign": 1 - positive}, settings=more)


class Marked(nn.Module):
    """A map whose first unit is bright where the square is."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.act = nn.Conv2d(1, 6, 1), nn.ReLU()
        self.out = nn.Linear(6, 2)

    def forward(self, x: Tensor) -> Tensor:
        found: Tensor = self.out(self.act(self.conv(x)).mean((2, 3)))
        return found


def test_masks_are_judged_at_positions(tmp_path: Path) -> None:
    torch.manual_seed(0)
    draw = torch.Generator().manual_seed(2)
    x = 0.3 * torch.randn(EXAMPLES, 1, 8, 8, generator=draw)
    shown = torch.zeros(EXAMPLES, 8, 8, dtype=torch.bool)
    for row in range(EXAMPLES):
        top, left = torch.randint(0, 5, (2,), generator=draw).tolist()
        shown[row, top : top + 4, left : left + 4] = True
    x[:, 0] += 2.0 * shown
    model = Marked()
    with torch.no_grad():
        model.conv.weight[0], model.conv.bias[0] = 1.0, -0.5
    count = lc.take(model, x, concepts=lc.concepts.masks({"square": shown}), twin=False, settings=settings())
    table = count.concepts.set_index("layer")
    assert table.index.tolist() == ["act"]  # the output has no positions
    assert table.loc["act", "unit_auc"] > 0.95
    assert bool(table.loc["act", "unit_detects"])
    assert count.layers.set_index("layer")["named"].isna()["out"]


def test_the_verdict_says_what_the_concepts_show(census: lc.Census) -> None:
    said = str(census.verdict)
    assert "Named concepts: of 2 asked, 1 can be read from 1 and 1 from 4; 1 can be read from the input itself" in said
    assert "No layer has one that neither the input nor an untrained net gives." in said


def test_the_page_shows_concepts_by_depth_and_the_names_of_units(census: lc.Census, tmp_path: Path) -> None:
    page = census.report(tmp_path)
    index = page.read_text("utf-8")
    assert "Named concepts by depth" in index
    rows = pd.read_csv(tmp_path / "pictures" / "concepts.csv")
    assert rows[rows["concept"] == "sign"]["layer"].tolist() == ["the input", "1", "3", "4"]
    assert rows[rows["first"]]["concept"].tolist() == ["sign"]
    assert '<a href="layers/layer-000.html#unit-0">1:0</a>' in index
    for file in [*tmp_path.rglob("*.html"), *tmp_path.rglob("*.svg")]:
        assert EVIL not in file.read_text("utf-8")
    assert "<b>sign</b>" in (tmp_path / "layers" / "layer-000.html").read_text("utf-8")


class Reader(nn.Module):
    """Unit 0 of the nonlinearity is the token's own first number."""

    def __init__(self) -> None:
        super().__init__()
        self.embed, self.act, self.out = nn.Embedding(20, 6), nn.ReLU(), nn.Linear(6, 3)

    def forward(self, inputs: Tensor) -> Tensor:
        found: Tensor = self.out(self.act(self.embed(inputs)).mean(1))
        return found


@pytest.mark.parametrize("masked", [False, True])
def test_tags_are_judged_at_the_tokens_that_count(masked: bool) -> None:
    torch.manual_seed(0)
    tokens = torch.randint(0, 20, (EXAMPLES, 9), generator=torch.Generator().manual_seed(3))
    model = Reader()
    with torch.no_grad():
        model.embed.weight[:, 0] = (torch.arange(20) < 7).float()
    length = (
        torch.randint(4, 10, (EXAMPLES,), generator=torch.Generator().manual_seed(4))
        if masked
        else torch.full((EXAMPLES,), 9)
    )
    mask = torch.arange(9) < length[:, None]
    of = [["low" if token < 7 else "high" for token in row[:n].tolist()] for row, n in zip(tokens, length, strict=True)]
    data = [{"inputs": row, "mask": there} for row, there in zip(tokens.split(40), mask.split(40), strict=True)]
    given = data if masked else tokens
    count = lc.take(model, given, concepts=lc.concepts.tags(of), twin=False, settings=settings())
    table = count.concepts.set_index("layer").loc["act"]
    assert sorted(table["concept"]) == ["high", "low"]
    assert table["unit_auc"].tolist() == pytest.approx([1, 1])
    assert table["unit"].tolist() == [0, 0]
    assert table["input_auc"].min() > 0.99  # the token itself says it


def test_two_sets_may_name_a_concept_alike() -> None:
    x, positive = data()
    given = [pd.DataFrame({"same": positive}), {"other": lambda row: {"same": bool(row[1] > 0)}}]
    count = lc.take(net(), x, concepts=given, twin=False, settings=settings())
    table = count.concepts[count.concepts["layer"] == "1"]
    assert table[["set", "concept"]].to_numpy().tolist() == [["table", "same"], ["other", "same"]]
    assert count.about["concepts"]["examples"] == [int(positive.sum()), int((x[:, 1] > 0).sum())]
    named = [(row.of, row.examples) for row in concept_rows(count)]
    assert sorted(named) == [("other", int((x[:, 1] > 0).sum())), ("table", int(positive.sum()))]
