"""Every example in a docstring runs, and every public function has one."""

from __future__ import annotations

import doctest
import importlib
import inspect
import pkgutil
from collections.abc import Iterator
from functools import cached_property
from typing import Any

import pytest
import torch
from torch import nn

import layercensus as lc

MODULES = sorted(m.name for m in pkgutil.walk_packages(lc.__path__, "layercensus.") if "__main__" not in m.name)


MET = (
    lc.Census, lc.Verdict, lc.Settings, lc.Column, lc.Measure, lc.Evidence, lc.Outcome, lc.Model, lc.Prepare, lc.Views,
    lc.Finding, lc.SeeOptions,
)  # fmt: skip
# Their examples take a `census` for granted: this one.
ASKED = (
    "layercensus.census.census", "layercensus.census.record", "layercensus.verdict.verdict",
    "layercensus.visualise.objectives",
)  # fmt: skip


@pytest.fixture(autouse=True)
def in_a_folder_of_its_own(tmp_path: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def census() -> lc.Census:
    torch.manual_seed(0)
    net, twin = (nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 3)) for _ in range(2))
    return lc.take(net, torch.randn(64, 4), twin=twin, settings=lc.Settings(progress=False, resamples=20))


def test_the_examples_run(census: lc.Census) -> None:
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS)
    ran = 0
    for name in MODULES:
        for example in examples(name, {"census": census} if name in ASKED else {}):
            ran += len(example.examples)
            runner.run(example, clear_globs=True)
    assert runner.failures == 0
    assert ran > 100


def examples(name: str, more: dict[str, Any]) -> Iterator[doctest.DocTest]:
    """Those of a module; doctest itself overlooks cached properties."""
    finder, module = doctest.DocTestFinder(exclude_empty=True), importlib.import_module(name)
    yield from finder.find(module, name, extraglobs=more)
    for one in vars(module).values():
        if inspect.isclass(one) and one.__module__ == name:
            for member in vars(one).values():
                if isinstance(member, cached_property):
                    where = f"{name}.{one.__name__}.{member.attrname}"
                    yield from finder.find(member.func, where, extraglobs=more)


def test_an_example_of_a_cached_property_is_found() -> None:
    assert "layercensus.census.census.Census.verdict" in {one.name for one in examples(ASKED[0], {})}


@pytest.mark.parametrize("name", [n for n in lc.__all__ if not isinstance(getattr(lc, n), (str, tuple))])
def test_a_public_name_has_an_example(name: str) -> None:
    assert ">>>" in (getattr(lc, name).__doc__ or "")


def members(of: type) -> Iterator[str]:
    """Public methods and properties, also inherited ones."""
    for name in dir(of):
        if not name.startswith("_") and (
            inspect.isroutine(getattr(of, name)) or isinstance(getattr(of, name), (property, cached_property))
        ):
            yield name


@pytest.mark.parametrize(("of", "name"), [(of, name) for of in MET for name in members(of)], ids=str)
def test_what_a_class_offers_has_an_example(of: type, name: str) -> None:
    assert ">>>" in (getattr(of, name).__doc__ or "")


def objectives() -> list[str]:
    """Every public function of `layercensus.objectives`."""
    home = lc.objectives
    found = inspect.getmembers(home, inspect.isfunction)
    return [name for name, one in found if one.__module__ == home.__name__ and not name.startswith("_")]


@pytest.mark.parametrize("name", objectives())
def test_an_objective_has_an_example(name: str) -> None:
    assert ">>>" in (getattr(lc.objectives, name).__doc__ or "")


def test_names_are_sorted_and_there() -> None:
    assert lc.__all__ == sorted(lc.__all__, key=lambda n: (not n.isupper(), n[0].islower() or n[0] == "_", n.lower()))
    assert set(lc._HOME) | {"__version__"} == set(lc.__all__)
    assert all(getattr(lc, name) is not None for name in lc.__all__)
