"""Where a census comes from, and how it was counted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Self, get_type_hints

from .json_types import fits

NO_TWIN = "none"  # what `Provenance.twin` says where there was none
# left out of the JSON where there is nothing to say
OPTIONAL = (
    "copies", "shared", "mask_unfit", "shard", "shards", "bare", "alone", "met_late", "forecast", "looks_untrained",
    "unestimated", "untrained_failed", "needs", "shown", "groups", "sources_seen", "concepts",
)  # fmt: skip


@dataclass(frozen=True)
class Provenance:
    """Everything that a reader of a census may ask about how it was counted; all of it is JSON."""

    model: str
    weights: Mapping[str, str]  # net -> hash of its weights
    origin: Mapping[str, Any]  # what the model says of itself
    prepare: str | None  # how inputs were prepared, in words
    data: Mapping[str, Any]
    classes: tuple[str, ...] | None  # their names
    views: str  # the perturbation, in words
    twin: str  # where it comes from, in words
    replicas: int
    seed: int
    settings: Mapping[str, Any]  # those that change numbers
    layers: tuple[Mapping[str, Any], ...]  # how each counted layer was read
    not_counted: tuple[str, ...]
    versions: Mapping[str, str]
    # known once everything is counted
    measures: tuple[str, ...] = ()
    examples: int = 0
    ids: str = ""  # hash of the set of ids
    memory_format: Mapping[str, Any] = field(default_factory=dict)  # name, and seconds of each that was timed
    copies: Mapping[str, Any] = field(default_factory=dict)  # of other examples, left out; empty without
    panel: int = 0  # examples of the panel
    groups: Mapping[str, Any] = field(default_factory=dict)  # of its examples, where some share one
    sources_seen: int | None = None  # about how many its examples seem to come from, where they look like near copies
    rarefied_to: int = 0  # units
    classes_seen: int = 0
    shared: Mapping[str, Any] = field(default_factory=dict)  # what the twin has in common with the net
    looks_untrained: Mapping[str, Any] = field(default_factory=dict)  # which weights of the net, and how many
    unestimated: tuple[str, ...] = ()  # normalisation layers whose statistics are those that they were made with
    mask_unfit: tuple[str, ...] = ()  # layers whose positions a mask was given for that does not fit
    shard: tuple[int, int] | None = None  # this one of so many
    shards: int | None = None  # that were merged
    untrained_failed: tuple[str, ...] = ()  # why further untrained nets could not be counted, one reason each
    needs: Mapping[str, Any] = field(default_factory=dict)  # how it was found what the net needs of its layers
    shown: Mapping[str, Any] = field(default_factory=dict)  # in which other views a few examples were read, how many
    concepts: Mapping[str, Any] = field(default_factory=dict)  # names and sets of those that were asked for
    alone: str = ""  # why examples passed through the nets one by one
    met_late: tuple[str, ...] = ()  # modules that ran for the first time after the survey, each with an example
    forecast: Mapping[str, Any] = field(default_factory=dict)  # bytes and seconds, where a layer is very wide
    bare: tuple[str, ...] = ()  # layers with weights between which and the next ones no nonlinearity was seen

    def as_json(self) -> dict[str, Any]:
        """A dict of plain values, in the order of the fields."""
        return {name: _plain(value) for name, value in asdict(self).items() if value or name not in OPTIONAL}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Self:
        """The provenance whose `as_json` this was.

        Raises:
            ValueError: a field is missing, or of another type.
        """
        lists = {name: tuple(value) for name, value in values.items() if isinstance(value, list)}
        known = {field.name for field in fields(cls)}
        missing = sorted(known - values.keys() - {*OPTIONAL})
        if missing:
            raise ValueError(f"about lacks {missing[0]}")
        read = cls(**{name: value for name, value in (dict(values) | lists).items() if name in known})
        for name, kind in get_type_hints(cls).items():
            if not fits(getattr(read, name), kind):
                raise ValueError(f"about.{name} is of another type")
        form = read.memory_format
        if not fits(form.get("name"), str) or not fits(form.get("seconds"), Mapping[str, float]):
            raise ValueError("about.memory_format is of another type")
        return read


def _plain(value: Any) -> Any:
    """Tuples as lists, all the way down: what JSON would make of them."""
    if isinstance(value, Mapping):
        return {str(name): _plain(part) for name, part in value.items()}
    return [_plain(part) for part in value] if isinstance(value, (tuple, list)) else value
