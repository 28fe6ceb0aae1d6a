"""Settings refuse what they cannot take, in one line, and each says what it changes."""

from __future__ import annotations

import json
from dataclasses import fields, replace
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest

import layercensus as lc
from layercensus.settings import Changes, Integer, Number, about_setting, check_seed

CHANGES_THE_NUMBERS = {
    "memory", "dtype",
    "panel", "spots", "reliability", "tau", "sign_blind", "q", "resamples", "unit_axis", "twins", "dimension", "sketch",
    "top", "needed", "calibration", "held_out", "other_views",
}  # fmt: skip
REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"panel": "many"}, "panel must be an integer. Got 'many'."),
    ({"panel": 2.5}, "panel must be an integer. Got 2.5."),
    ({"panel": True}, "panel must be an integer. Got True."),
    ({"panel": None}, "panel must be an integer. Got None."),
    ({"panel": 3}, "panel must be between 4 and 1000000. Got 3."),
    ({"tau": 1.5}, "tau must be between 0.01 and 1. Got 1.5."),
    ({"tau": "high"}, "tau must be a number. Got 'high'."),
    ({"q": float("nan")}, "q must be between 0.0001 and 0.5. Got nan."),
    ({"checkpoint": float("nan")}, "checkpoint must be at least 0. Got nan."),
    ({"checkpoint": -1}, "checkpoint must be at least 0. Got -1."),
    ({"checkpoint": float("inf")}, "checkpoint must be at least 0 and finite. Got inf."),
    ({"tau": 10**400}, "tau must be a number that a float holds. Got a larger one."),
    ({"out": "a\0b"}, "out must be a folder, as a string or a Path. Got 'a\\x00b'."),
    ({"limit_bad": -1}, "limit_bad must be at least 0. Got -1."),
    ({"out": 3}, "out must be a folder, as a string or a Path. Got 3."),
    ({"out": ""}, "out must be a folder, as a string or a Path. Got ''."),
    ({"progress": 1}, "progress must be True or False. Got 1."),
    ({"dimension": "yes"}, "dimension must be True or False. Got 'yes'."),
    ({"memory_format": "nchw"}, "memory_format must be one of auto, contiguous, channels_last. Got 'nchw'."),
    ({"unit_axis": 2}, "unit_axis must be a dict from layer globs to axes, such as {'blocks.*': 2}. Got 2."),
    ({"unit_axis": {"a": "b"}}, "unit_axis must be a dict from layer globs to axes, such as {'blocks.*': 2}. Got "),
    ({"shard": (5, 4), "out": "x"}, "shard must be like (2, 4): the second of four. Got (5, 4)."),
    ({"shard": "1/4", "out": "x"}, "shard must be like (2, 4): the second of four. Got '1/4'."),
    ({"shard": (1, 4)}, "out must be given with shard, which is counted into a folder. Got None."),
    ({"out": "x", "resume": True, "overwrite": True}, "overwrite and resume exclude each other: one begins anew"),
    ({"resume": True}, "out must be given with resume: the folder of the count that continues. Got None."),
    ({"twins": 2}, "twins must be 1, or 4 and more to tell how much they differ. Got 2."),
]


@pytest.mark.parametrize(("given", "says"), REFUSED)
def test_what_is_refused_and_how(given: dict[str, Any], says: str) -> None:
    with pytest.raises(lc.CensusError) as caught:
        lc.Settings(**given)
    assert str(caught.value).startswith(says)


SEE_REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"top": "x"}, "top must be an integer. Got 'x'."),
    ({"steps": 0}, "steps must be at least 1. Got 0."),
    ({"faces": None}, "faces must be an integer. Got None."),
    ({"progress": 3}, "progress must be True or False. Got 3."),
    ({"size": float("nan")}, "size must be an integer. Got nan."),
    ({"size": (8, 2)}, "size must be at least 4. Got 2."),
    ({"size": (8, 8, 3)}, "size must be a side or (height, width) in pixels. Got (8, 8, 3)."),
    ({"contrast": 0}, "contrast must be above 0 and at most 1. Got 0."),
    ({"contrast": float("nan")}, "contrast must be between 0 and 1. Got nan."),
    ({"contrast": "high"}, "contrast must be a number, None, 'natural' or 'auto'. Got 'high'."),
    ({"seed": -1}, "seed must be between"),
    ({"preset": "best"}, "preset must be"),
]


@pytest.mark.parametrize(("given", "says"), SEE_REFUSED)
def test_what_options_of_pictures_are_refused(given: dict[str, Any], says: str) -> None:
    with pytest.raises(lc.CensusError) as caught:
        lc.SeeOptions(**given)
    assert str(caught.value).startswith(says)


def test_options_of_pictures_that_leave_it_to_the_preset() -> None:
    options = lc.SeeOptions(steps=None, batch=None, size=None, contrast=None)
    assert options.count == options.method.steps
    assert lc.SeeOptions(size=[9, 8]).sides == (9, 8)


@pytest.mark.parametrize("seed", [-1, 2**32, 1.5, "1", True, None, float("nan")])
def test_a_seed_that_no_generator_takes(seed: Any) -> None:
    with pytest.raises(lc.CensusError, match=r"^seed must be .* Got "):
        check_seed(seed)


def test_seeds_at_both_ends() -> None:
    assert [check_seed(seed) for seed in (0, np.int64(7), 2**32 - 1)] == [0, 7, 2**32 - 1]


@pytest.mark.parametrize("one", fields(lc.Settings), ids=lambda one: one.name)
def test_every_setting_says_what_it_changes(one: Any) -> None:
    about = about_setting(one)
    assert about.changes in get_args(Changes)
    assert about.help
    assert about.flag is None or about.flag.startswith("--")


def test_that_count_is_what_changes_the_numbers() -> None:
    """A new setting stands in one of the classes; moving one is a decision, for it lets a count be resumed or not."""
    counting = lc.Settings().that_count()
    assert set(counting) == CHANGES_THE_NUMBERS
    assert json.loads(json.dumps(counting)) == counting
    assert lc.Settings(**counting).that_count() == counting


def test_numbers_of_numpy_are_kept_as_python_s() -> None:
    settings = lc.Settings(panel=np.int64(9), tau=np.float64(0.5), dimension=np.bool_(True))
    assert [type(value) for value in (settings.panel, settings.tau, settings.dimension)] == [int, float, bool]


def test_what_the_caller_changes_afterwards_changes_nothing() -> None:
    axes = {"blocks.*": 2}
    settings = lc.Settings(unit_axis=axes, out=Path("x"), shard=[1, 2])  # type: ignore[arg-type]
    axes["head"] = 1
    assert settings.unit_axis == {"blocks.*": 2}
    assert settings.shard == (1, 2)
    assert replace(settings, shard=None, out=None) == lc.Settings(unit_axis={"blocks.*": 2})


@pytest.mark.parametrize("one", fields(lc.Settings), ids=lambda one: one.name)
def test_both_ends_of_a_range_are_taken(one: Any) -> None:
    rule = about_setting(one).rule
    if isinstance(rule, (Integer, Number)):
        for end in (rule.low, rule.high):
            assert end is None or getattr(lc.Settings(**{one.name: end}), one.name) == end
