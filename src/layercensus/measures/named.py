"""How many of the concepts that people have words for can be read from the layer?"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from ..tally import Needs
from .chance import discoveries
from .column import Column
from .column import interval as interval_columns
from .concept_rows import Problem, problems
from .concept_scores import Direction, Score, Units, by_direction, by_unit, within_needed
from .dealt import Dealt
from .interval import CONTINUITY, bounds, example_weights
from .measure import Evidence, Measure, Outcome
from .rarefaction import rarefied

SOURCE = "docs/concepts.md"
WIDER = 2**0.5  # resampled AUCs spread so much further, see `_counted`


@dataclass(frozen=True)
class Part:
    """Some concepts, asked of units, of directions, and of what the net is given."""

    problem: Problem
    units: Units
    direction: Direction
    inputs: Direction


@dataclass(frozen=True)
class Passed:
    """Which concepts a score tells, part by part, and the AUC from which on it does."""

    limit: tuple[Tensor, ...]  # (concepts of the part,)
    told: tuple[Tensor, ...]  # (concepts of the part,) bool

    @property
    def count(self) -> int:
        """How many."""
        return sum(int(each.sum()) for each in self.told)


def compute(evidence: Evidence) -> Outcome:
    """Concepts that a unit, and a direction, tells on held-out examples beyond chance; see docs/concepts.md."""
    parts = [_part(problem, evidence.seed) for marks in evidence.marks for problem in problems(evidence.panel, marks)]
    if not parts:
        return Outcome()
    q, total = evidence.settings.q, int(evidence.marks[0].total)
    by_units = _passed([part.units.score for part in parts], q, _twin(evidence, parts))
    by_directions = _passed([part.direction.score for part in parts], q)
    by_inputs = _passed([part.inputs.score for part in parts], q)
    gained = [
        own & ~given & ~before
        for own, given, before in zip(by_directions.told, by_inputs.told, _in_twin(evidence, parts), strict=True)
    ]
    arrays = _arrays(parts, total, (by_units, by_directions, by_inputs), gained)
    arrays |= _needed(evidence.needs, evidence.layer.get("needed"), parts, total)
    layer, resamples = _counted(evidence, parts, by_units, by_directions)
    layer |= {
        "named_units_rarefied": _rarefied(evidence, parts, by_units), "input_named": by_inputs.count,
        "named_gained": sum(int(each.sum()) for each in gained), "named_asked": sum(len(t) for t in by_units.told),
    }  # fmt: skip
    return Outcome(layer, _of_units(evidence.width, parts, by_units), arrays | resamples)


def _part(problem: Problem, seed: int) -> Part:
    return Part(
        problem, by_unit(problem, seed + 11), by_direction(problem.fit, problem.check, seed + 13),
        by_direction(problem.fit, problem.check, seed + 14, inputs=True),
    )  # fmt: skip


def _passed(scores: Sequence[Score], q: float, at_least: Sequence[Tensor] | None = None) -> Passed:
    """Above the floor, and a discovery at rate q (Benjamini & Hochberg 1995) over the concepts of all parts."""
    p = torch.cat([score.p for score in scores])
    found = discoveries(p, q)
    rarest = q * max(1, int(found.sum())) / len(p)
    limits = [torch.maximum(score.floor, score.at(rarest)) for score in scores]
    if at_least is not None:
        limits = [torch.maximum(limit, least) for limit, least in zip(limits, at_least, strict=True)]
    told = torch.split(found, [len(score.auc) for score in scores])
    return Passed(tuple(limits), tuple(t & (s.auc >= m) for t, s, m in zip(told, scores, limits, strict=True)))


def _twin(evidence: Evidence, parts: Sequence[Part]) -> list[Tensor] | None:
    """What the best unit of the untrained twin reaches."""
    best = evidence.twin_arrays.get("concept_best")
    return None if best is None else [best[part.problem.concept].nan_to_num(0.0) for part in parts]


def _in_twin(evidence: Evidence, parts: Sequence[Part]) -> list[Tensor]:
    """(concepts,) bool of each part: what a direction of the twin's layer tells as well."""
    told = evidence.twin_arrays.get("concept_read")
    if told is None:
        return [torch.zeros(len(part.problem.concept), dtype=torch.bool) for part in parts]
    return [told[part.problem.concept] > 0 for part in parts]


