"""What the lab set out to show, and whether this run did."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from .gabor import ENOUGH

WANTED = 0.8  # fraction of the first layer's filters that must be Gabor functions
NEAR = 0.2  # of the target, by which the mean probability may differ
Results = Mapping[str, Any]


@dataclass(frozen=True)
class Claim:
    """A statement, whether it held, and the numbers that say so."""

    statement: str
    holds: bool
    evidence: str


def claims(results: Results) -> list[Claim]:
    """Every claim with its outcome, from a run's results."""
    return [_edges(results), _sparse(results), *_rises(results), _labels(results), *_completions(results)]


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


def _labels(results: Results) -> Claim:
    table = {(row["features"], row["labels"]): row["mean"] for row in results["digits"]["table"]}
    counts = sorted({count for _, count in table})
    lower = [table["CDBN", n] < table["raw pixels", n] for n in counts]
    words = ", ".join(f"{n:,}: {table['CDBN', n]:.1%} against {table['raw pixels', n]:.1%}" for n in counts)
    return Claim("With every number of labels the features make fewer errors than raw pixels", all(lower), words)


def _completions(results: Results) -> list[Claim]:
    return [_completion(row) for row in results["digits"]["completion"]]


def _completion(row: Mapping[str, Any]) -> Claim:
    return Claim(
        f"The hidden {row['half']} half is completed with less error when layers receive from the one above",
        row["low"] > 0,
        f"mean squared error {row['with_top']:.4f} against {row['without']:.4f} on {row['images']} images, less by"
        f" {row['gain']:.4f} [{row['low']:.4f}, {row['high']:.4f}]; the mean training digit in its place has"
        f" {row['average']:.4f}",
    )
