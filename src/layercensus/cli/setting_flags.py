"""The flags of `layercensus run` that come from `Settings`: names, defaults, help and groups are read from there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import Field, field, fields, make_dataclass
from typing import TYPE_CHECKING, Annotated, Any, get_origin, get_type_hints

from cyclopts import Group, Parameter

from ..errors import CensusError
from ..settings import Settings, about_setting
from .parameters import INTEGER, RUN

GROUPS = {
    "numbers": Group("What changes the numbers", sort_key=4),
    "report": Group("What changes the report only", sort_key=6),
    "run": RUN,
}


def flags_from(settings: type[Settings], *, but: tuple[str, ...] = ()) -> type[Any]:
    """A dataclass with a field for each setting that has a flag."""
    hints = get_type_hints(settings)
    known = [one for one in fields(settings) if about_setting(one).flag and one.name not in but]
    made = make_dataclass("SettingFlags", [_flag(one, hints[one.name]) for one in known], frozen=True, kw_only=True)
    made.__module__ = __name__  # of a dataclass in the module `types` cyclopts makes one argument
    return made


def _flag(one: Field[Any], hint: Any) -> tuple[str, Any, Any]:
    about = about_setting(one)
    name, _, value = str(about.flag).partition(" ")
    kind, default = _typed(hint, one.default)
    shown = None if kind in (int, float) else False
    says = Parameter(
        name=name, metavar=value or None, group=GROUPS[about.changes], help=about.flag_help, show_default=shown
    )
    return one.name, Annotated[kind, INTEGER if kind is int else says, says], default


def _typed(hint: Any, default: Any) -> tuple[Any, Any]:
    """The type of a flag and its default; what is written in a way of its own stays text."""
    if hint is bool:
        return bool, False
    if get_origin(hint) is Mapping:
        return list[str], field(default_factory=list)
    return (hint, default) if hint in (int, float) else (str | None, None)


def settings_of(flags: Any, **more: Any) -> Settings:
    """The settings that were given as flags.

    Raises:
        CensusError: a value cannot be read, or is outside its range.
    """
    given = {one.name: getattr(flags, one.name) for one in fields(flags)}
    default_on = {one.name for one in fields(Settings) if one.default is True}
    given |= {name: not value for name, value in given.items() if name in default_on}
    given = {name: value for name, value in given.items() if value is not None}
    return Settings(**given | {"unit_axis": _axes(flags.unit_axis), "shard": _shard(flags.shard)} | more)


def _shard(text: str | None) -> tuple[int, int] | None:
    if text is None:
        return None
    number, _, of = text.partition("/")
    if not (number.isdigit() and of.isdigit() and 1 <= int(number) <= int(of)):
        raise CensusError(f"--shard must be I/N, such as 2/4: the second of four. Got {text!r}.")
    return int(number), int(of)


def _axes(texts: list[str]) -> dict[str, int]:
    axes = {}
    for text in texts:
        glob, _, axis = text.rpartition("=")
        if not glob or not axis.removeprefix("-").isdigit():
            raise CensusError(f"--unit-axis must be GLOB=AXIS, such as 'blocks.*=2'. Got {text!r}.")
        axes[glob] = int(axis)
    return axes


if TYPE_CHECKING:
    SettingFlags = Any
else:
    SettingFlags = flags_from(Settings, but=("out",))
