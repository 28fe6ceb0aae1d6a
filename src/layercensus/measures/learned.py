"""How many of the directions that a net needs came back in another training run, and in no untrained net?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import torch
from torch import Tensor

from .column import Column
from .column import interval as interval_columns
from .common_rows import FEWEST, CommonRows, common_rows, drawn_in
from .found_again import Found, Nets, find, learned_beyond
from .learned_directions import learned_directions
from .measure import Evidence, Measure, Outcome
from .needed import FIDELITY

ROWS = 128  # fitting rows below which too little of what untrained nets give can be regressed out
AGREES = 1.0  # directions by which it may differ which nets count as untrained
ROUNDING = 1e-9
UNTRAINED = "learned is missing: it takes three untrained nets or more (twin=True, and twins of 4 or more)"
UNHELD = (
    f"learned is missing: no number of directions holds a fidelity of {FIDELITY} in two untrained nets, so its null is "
    "not known (give more examples)"
)


def compute(evidence: Evidence) -> Outcome:
    """Canonical pairs of the directions that training runs need, before and after regressing out untrained nets."""
    if evidence.needs is None:
        return Outcome()
    nets = _nets(evidence)
    if len(nets.spots) < 2 and evidence.is_twin:
        pair = _untrained_pair(evidence, nets)
        return Outcome() if pair is None else _outcome(evidence, pair)
    if len(nets.spots) < 2:
        return Outcome()  # the verdict says what would tell it
    return _outcome(evidence, nets)


def _outcome(evidence: Evidence, nets: Nets) -> Outcome:
    rows = _rows(evidence, nets)
    missing = _why_no_pairs(nets, rows)
    if missing:
        return Outcome(notes=(f"shared and learned are missing: {missing}",))
    found, null = find(nets, rows), _null(evidence, nets)
    shared, arrays = {"shared": float(found.shared.mean())}, _arrays(found, "shared", 0)
    missing = _why_not_learned(nets, rows, null, evidence)
    if missing:
        return Outcome(shared, arrays=arrays, notes=(missing,))
    resampled = found.resampled(evidence.settings.resamples, evidence.seed + 4)
    arrays |= _arrays(found, "learned", 1) | {"learned_resamples": resampled}
    if not evidence.is_twin:
        arrays |= learned_directions(found.pairs[0], nets.needs[0], evidence.panel)
    layer = shared | _learned(found, resampled, evidence.seed)
    layer |= _beyond_shuffled(evidence, nets)
    notes = _doubts(layer)
    if null is None or null.held == 0:
        return Outcome(layer | {"learned_held": found.held}, arrays=arrays, notes=notes)
    return Outcome(layer, arrays=arrays, notes=(*notes, _read("learned_held", null.held)))


def _beyond_shuffled(evidence: Evidence, nets: Nets) -> dict[str, float]:
    """The same count with nets of the trained one's own weights, shuffled, in the place of untrained ones."""
    if evidence.is_twin or not evidence.shuffled:
        return {}
    others = tuple(rows.of(evidence.panel.key) for rows in evidence.shuffled)
    nets = replace(nets, untrained=others)
    rows = _rows(evidence, nets)
    return {} if rows.few else {"learned_shuffled": learned_beyond(nets, rows)}


def _doubts(layer: Mapping[str, float]) -> tuple[str, ...]:
    """What is said where it matters which nets count as never trained."""
    other = layer.get("learned_shuffled", layer["learned"])
    within = layer["learned_low"] - ROUNDING <= other <= layer["learned_high"] + ROUNDING
    if within or abs(other - layer["learned"]) <= AGREES:
        return ()
    return (
        f"learned follows from which nets count as untrained: {layer['learned']:.1f} beyond re-initialised ones, "
        f"{other:.1f} beyond the net's own weights shuffled",
    )


def _nets(evidence: Evidence) -> Nets:
    """The net and those of its replicas of which it is known what they need; two untrained nets for the twin."""
    assert evidence.needs is not None
    if evidence.is_twin and not evidence.replicas:
        alone = Nets((evidence.panel.spots,), (evidence.needs,), _beside(evidence), evidence.panel.group)
        return _untrained_pair(evidence, alone) or alone
    replicas = zip(evidence.replicas, evidence.replica_needs, strict=False)
    known = [(panel.spots, needs) for panel, needs in replicas if needs is not None]
    spots, needs = zip((evidence.panel.spots, evidence.needs), *known, strict=True)
    return Nets(spots, needs, _beside(evidence), evidence.panel.group)


def _beside(evidence: Evidence) -> tuple[Tensor, ...]:
    """The rows of every untrained net, of the panel's examples."""
    return tuple(rows.of(evidence.panel.key) for rows in evidence.untrained)


def _rows(evidence: Evidence, nets: Nets) -> CommonRows:
    halves = [torch.isin(evidence.panel.key, evidence.panel.half(half).key).nonzero().flatten() for half in (0, 1)]
    rows = common_rows(halves[0], halves[1], [*nets.spots, *nets.untrained])
    if rows.few:
        return rows
    return drawn_in(rows, [*(n.scores(s) for s, n in zip(nets.spots, nets.needs, strict=True)), *nets.untrained])


