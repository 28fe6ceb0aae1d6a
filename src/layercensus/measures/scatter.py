"""What speaks against a nonlinear dimension: near-copies, distances of few values, scales that disagree."""

from __future__ import annotations

import math
from collections.abc import Mapping

from torch import Tensor

STEP = math.log(4)  # from one neighbour to the next: farther than a surface of one dimension or more leaves often
LOOKED_AT = 40  # neighbours, so that groups of as many near-copies are seen
DIFFERENT = 1e-6  # of the largest distance: nearer ones are the same but for rounding
NEAR = 20  # neighbours whose distances must differ
COMPARED = 16  # neighbours up to which scales are compared: beyond, classes are what the distances show


def near_copies(r: Tensor, dimension: float) -> float:
    """Fraction of examples with a gap in the logarithms of their neighbours' distances, beyond what a surface leaves.

    r: (examples, neighbours) ascending. On a surface of dimension d the step to the k+1st neighbour is beyond log 4
    with the chance 4^-(k d), so some step is for 1 / (4^d - 1) of the examples; near-copies put one behind themselves.
    """
    steps = (r[:, 1 : LOOKED_AT + 1] / r[:, :LOOKED_AT][:, : r.shape[1] - 1].clamp(min=1e-300)).log()
    found = float((steps > STEP).any(1).double().mean())
    return max(0.0, found - 1 / (4 ** max(1.0, dimension) - 1))


def tied(r: Tensor) -> float:
    """Fraction of the distances to near examples that repeat another, beyond the half that two examples may share."""
    near = r[:, :NEAR].flatten().sort().values
    different = float((near.diff() > DIFFERENT * near[-1]).double().mean())
    return max(0.0, 1 - 2 * different)


def scale_ratio(curve: Mapping[int, float]) -> float:
    """The largest of Gride's estimates at scales of up to 16 neighbours over the smallest: 1 where all agree."""
    estimates = [value for n1, value in curve.items() if n1 <= COMPARED]
    return max(estimates) / min(estimates) if estimates and min(estimates) > 0 else 1.0
