"""What the lab set out to show, and whether this run did."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from .completion import WAYS
from .gabor import ENOUGH
from .handwritten import FEATURES, NOISE, PIXELS

WANTED = 0.8  # fraction of the first layer's filters that must be Gabor functions
NEAR = 0.2  # of the target, by which the mean probability may differ
LIKELIER = 0.95  # fraction of held-out digits that must have less free energy than their control
RADIAL = f"{FEATURES}, RBF"
WORDS = {
    "without": "mean field from below", "with_top": "mean field with the top-down term",
    "sampled": "samples of all layers", "sampled_first": "samples of the first layer",
}  # fmt: skip
Results = Mapping[str, Any]


@dataclass(frozen=True)
class Claim:
    """A statement, whether it held, and the numbers that say so."""

    statement: str
    holds: bool
    evidence: str


def claims(results: Results) -> list[Claim]:
    """Every claim with its outcome, from a run's results."""
    return [
        _edges(results), _sparse(results), *_rises(results), *_labels(results), *_completions(results),
        *_likelier(results),
    ]  # fmt: skip


def _edges(results: Results) -> Claim:
    natural = results["natural"]
    fraction, chance = natural["edges"], natural["untrained"]["edges"]
    return Claim(
        f"On photographs at least {WANTED:.0%} of the first layer's filters are localised oriented edges"
        f" (Gabor functions, R² ≥ {ENOUGH})",
        fraction >= WANTED,
        f"{fraction:.0%} of {len(natural['r2'])}, by R² alone {natural['gabor']:.0%};"
        f" of untrained filters {chance:.0%}",
    )  # fmt: skip


def _sparse(results: Results) -> Claim:
    natural = results["natural"]
    off = natural["activity"] / natural["target"] - 1
    return Claim(
        f"Its detection units are on within {NEAR:.0%} of the target", abs(off) <= NEAR,
        f"mean probability {natural['activity']:.5f}, target {natural['target']} ({off:+.0%})",
    )  # fmt: skip


def _rises(results: Results) -> list[Claim]:
    """A set of classes each: it holds where the 95 % intervals of both steps stay above 0."""
    claims = []
    for objects in results["objects"]:
        rising, certain, words = 0, 0, []
        for name in objects["classes"]:
            rows = [row for row in objects["specificity"] if row["class"] == name and row["net"] == "trained"]
            areas = [row["area"] for row in rows]
            rising += all(a < b for a, b in pairwise(areas))
            certain += all(row["rise"][0] > 0 for row in rows[1:])
            words.append(f"{name} {' '.join(f'{area:.2f}' for area in areas)}")
        claims.append(
            Claim(
                f"On {objects['set']} the features grow more specific from layer to layer, for at least three classes",
                certain >= 3,
                f"{rising} of {len(words)} rise, {certain} with both steps' intervals above 0: {'; '.join(words)}",
            )
        )  # fmt: skip
    return claims


def _labels(results: Results) -> list[Claim]:
    """Against each opponent, with the same kernel: it holds where the features err less with every number of labels."""
    table = {(row["features"], row["labels"]): row["mean"] for row in results["digits"]["table"]}
    names = {name for name, _ in table}
    pairs = [
        (mine, other + kernel) for other in (PIXELS, NOISE) for mine, kernel in ((FEATURES, ""), (RADIAL, ", RBF"))
    ]
    return [_fewer(table, mine, other) for mine, other in pairs if {mine, other} <= names]


def _fewer(table: Mapping[tuple[str, int], float], mine: str, other: str) -> Claim:
    counts = sorted({count for _, count in table})
    lower = [table[mine, n] < table[other, n] for n in counts]
    words = ", ".join(f"{n:,}: {table[mine, n]:.1%} against {table[other, n]:.1%}" for n in counts)
    kernel = "radial kernels" if mine == RADIAL else "linear kernels"
    what = other.removesuffix(", RBF")
    return Claim(
        f"With every number of labels the features make fewer errors than {what} ({kernel} for both)", all(lower), words
    )


def _completions(results: Results) -> list[Claim]:
    rows = results["digits"]["completion"]
    beaten = [row for row in rows if row["over_low"] > 0]
    against = "; ".join(
        f"{row['half']} {min(row[way] for way in WAYS):.4f} ({WORDS[row['best']]}) against {row['average']:.4f}"
        for row in rows
    )
    helped = [row for row in rows if row["low"] > 0]
    less = "; ".join(f"{row['half']} {row['with_top']:.4f} against {row['without']:.4f}" for row in rows)
    return [
        Claim(
            "A hidden half is completed with less error than the mean training digit leaves in its place",
            len(beaten) == len(rows), f"{len(beaten)} of {len(rows)} halves, by the best of four ways: {against}",
        ),
        Claim(
            "By mean field, layers that receive from the one above complete with less error than layers that do not",
            len(helped) == len(rows), f"{len(helped)} of {len(rows)} halves: {less}",
        ),
    ]  # fmt: skip


def _likelier(results: Results) -> list[Claim]:
    """Each control: it holds where the first layer finds 95 % of held-out digits more likely than their own control,
    and more of them than filters of noise do."""
    rows, noise = results["digits"]["likelier"], results["digits"]["twin_likelier"]
    return [
        Claim(
            f"The first layer finds held-out digits more likely than the same digits with {name}, and filters of noise"
            " do so less often",
            rows[0]["below"][name] >= LIKELIER and rows[0]["below"][name] > noise[0]["below"][name],
            f"fraction with less free energy, layers 1 to {len(rows)}: {_fractions(rows, name)};"
            f" filters of noise {_fractions(noise, name)}",
        )
        for name in rows[0]["below"]
    ]  # fmt: skip


def _fractions(rows: Sequence[Results], name: str) -> str:
    return ", ".join(f"{row['below'][name]:.2f}" for row in rows)
