"""Every example in a docstring runs, and every public function has one."""

from __future__ import annotations

import doctest
import importlib
import inspect
import pkgutil

import pytest

import layercensus as lc

MODULES = sorted(m.name for m in pkgutil.walk_packages(lc.__path__, "layercensus.") if "__main__" not in m.name)


@pytest.fixture(autouse=True)
def in_a_folder_of_its_own(tmp_path: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)  # type: ignore[arg-type]


def test_the_examples_run() -> None:
    finder, runner = doctest.DocTestFinder(exclude_empty=True), doctest.DocTestRunner(optionflags=doctest.ELLIPSIS)
    ran = 0
    for name in MODULES:
        for example in finder.find(importlib.import_module(name), name):
            ran += len(example.examples)
            runner.run(example, clear_globs=True)
    assert runner.failures == 0
    assert ran > 40


@pytest.mark.parametrize("name", [n for n in lc.__all__ if inspect.isroutine(getattr(lc, n, None))])
def test_a_public_function_has_an_example(name: str) -> None:
    assert ">>>" in (getattr(lc, name).__doc__ or "")


@pytest.mark.parametrize("name", [n for n in dir(lc.objectives) if not n.startswith("_")])
def test_an_objective_says_what_it_is(name: str) -> None:
    if inspect.isfunction(getattr(lc.objectives, name)):
        assert getattr(lc.objectives, name).__doc__


def test_names_are_sorted_and_there() -> None:
    assert lc.__all__ == sorted(lc.__all__, key=lambda n: (not n.isupper(), n[0].islower() or n[0] == "_", n.lower()))
    assert set(lc._HOME) | {"__version__"} == set(lc.__all__)
    assert all(getattr(lc, name) is not None for name in lc.__all__)
