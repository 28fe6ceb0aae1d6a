"""When something goes wrong in a layer: judged from the readings alone, so that a resumed run judges alike."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from statistics import median
from typing import Any

from .entry import Entry, LayerInfo
from .options import Thresholds

DYING, COLLAPSE, AT_START, NOT_FINITE = "dying", "collapse", "dead at start", "not finite"
BASE = 3  # readings of `needed` in a row without a fall, which make a level, and whose median it is held against


@dataclass(frozen=True)
class Alarm:
    """Something that happened to a layer between two readings.

    kind: "dying", "collapse", "dead at start" or "not finite". before, value: units that were dead and are, or
    directions that were needed and are. since, step: between which steps. rate: the learning rate, where it is known.

    >>> print(Alarm("dying", "act.3", 300, since=200, before=1, value=14, width=32, rate=0.1))
    act.3: 41% of 32 units died between steps 200 and 300, learning rate 0.1
    """

    kind: str
    layer: str
    step: int
    since: int | None = None
    before: float | None = None
    value: float | None = None
    width: int | None = None
    rate: float | None = None

    @property
    def when(self) -> str:
        """In words, with the learning rate where it is known."""
        between = f"at step {self.step:,}" if self.since is None else f"between steps {self.since:,} and {self.step:,}"
        return between + ("" if self.rate is None else f", learning rate {self.rate:.3g}")

    def __str__(self) -> str:
        before, value, width = self.before or 0, self.value or 0, self.width or 1
        return {
            DYING: f"{self.layer}: {(value - before) / width:.0%} of {width:,} units died {self.when}",
            AT_START: f"{self.layer}: {value / width:.0%} of {width:,} units are dead {self.when}",
            COLLAPSE: f"{self.layer}: the answers rest on {value:.0f} directions and not {before:.0f} {self.when}",
            NOT_FINITE: f"{self.layer}: activations became NaN or inf {self.when}",
        }[self.kind]

    def as_json(self) -> dict[str, Any]:
        """Its fields, those that say nothing left out."""
        return {name: value for name, value in asdict(self).items() if value is not None}


def judge(layers: Sequence[LayerInfo], entries: Sequence[Entry], thresholds: Thresholds) -> tuple[Alarm, ...]:
    """The alarms of the last of these entries, in forward order.

    While running statistics settle in nothing is judged: the net that is read is not yet the one that trains.
    """
    if entries[-1].settling_in:
        return ()
    settled = [entry for entry in entries if not entry.settling_in]
    return tuple(alarm for layer in layers for alarm in _of_layer(layer, settled, thresholds))


def not_finite(layer: str, entries: Sequence[Entry]) -> tuple[Alarm, ...]:
    """That of a net whose activations are no numbers any more, unless the reading before said so already."""
    *before, last = entries
    if before and any(alarm["kind"] == NOT_FINITE for alarm in before[-1].alarms):
        return ()
    return (Alarm(NOT_FINITE, layer, last.step, before[-1].step if before else None, rate=last.rate),)


def _of_layer(layer: LayerInfo, entries: Sequence[Entry], thresholds: Thresholds) -> Iterator[Alarm]:
    row = entries[-1].rows.get(layer.name, {})
    if row.get("dead") is not None:
        yield from _dead(layer, entries, thresholds)
    if row.get("needed_high") is not None:
        yield from _collapsed(layer, entries, thresholds)


def _dead(layer: LayerInfo, entries: Sequence[Entry], thresholds: Thresholds) -> Iterator[Alarm]:
    """Whether units are dead from the start, or died since the fewest were dead after the last such alarm."""
    last = entries[-1]
    dead = int(last.rows[layer.name]["dead"])
    known = [entry for entry in entries[:-1] if entry.rows.get(layer.name, {}).get("dead") is not None]
    enough = max(thresholds.dead_at_start * layer.width, thresholds.least)
    if not known:
        if dead >= enough:
            yield Alarm(AT_START, layer.name, last.step, value=dead, width=layer.width, rate=last.rate)
        return
    fewest = min(int(entry.rows[layer.name]["dead"]) for entry in _since_alarm(known, layer.name, DYING))
    if dead - fewest >= max(thresholds.dying * layer.width, thresholds.least):
        yield Alarm(DYING, layer.name, last.step, known[-1].step, fewest, dead, layer.width, last.rate)


def _since_alarm(known: Sequence[Entry], layer: str, kind: str) -> Sequence[Entry]:
    """The entries from the last such alarm on, so that what happened once is said once."""
    at = [n for n, entry in enumerate(known) if any(a["kind"] == kind and a["layer"] == layer for a in entry.alarms)]
    return known[at[-1] :] if at else known


def _collapsed(layer: LayerInfo, entries: Sequence[Entry], thresholds: Thresholds) -> Iterator[Alarm]:
    """Whether `needed` fell far below a level that it held.

    An untrained net needs more directions than a trained one, and while the first ones are found the answers can rest
    on one alone: a fall from the start on is no collapse.
    """
    last = entries[-1]
    row = last.rows[layer.name]
    known = [entry for entry in entries[:-1] if entry.rows.get(layer.name, {}).get("needed_low") is not None]
    trained = [entry.rows[layer.name] for entry in known if entry.step > entries[0].step]
    if not _level(trained):
        return
    base = _since_alarm(known[-len(trained) :], layer.name, COLLAPSE)[-BASE:]
    low, before = (median(float(entry.rows[layer.name][name]) for entry in base) for name in ("needed_low", "needed"))
    if row["needed_high"] < thresholds.collapse * low:
        value = float(row["needed"])
        yield Alarm(COLLAPSE, layer.name, last.step, known[-1].step, before, value, layer.width, last.rate)


def _level(rows: Sequence[Mapping[str, Any]]) -> bool:
    """Whether somewhere BASE readings in a row show no fall beyond their intervals."""
    steady = 1
    for before, after in pairwise(rows):
        steady = 1 if after["needed_high"] < before["needed_low"] else steady + 1
        if steady >= BASE:
            return True
    return False
