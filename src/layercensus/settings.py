"""Everything about a census that can be set: each with its range, its default, its help, and what it changes."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Mapping
from dataclasses import Field, dataclass, field, fields
from numbers import Integral, Real
from pathlib import Path
from typing import Any, Literal, Protocol

from .errors import CensusError

RELIABILITY_GRID = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)
TAU_GRID = (0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95)
SEEDS = 2**32
Changes = Literal["numbers", "run", "report"]


class Rule(Protocol):
    """What a value must be: gives the value as it is stored, or raises a CensusError that names the setting."""

    def __call__(self, name: str, value: Any) -> Any: ...


@dataclass(frozen=True)
class Integer:
    """An integer from `low` to `high`.

    >>> Integer(1, 9)("top", 3)
    3
    """

    low: int
    high: int | None = None

    def __call__(self, name: str, value: Any) -> int:
        if isinstance(value, bool) or not isinstance(value, Integral):
            raise CensusError(f"{name} must be an integer. Got {value!r}.")
        _within(name, value, self.low, self.high)
        return int(value)


@dataclass(frozen=True)
class Number:
    """A number from `low` to `high`; never NaN, never infinite."""

    low: float
    high: float | None = None

    def __call__(self, name: str, value: Any) -> float:
        if isinstance(value, bool) or not isinstance(value, Real):
            raise CensusError(f"{name} must be a number. Got {value!r}.")
        try:
            number = float(value)
        except OverflowError as error:
            raise CensusError(f"{name} must be a number that a float holds. Got a larger one.") from error
        _within(name, number, self.low, self.high)
        return number


def _within(name: str, value: Any, low: float, high: float | None) -> None:
    if not low <= value < math.inf or (high is not None and value > high):
        least = f"at least {low}" if value != math.inf else f"at least {low} and finite"
        bounds = least if high is None else f"between {low} and {high}"
        raise CensusError(f"{name} must be {bounds}. Got {value}.")


def boolean(name: str, value: Any) -> bool:
    """True or False, also of numpy."""
    if isinstance(value, bool) or type(value).__name__ in ("bool", "bool_"):
        return bool(value)
    raise CensusError(f"{name} must be True or False. Got {value!r}.")


@dataclass(frozen=True)
class OneOf:
    """One of some words."""

    words: tuple[str, ...]

    def __call__(self, name: str, value: Any) -> str:
        if isinstance(value, str) and value in self.words:
            return value
        raise CensusError(f"{name} must be one of {', '.join(self.words)}. Got {value!r}.")


def folder(name: str, value: Any) -> str | Path | None:
    """A path, or None."""
    if value is None or (isinstance(value, (str, os.PathLike)) and str(value) and "\0" not in str(value)):
        return value if value is None or isinstance(value, str) else Path(value)
    raise CensusError(f"{name} must be a folder, as a string or a Path. Got {value!r}.")


def part(name: str, value: Any) -> tuple[int, int] | None:
    """(number, of how many), or None."""
    if value is None:
        return None
    if isinstance(value, (tuple, list)) and len(value) == 2 and all(type(n) is int for n in value):
        number, of = value
        if 1 <= number <= of:
            return number, of
    raise CensusError(f"{name} must be like (2, 4): the second of four. Got {value!r}.")


def device_name(name: str, value: Any) -> str | None:
    """A device of torch's, "auto", or None."""
    if value is None:
        return None
    text = str(value)  # a torch.device says its name
    if re.fullmatch(r"auto|cpu|mps|(cuda|xpu)(:\d+)?", text):
        return text
    raise CensusError(f"{name} must be auto, cpu, cuda, cuda:1 or mps. Got {value!r}.")


def axes(name: str, value: Any) -> dict[str, int]:
    """Layer glob -> axis."""
    if isinstance(value, Mapping) and all(isinstance(glob, str) and type(axis) is int for glob, axis in value.items()):
        return dict(value)
    raise CensusError(f"{name} must be a dict from layer globs to axes, such as {{'blocks.*': 2}}. Got {value!r}.")