def _counted(
    evidence: Evidence, parts: Sequence[Part], by_units: Passed, by_directions: Passed
) -> tuple[dict[str, float], dict[str, Tensor]]:
    """Both counts with their intervals, and the counts on resampled examples.

    A resample adds its own error to that of the estimate, so that many concepts just below the limit pass it: the
    counts are moved so that their mean is the estimate. The error of a count of those above a limit is the number that
    are on the wrong side of it; resampled scores of the same error change sides 2**0.5 times less often (the integrals
    of 2 (1 - F(x)) over x > 0, and of F(x) (1 - F(x)) over all x, F the normal law), so theirs is made so much larger.
    """
    layer: dict[str, float] = {}
    arrays: dict[str, Tensor] = {}
    dealt = Dealt.of(evidence.panel.half(1).group)
    asked = sum(len(told) for told in by_units.told)
    scores = {"named_units": [p.units.score for p in parts], "named": [p.direction.score for p in parts]}
    for (name, some), passed in zip(scores.items(), (by_units, by_directions), strict=True):
        counts = torch.zeros(evidence.settings.resamples, dtype=torch.float64)
        for part, score, limit, told in zip(parts, some, passed.limit, passed.told, strict=True):
            own = Dealt.of(part.problem.check.group)
            weights = example_weights(own, evidence.settings.resamples, evidence.seed + 12)
            above = (score.resampled(weights, WIDER) >= limit).sum(1)
            counts += own.widened(above, float(told.sum()), len(told))
        counts = (counts - counts.mean() + passed.count).clamp(0, asked)
        layer |= {name: passed.count} | _half_further(bounds(name, passed.count, counts, dealt, asked), asked)
        arrays[f"{name}_resamples"] = counts
    return layer, arrays


def _half_further(ends: dict[str, float], most: int) -> dict[str, float]:
    """The interval of a whole number, which reaches half a concept further (Yates' correction for continuity)."""
    low, high = ends.values()
    return dict(zip(ends, (max(0.0, low - CONTINUITY), min(most, high + CONTINUITY)), strict=True))


def _rarefied(evidence: Evidence, parts: Sequence[Part], passed: Passed) -> float:
    """Concepts that some of `rarefy_to` random units are expected to tell."""
    size = [_tell(part, limit, told).sum(1)[told] for part, limit, told in zip(parts, *_pairs(passed), strict=True)]
    return rarefied(torch.cat(size).numpy(), evidence.width, evidence.rarefy_to)


def _tell(part: Part, limit: Tensor, told: Tensor) -> Tensor:
    """(concepts, units) bool: which units tell a concept that one of them was chosen for."""
    return (part.units.held_out >= limit[:, None]) & told[:, None]


def _of_units(width: int, parts: Sequence[Part], passed: Passed) -> dict[str, Tensor]:
    """Each unit's concept, that of the highest AUC on the fitting half, with the held-out one; or none."""
    chosen = torch.full((width,), -1.0)
    found = {
        "concept": torch.full((width,), -1), "concept_auc": torch.full((width,), torch.nan),
        "concept_floor": torch.full((width,), torch.nan),
    }  # fmt: skip
    for part, limit, told in zip(parts, *_pairs(passed), strict=True):
        tells = _tell(part, limit, told)
        value, which = torch.where(tells, part.units.chosen, -1.0).max(0)
        better = value > chosen
        chosen = torch.where(better, value, chosen)
        at = (which[None], torch.arange(width)[None])
        new = {
            "concept": part.problem.concept[which], "concept_auc": part.units.held_out[at][0],
            "concept_floor": limit[which],
        }  # fmt: skip
        found = {name: torch.where(better, new[name], values) for name, values in found.items()}
    return found


def _pairs(passed: Passed) -> tuple[tuple[Tensor, ...], tuple[Tensor, ...]]:
    return passed.limit, passed.told