def _why_no_pairs(nets: Nets, rows: CommonRows) -> str:
    """Empty where there is something to compare."""
    if rows.few:
        return f"{len(rows.fit) + len(rows.check)} examples are too few (give {4 * FEWEST} or more)"
    if nets.directions(FIDELITY) is None:
        return f"no number of directions holds a fidelity of {FIDELITY} in every run"
    return ""


def _why_not_learned(nets: Nets, rows: CommonRows, null: Found | None, evidence: Evidence) -> str:
    """Empty where what untrained nets give can be told, and they have nothing more in common."""
    spots = nets.spots[0].shape[1]
    if not nets.untrained or (null is None and not evidence.is_twin):
        pair = _untrained_pair(evidence, nets)
        return UNHELD if pair is not None and pair.directions(FIDELITY) is None else UNTRAINED
    if len(rows.fit) * spots < ROWS:
        return f"learned is missing: {2 * len(rows.fit)} examples are too few (give {-(-2 * ROWS // spots)} or more)"
    doubtful = null is not None and float(null.learned.sum()) > 0
    return _read("learned", float(null.learned.mean())) if null is not None and doubtful else ""


def _read(column: str, directions: float) -> str:
    return f"{column} is missing: untrained nets read {directions:.1f} directions here too, not 0"


def _null(evidence: Evidence, nets: Nets) -> Found | None:
    """The same between untrained nets beyond the others; None for the twin, which is one, and where these are few."""
    pair = None if evidence.is_twin else _untrained_pair(evidence, nets)
    if pair is None:
        return None
    rows = _rows(evidence, pair)
    return None if _why_no_pairs(pair, rows) else find(pair, rows)


def _untrained_pair(evidence: Evidence, nets: Nets) -> Nets | None:
    """The untrained nets of which it is known what they need, beside the others; None where these are too few."""
    pair = [n for n in zip(nets.untrained, evidence.untrained_needs, strict=False) if n[1] is not None]
    others = nets.untrained[len(evidence.untrained_needs) :]
    if len(pair) < 2 or not others:
        return None
    spots, needs = zip(*pair, strict=True)
    return Nets(spots, needs, others, nets.group)


def _learned(found: Found, resampled: Tensor, seed: int) -> dict[str, float]:
    low, high = found.interval(resampled)
    given = [run.left.r2 for run in found.runs if run.left is not None]
    return {
        "learned": float(found.learned.mean()), "learned_low": low, "learned_high": high,
        "learned_least": float(found.learned.min()), "learned_most": float(found.learned.max()),
        "permuted_learned": found.by_chance(seed + 5),
        "untrained_r2": sum(given) / len(given),
    }  # fmt: skip


def _arrays(found: Found, name: str, which: int) -> dict[str, Tensor]:
    """Counts over cuts, and r^2 of every canonical pair on the checking examples: (pairs of runs, most) nan-padded."""
    pairs = [pair.shared if which == 0 else pair.beyond for pair in found.pairs]
    r2 = [pair.r2 for pair in pairs if pair is not None]
    padded = torch.full((len(r2), max(map(len, r2))), torch.nan, dtype=torch.float64)
    for row, values in zip(padded, r2, strict=True):
        row[: len(values)] = values
    return {f"{name}_curve": found.curves[which], f"{name}_r2": padded}


SOURCE = "docs/directions.md"

learned = Measure(
    "learned",
    compute,
    layer_columns={
        "shared": Column(
            "directions that two training runs need and both have: canonical pairs of their scores with r^2 >= 0.5 on "
            "held-out examples, mean over pairs of runs",
            "directions", 0, source=SOURCE, order=61, beside_twin=True,
        ),
        "learned": Column(
            "shared directions that are left when all units of the untrained nets are regressed out: found again in "
            "another training run, and in no untrained net; the twin's: of two untrained nets beyond the others",
            "directions", 0, source=SOURCE, order=62, beside_twin=True, resamples="learned", terminal="learned",
            trend=("learned", "directions"),
        ),
        **interval_columns("learned", "directions", 63),
        "learned_least": Column(
            "learned of the pair of runs that has least in common", "directions", 0, order=65, compare=False,
            over_depth=False, shown=False,
        ),
        "learned_most": Column(
            "learned of the pair of runs that has most in common", "directions", 0, order=66, compare=False,
            over_depth=False, shown=False,
        ),
        "learned_shuffled": Column(
            "learned where nets of the net's own weights, shuffled within each tensor, are regressed out in place of "
            "untrained ones: a check of untrained nets that were re-initialised here, with no factory of the net's own",
            "directions", 0, source=SOURCE, order=70, compare=False, over_depth=False, shown=False, rare=True,
        ),
        "learned_held": Column(
            "learned of all directions of the layer, also of those that the answers do not rest on", "directions", 0,
            source=SOURCE, order=67, shown=False, beside_twin=True,
        ),
        "permuted_learned": Column(
            "learned where the second run saw other examples: chance", "directions", 0, source=SOURCE, order=68,
            compare=False, over_depth=False, shown=False, rare=True,
        ),
        "untrained_r2": Column(
            "variance of the needed scores that the units of the untrained nets give on held-out examples, mean over "
            "runs; below 0: worse than their mean",
            "", high=1, source=SOURCE, order=69, compare=False, over_depth=False, shown=False, rare=True,
        ),
    },
)  # fmt: skip
