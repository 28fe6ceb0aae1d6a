"""One reading as it is written down."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Self

from ..layers.layer import Layer


@dataclass(frozen=True)
class LayerInfo:
    """What a timeline knows of a layer besides its counts."""

    name: str
    width: int
    role: str
    kind: str

    @classmethod
    def of(cls, layer: Layer) -> Self:
        """Of a surveyed layer."""
        return cls(layer.name, layer.width, layer.role, layer.kind)


@dataclass(frozen=True)
class Entry:
    """Everything that one reading said.

    rows: column -> value by layer; what was not counted is not there. alarms: as JSON. failed: why a part could not be
    read. settling_in: running statistics were not yet those of the data, so that nothing is judged by this reading.
    """

    step: int
    rows: Mapping[str, Mapping[str, Any]]
    rate: float | None = None  # learning rate
    trained: float | None = None  # seconds of training until then
    spent: float | None = None  # seconds of watching until then
    alarms: Sequence[Mapping[str, Any]] = ()
    failed: Sequence[str] = field(default=())
    settling_in: bool | None = None

    def as_json(self) -> dict[str, Any]:
        """As JSON, empty fields left out."""
        return {name: value for name, value in asdict(self).items() if value not in (None, (), [])}

    @classmethod
    def from_json(cls, known: Mapping[str, Any]) -> Self:
        """The entry whose `as_json` this was; fields of later versions are passed over."""
        names = {f.name for f in fields(cls)}
        return cls(**{name: value for name, value in known.items() if name in names})