def _arrays(
    parts: Sequence[Part], total: int, passed: tuple[Passed, Passed, Passed], gained: Sequence[Tensor]
) -> dict[str, Tensor]:
    """(all concepts,) each, nan where a concept was not asked of the layer."""
    by_units, by_directions, by_inputs = passed
    found = {
        "concept_unit": [part.units.unit for part in parts],
        "concept_unit_auc": [part.units.score.auc for part in parts],
        "concept_unit_floor": list(by_units.limit), "concept_told": list(by_units.told),
        "concept_best": [part.units.best for part in parts],
        "concept_auc": [part.direction.score.auc for part in parts],
        "concept_floor": list(by_directions.limit), "concept_read": list(by_directions.told),
        "concept_input_auc": [part.inputs.score.auc for part in parts], "concept_input_read": list(by_inputs.told),
        "concept_gained": list(gained),
    }  # fmt: skip
    return {name: _spread(values, parts, total) for name, values in found.items()}


def _spread(values: Sequence[Tensor], parts: Sequence[Part], total: int) -> Tensor:
    out = torch.full((total,), torch.nan)
    for value, part in zip(values, parts, strict=True):
        out[part.problem.concept] = value.float()
    return out


def _needed(needs: Needs | None, needed: float | None, parts: Sequence[Part], total: int) -> dict[str, Tensor]:
    """How much of each direction lies in those that the answers rest on: a concept that is readable may not be used."""
    if needs is None or needed is None or math.isnan(needed):
        return {}
    share = [
        within_needed(part.direction.values, needs.scores(part.problem.check.x, int(needed)).float()) for part in parts
    ]
    return {"concept_needed": _spread(share, parts, total)}


def _ends(name: str, order: int) -> dict[str, Column]:
    """The ends of an interval whose lower one may be 0."""
    return {end: replace(column, rare=True) for end, column in interval_columns(name, "concepts", order).items()}


named = Measure(
    "named",
    compute,
    layer_columns={
        "named": Column(
            "named concepts that a direction of the layer, fitted on one half of the examples, tells on the other, "
            "beyond permuted concepts", "concepts", 0, source=SOURCE, kind="number", integer=True, order=70,
            beside_twin=True, resamples="named",
        ),
        **_ends("named", 71),
        "input_named": Column(
            "the same of what the net is given: needs no net", "concepts", 0, source=SOURCE, kind="number",
            integer=True, order=73, twin=False, rare=True,
        ),
        "named_gained": Column(
            "named concepts that can be read from the layer and neither from what the net is given nor from the "
            "untrained twin's layer", "concepts", 0, source=SOURCE, kind="number", integer=True, order=74, twin=False,
            rare=True,
        ),
        "named_units": Column(
            "named concepts that a single unit, chosen on one half of the examples, tells on the other, beyond the "
            "best unit under permuted concepts and, with a twin, the twin's best", "concepts", 0, source=SOURCE,
            kind="number", integer=True, order=75, beside_twin=True, resamples="named_units",
        ),
        **_ends("named_units", 76),
        "named_units_rarefied": Column(
            "the same expected among equally many random units of every layer", "concepts", 0, source=SOURCE,
            kind="number", order=78, shown=False,
        ),
        "named_asked": Column(
            "concepts that were asked: in enough examples, and missing in enough", "concepts", 0, source=SOURCE,
            kind="number", integer=True, order=79, shown=False, over_depth=False,
        ),
    },
    unit_columns={
        "concept": Column(
            "the named concept that the unit tells best; none where it tells none beyond chance and the twin",
            kind="concept", order=91,
        ),
        "concept_auc": Column(
            "chance that it is higher (or, for one that is lowest there, lower) where the concept is, on held-out "
            "examples", "", 0, 1, kind="fraction", order=92,
        ),
        "concept_floor": Column(
            "what this must exceed: the best unit under permuted concepts, the twin's best", "", 0, 1, kind="fraction",
            order=93, shown=False,
        ),
    },
)  # fmt: skip