def which_layers(name: str, value: Any) -> str | bool:
    """Some layers, all, or none."""
    if value in ("some", "all") or value is False:
        return value  # type: ignore[no-any-return]
    if value is True:
        return "some"
    if value == "none":
        return False
    raise CensusError(f"{name} must be 'some', 'all' or False. Got {value!r}.")


@dataclass(frozen=True)
class About:
    """What is known of one setting."""

    changes: Changes  # the numbers, only how the run goes, or only what the report shows
    rule: Rule
    help: str
    flag: str | None  # how the command says it, with what its value is called; None: not on the command line
    flag_help: str  # where the flag turns off what is on by default


def setting(
    default: Any, changes: Changes, rule: Rule, help: str, *, flag: str | None = None, flag_help: str = ""
) -> Any:
    """A field of `Settings`; `flag` is how the command says it."""
    about = {"about": About(changes, rule, help, flag, flag_help or help)}
    if isinstance(default, dict):
        return field(default_factory=dict, metadata=about)
    return field(default=default, metadata=about)


def about_setting(setting_field: Field[Any]) -> About:
    """What is known of a field of `Settings`."""
    about: About = setting_field.metadata["about"]
    return about


# fmt: off
@dataclass(frozen=True)
class Settings:
    """How to count, as `lc.take(..., settings=lc.Settings(panel=512, progress=False))`.

    >>> Settings(panel=512).that_count()["panel"]
    512

    Raises:
        CensusError: a value is of another type or outside its range.
    """

    panel: int = setting(2048, "numbers", Integer(4, 1_000_000),
        "examples kept for tests between units, chosen by a hash of their ids", flag="--panel N")
    spots: int = setting(8, "numbers", Integer(1, 4096), "positions read per map and panel example")
    reliability: float = setting(0.5, "numbers", Number(0, 1),
        "a unit is noise below this fraction of reproducible variance", flag="--reliability R")
    tau: float = setting(0.9, "numbers", Number(0.01, 1),
        "two units are one concept from this absolute correlation on", flag="--tau T")
    sign_blind: bool = setting(True, "numbers", boolean, "a unit and its negative are one concept",
        flag="--signed", flag_help="a unit and its negative are two concepts")
    q: float = setting(0.05, "numbers", Number(0.0001, 0.5),
        "false discovery rate (Benjamini & Hochberg 1995) of every per-unit test")
    resamples: int = setting(200, "numbers", Integer(20, 10_000), "bootstrap resamples behind every interval")
    unit_axis: Mapping[str, int] = setting({}, "numbers", axes,
        "layer glob -> axis of its units, where inferred wrongly", flag="--unit-axis GLOB=AXIS",
        flag_help="axis of a layer's units, where inferred wrongly")
    batch: int = setting(32, "run", Integer(1, 65_536),
        "examples a forward pass; halved where the memory does not hold them", flag="--batch N")
    device: str | None = setting(None, "run", device_name,
        "where the nets run: auto (a GPU where there is one), cuda, cuda:1, mps, cpu; by default where they are",
        flag="--device NAME")
    dtype: str = setting("auto", "numbers", OneOf(("auto", "bf16", "fp16")),
        "precision of forward passes: auto (the net's own), bf16, fp16; statistics keep theirs", flag="--dtype NAME")
    workers: int = setting(0, "run", Integer(0, 1024),
        "processes that decode pictures ahead; 0: two threads. A DataLoader keeps its own", flag="--workers N")
    memory: float = setting(2.0, "numbers", Number(0.001, 100_000),
        "GB that measuring a layer may take beyond its readings; what would take more is done in blocks or left out",
        flag="--memory GB")
    twins: int = setting(5, "numbers", Integer(1, 100),
        "untrained nets: the first on all data, the others on a few examples, for how much they differ",
        flag="--twins N")
    dimension: bool = setting(False, "numbers", boolean, "also the linear and nonlinear dimension of every layer",
        flag="--dimension")
    sketch: int = setting(1021, "numbers", Integer(16, 1_000_000),
        "numbers that a panel example's feature map is sketched in, for distances; a prime is best")
    top: int = setting(9, "numbers", Integer(1, 1000), "top examples kept per unit")
    pictures: int = setting(1000, "report", Integer(0, 100_000),
        "examples kept for the report, with where the units that they top peak in them; 0: none", flag="--pictures N")
    see: int = setting(0, "report", Integer(0, 100_000),
        "concepts of each layer that get an optimised image (images only)", flag="--see N")
    out: str | Path | None = setting(None, "run", folder, "folder for checkpoints; None: a temporary one",  # noqa: RUF009
        flag="--out DIR", flag_help="results folder")
    resume: bool = setting(False, "run", boolean, "continue what `out` already holds", flag="--resume",
        flag_help="continue an interrupted count in DIR")
    overwrite: bool = setting(False, "run", boolean, "replace a census that `out` already holds", flag="--overwrite",
        flag_help="replace a census that DIR already holds")
    shard: tuple[int, int] | None = setting(None, "run", part,
        "(2, 4): count the second of four shards of the data, to be merged later", flag="--shard I/N",
        flag_help="count only shard I of N of the data, to be merged later")
    checkpoint: float = setting(30.0, "run", Number(0), "seconds between checkpoints", flag="--checkpoint SECONDS")
    limit_bad: int = setting(0, "run", Integer(0), "unreadable files to skip before giving up", flag="--skip-bad N")
    needed: str | bool = setting("some", "numbers", which_layers,
        "layers of which is counted on how many directions the answers rest: some (16 over the depth), all, none",
        flag="--needed some|all|none")
    calibration: int = setting(256, "numbers", Integer(4, 1_000_000),
        "examples of the panel that choose those directions", flag="--calibration N")
    held_out: int = setting(128, "numbers", Integer(4, 1_000_000),
        "other examples of the panel on which the answers are judged", flag="--held-out N")
    other_views: bool = setting(True, "numbers", boolean,
        "read a few examples in other views as well, weaker, stronger and of one kind, for what depends on the views",
        flag="--no-other-views", flag_help="without reading a few examples in other views")
    memory_format: str = setting("auto", "run", OneOf(("auto", "contiguous", "channels_last")),
        "of images: auto times both and takes the faster")
    progress: bool = setting(True, "run", boolean, "progress bars on standard error", flag="--quiet",
        flag_help="no progress bars")
    # fmt: on

    def __post_init__(self) -> None:
        for f in fields(self):
            object.__setattr__(self, f.name, about_setting(f).rule(f.name, getattr(self, f.name)))
        if self.twins in (2, 3):
            raise CensusError(f"twins must be 1, or 4 and more to tell how much they differ. Got {self.twins}.")
        if self.resume and self.out is None:
            raise CensusError("out must be given with resume: the folder of the count that continues. Got None.")
        if self.overwrite and self.resume:
            raise CensusError("overwrite and resume exclude each other: one begins anew, one continues. Got both.")
        if self.shard is not None and self.out is None:
            raise CensusError("out must be given with shard, which is counted into a folder. Got None.")

    def that_count(self) -> dict[str, Any]:
        """The settings that change the numbers, as JSON; a count is resumed only where they are the same.

        >>> Settings(tau=0.8).that_count()["tau"]
        0.8
        """
        return {f.name: getattr(self, f.name) for f in fields(self) if about_setting(f).changes == "numbers"}


def check_seed(seed: Any) -> int:
    """The seed, where it is an integer that every generator takes.

    >>> check_seed(7)
    7

    Raises:
        CensusError: it is not an integer from 0 to 2**32 - 1.
    """
    return Integer(0, SEEDS - 1)("seed", seed)
