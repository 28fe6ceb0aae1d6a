"""The arguments and flags that mean the same in several commands."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from typing import Annotated, Any

from cyclopts import CoercionError, Group, Parameter, Token

from ..data.table import OPENERS as DATA
from ..models.openers import usages
from ..models.table import OPENERS as MODELS
from ..settings import Settings, about_setting
from .defaults import DefaultAt

FLAT = Parameter(name="*")  # the fields of a dataclass become flags
RUN = Group("How the run goes", sort_key=8)
DEVICE_HELP = next(about_setting(one).help for one in fields(Settings) if one.name == "device")


def option(metavar: str, help: str, at: str | None = None) -> Parameter:
    """A flag with a value; `at` is where the library keeps its default."""
    return Parameter(metavar=metavar, help=help, show_default=None if at is None else DefaultAt(at))


def whole(kind: Any, tokens: Sequence[Token]) -> int:
    """An integer as it is written; a fraction is refused, never rounded."""
    try:
        return int(tokens[0].value)
    except ValueError:
        raise CoercionError(token=tokens[0], target_type=int) from None


INTEGER = Parameter(converter=whole)

ModelName = Annotated[str, Parameter(help=" | ".join(usages(MODELS)))]
DataName = Annotated[str, Parameter(help=" | ".join(usages(DATA)))]
Replicas = Annotated[
    list[str], Parameter(metavar="MODEL", help="another training run of the model", show_default=False)
]
Size = Annotated[int | None, INTEGER, option("PIXELS", "side to which images are resized and cropped")]
Device = Annotated[str | None, Parameter(metavar="NAME", help=DEVICE_HELP, group=RUN, show_default=False)]
Seed = Annotated[int, INTEGER, Parameter(metavar="N", help="same seed, same result", group=RUN)]
Out = Annotated[str, Parameter(metavar="DIR", help="results folder", group=RUN)]
Overwrite = Annotated[bool, Parameter(help="replace what DIR already holds", group=RUN, show_default=False)]
Resume = Annotated[bool, Parameter(help="continue an interrupted run in DIR", group=RUN, show_default=False)]
SkipBad = Annotated[int, INTEGER, Parameter(metavar="N", help="unreadable files to skip before giving up", group=RUN)]
Long = Annotated[
    bool, Parameter(help="print every interval, finding and line of the answer", group=RUN, show_default=False)
]
Quiet = Annotated[bool, Parameter(help="no progress bars", group=RUN, show_default=False)]
