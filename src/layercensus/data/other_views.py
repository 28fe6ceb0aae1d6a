"""The default views at other strengths and each kind alone, on a scale that the data themselves set."""

from __future__ import annotations

from dataclasses import dataclass
from numbers import Real
from typing import Any

import numpy as np
import torch
from torch import Tensor

from .batch import Batch, joined, tensors
from .keys import key
from .perturb import LOUDER, NOISY, REPLACED, SHIFTED
from .source import Source
from .views import Views, default_views, jittered, make_view

STRENGTHS = (0.25, 0.5, 1.0, 2.0)
RELIABLE = 0.8  # of the input's own variance is reproduced in a second view at strength 1
FEW, FEWEST, NUMBERS = 256, 16, 2_000_000  # examples that set the scale: fewer where each is of many numbers
FINEST, COARSEST = 1 / 16, 16.0  # nominal strengths between which it is looked for


@dataclass(frozen=True)
class OtherViews:
    """Views beside those of a count: at strength 1 the input's own reliability is .8."""

    scale: float  # nominal strength at which it is
    views: dict[str, Views]  # by what they are, in words


def other_views(asked: Any, source: Source) -> OtherViews | None:
    """The strengths .25, .5, 1 and 2, and at strength 1 each kind of perturbation alone; None for views of one's own.

    asked: the views that the count was asked for.
    """
    if not (asked is None or (isinstance(asked, Real) and not isinstance(asked, bool))):
        return None
    scale = calibrated(source)
    if scale is None:
        return None
    views = {f"strength {_short(strength)}": default_views(source, strength * scale) for strength in STRENGTHS}
    for kind in _kinds(source):
        views[f"{kind} alone"] = jittered(source, scale, frozenset({kind}))
    return OtherViews(scale, views)


def calibrated(source: Source) -> float | None:
    """The nominal strength at which the input's own reliability is .8; None where no strength changes the input.

    Reliability is that of the input's numbers over FEW examples in two views, each weighing as much as it varies;
    tokens are replaced, and (1 - fraction)^2 of them are the same in both.
    """
    if source.kind == "tokens":
        return float((1 - RELIABLE**0.5) / REPLACED)
    few = _few(source)
    if len(few.ids) < 2:
        return None
    near, r = 1.0, _reliability(source, few, 1.0)
    step = 2.0 if r > RELIABLE else 0.5
    while FINEST < near < COARSEST or near == 1.0:
        far, after = near * step, _reliability(source, few, near * step)
        if (after > RELIABLE) != (r > RELIABLE):
            return _between(source, few, *sorted([(near, r), (far, after)]))
        near, r = far, after
    return near if RELIABLE < r < 1 else None  # else nothing is reproduced, nothing varies, or nothing is perturbed


Point = tuple[float, float]  # strength, reliability


def _between(source: Source, few: Batch, below: Point, above: Point) -> float:
    """The strength between two at which the reliability is RELIABLE."""
    for _ in range(2):
        middle = (below[0] * above[0]) ** 0.5
        r = _reliability(source, few, middle)
        below, above = ((middle, r), above) if r > RELIABLE else (below, (middle, r))
    part = (below[1] - RELIABLE) / (below[1] - above[1])
    return float(below[0] * (above[0] / below[0]) ** part)


def _reliability(source: Source, few: Batch, strength: float) -> float:
    """Of all numbers of the input together: covariance of two views over variance; nan where nothing varies."""
    views = default_views(source, strength)
    a, b = (tensors(make_view(views, few, 0, view).inputs) for view in (0, 1))
    sums = np.array([_sums(x, y) for x, y in zip(a, b, strict=True) if x.is_floating_point()])
    return float(sums[:, 0].sum() / sums[:, 1].sum()) if len(sums) and sums[:, 1].sum() > 0 else float("nan")


def _sums(a: Tensor, b: Tensor) -> tuple[float, float]:
    a, b = a.double(), b.double()
    middle = (a.mean(0) + b.mean(0)) / 2
    a, b = a - middle, b - middle
    return float((a * b).sum()), float((a.square().sum() + b.square().sum()) / 2)


def _few(source: Source) -> Batch:
    """The examples with the smallest keys, or the first ones of one shape where ids are not known before reading."""
    size = sum(x.numel() for x in tensors(source.first(1).inputs))
    number = min(FEW, max(FEWEST, NUMBERS // max(1, size)))
    if source.ids is not None:
        return source.pick(sorted(source.ids, key=key)[:number])
    read = list(source.peek(number, number))
    shape = _shape(read[0])
    return joined([batch for batch in read if _shape(batch) == shape])


def _shape(batch: Batch) -> list[tuple[int, ...]]:
    """Of an example's tensors, with that of its mask."""
    return [tuple(x.shape[1:]) for x in (*tensors(batch.inputs), *([] if batch.mask is None else [batch.mask]))]


def _kinds(source: Source) -> tuple[str, ...]:
    """What is perturbed in more than one way can be perturbed in one."""
    if source.kind == "tokens":
        return ()
    axes = {x.ndim - 1 for x in tensors(source.first(1).inputs) if torch.is_floating_point(x)}
    return (SHIFTED, LOUDER, NOISY) if axes and axes <= {2, 3} else ()


def _short(strength: float) -> str:
    return f"{strength:g}".replace("0.", ".")
