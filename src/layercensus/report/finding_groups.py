"""Findings as a reader takes them: those of one kind together, those that can be acted on first."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from ..census.findings import number_of
from ..census.record import CensusRecord, Finding


@dataclass(frozen=True)
class Kind:
    """What stands in the sentence of each finding of a kind, what such layers do, and what a reader can do."""

    mark: str
    says: tuple[str, str]  # of one layer, of several
    act: str = ""


KINDS = (  # in the order of the page
    Kind(", but the net uses ", ("has units that are called noise, dead or duplicate and that the net uses",
         "have units that are called noise, dead or duplicate and that the net uses"), "Do not prune these."),
    Kind("never fired", ("holds units that never fired", "hold units that never fired"),
         "On data like these they can be pruned."),
    Kind("repeat another unit", ("holds units that repeat others", "hold units that repeat others"),
         "One of each cluster is enough for what it says."),
    Kind("repeats another unit", ("holds units that repeat others", "hold units that repeat others"),
         "One of each cluster is enough for what it says."),
    Kind("under these views", ("holds units that are unreliable under these views",
         "hold units that are unreliable under these views"), "Milder views say whether it is the view."),
    Kind("have maps that are", ("holds units whose mean moves with the view while their map stays",
         "hold units whose mean moves with the view while their map stays"),
         "reliability_map of the units' table tells them apart."),
    Kind("different spatial means", ("holds copies of units at shifted positions",
         "hold copies of units at shifted positions"), "shift_of names the units that they repeat."),
    Kind("mixtures of so many", ("has units that are mixtures of fewer directions",
         "have units that are mixtures of fewer directions")),
    Kind(": bound", ("has counts that are only bounds", "have counts that are only bounds"),
         "More examples raise them."),
)  # fmt: skip


@dataclass(frozen=True)
class Group:
    """Findings of one kind. layers: how much of each layer of the net it concerns, 0 to 1, for a small picture."""

    title: str
    act: str
    findings: tuple[Finding, ...]
    layers: tuple[float, ...]

    @property
    def bars(self) -> list[tuple[float, float]]:
        """Where each bar of the small picture begins and how high it is, in percent."""
        step = 100 / max(1, len(self.layers))
        return [(round(at * step, 2), max(6.0, round(100 * part, 1))) for at, part in enumerate(self.layers) if part]


def grouped(census: CensusRecord) -> list[Group]:
    """All findings: kinds of layers that a reader can act on, then what concerns the whole census."""
    groups = []
    left = list(census.findings)
    for says in dict.fromkeys(kind.says for kind in KINDS):
        kinds = [kind for kind in KINDS if kind.says == says]
        own = [f for f in left if f.layer is not None and any(kind.mark in f.sentence for kind in kinds)]
        if own:
            left = [finding for finding in left if finding not in own]
            groups.append(_group(census, kinds[0], own))
    return [*groups, *(Group(finding.sentence, "", (finding,), _layers(census, [finding])) for finding in left)]


def _group(census: CensusRecord, kind: Kind, findings: Sequence[Finding]) -> Group:
    number = len({finding.layer for finding in findings})
    title = f"{number_of(number, 'layer')} {kind.says[number != 1]}"
    return Group(title, kind.act, tuple(findings), _layers(census, findings))


def _layers(census: CensusRecord, findings: Sequence[Finding]) -> tuple[float, ...]:
    units: dict[str, int] = {}
    for finding in findings:
        if finding.layer is not None:
            units[finding.layer] = max(units.get(finding.layer, 0), len(finding.units))
    rows = zip(census.layers["layer"], census.layers["width"], strict=True)
    if not units:
        return ()
    return tuple(_fraction(units[str(name)], width) if str(name) in units else 0.0 for name, width in rows)


def _fraction(units: int, width: Any) -> float:
    """Of a layer; all of it where a finding names no units, or the width is not known."""
    return (units / int(width) or 1.0) if not pd.isna(width) and width > 0 else 1.0


def without_layer(finding: Finding) -> str:
    """The sentence of a finding where its layer's name stands beside it."""
    said = finding.sentence
    return re.sub(rf"^Layer {re.escape(finding.layer)}: ", "", said) if finding.layer else said
