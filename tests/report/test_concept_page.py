"""The page of a named concept says what the table of concepts says, and leads to the layers and back."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

import layercensus as lc
from layercensus.report.single import write_single


class Planted(nn.Module):
    """Its first layer keeps the input, its second only half of it."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.act, self.b, self.last, self.out = (
            nn.Linear(8, 8),
            nn.ReLU(),
            nn.Linear(8, 4),
            nn.ReLU(),
            nn.Linear(4, 2),
        )
        with torch.no_grad():
            self.a.weight.copy_(torch.eye(8)), self.a.bias.fill_(4)
            self.b.weight.copy_(torch.eye(8)[:4]), self.b.bias.zero_()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        h: torch.Tensor = self.out(self.last(self.b(self.act(self.a(x)))))
        return h


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> tuple[lc.Census, Path]:
    x = torch.randn(600, 8, generator=torch.Generator().manual_seed(0))
    concepts = {"kept": (x[:, 0] > 0).numpy(), "lost": (x[:, 7] > 0).numpy(), "<b>odd</b>": (x[:, 1] > 0).numpy()}
    settings = lc.Settings(progress=False, twins=1, resamples=20, needed=False, other_views=False)
    census = lc.take(Planted(), x, concepts=concepts, settings=settings)
    folder = tmp_path_factory.mktemp("report")
    census.report(folder)
    return census, folder


def words(folder: Path, concept: str) -> str:
    pages = [file.read_text("utf-8") for file in sorted((folder / "concepts").glob("*.html"))]
    text = next(text for text in pages if f"<h1>{concept}</h1>" in text)
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", text))


def test_each_concept_has_a_page_that_the_first_page_leads_to(page: tuple[lc.Census, Path]) -> None:
    _, folder = page
    index = (folder / "index.html").read_text("utf-8")
    linked = re.findall(r'href="(concepts/[^"]*)"', index)
    assert len(linked) == 3
    assert all((folder / name).is_file() for name in linked)
    for name in linked:
        text = (folder / name).read_text("utf-8")
        local = re.findall(r'(?:href|src)="([^"#]+)', text)
        assert local
        assert all((folder / "concepts" / link).exists() for link in local)


def test_it_says_where_a_concept_can_be_read_and_is_lost(page: tuple[lc.Census, Path]) -> None:
    census, folder = page
    table = census.concepts.set_index(["concept", "layer"])
    assert bool(table.loc[("kept", "last"), "readable"])
    assert not bool(table.loc[("lost", "last"), "readable"])
    assert "It can first be read from act" in words(folder, "kept")
    assert "can no longer be read" not in words(folder, "kept")
    assert "From last on it can no longer be read." in words(folder, "lost")
    auc = float(np.round(table.loc[("kept", "act"), "auc"], 2))
    assert f"{auc:.2f}" in words(folder, "kept")


def test_names_are_escaped_and_one_file_leads_nowhere(page: tuple[lc.Census, Path], tmp_path: Path) -> None:
    _, folder = page
    assert "&lt;b&gt;odd&lt;/b&gt;" in "".join(f.read_text("utf-8") for f in (folder / "concepts").glob("*.html"))
    single = write_single(folder, tmp_path / "one.html").read_text("utf-8")
    assert 'href="concepts/' not in single


def test_pages_of_an_earlier_report_go(page: tuple[lc.Census, Path]) -> None:
    census, folder = page
    old = folder / "concepts" / "concept-299.html"
    old.write_text("old")
    census.report(folder)
    assert not old.exists()
