"""Where a tensor holds the examples: found by changing examples and looking what changes with them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from .layer import View

NOT_EXAMPLES = "none of its axes holds the {n} examples: shape {shape}"
CONSTANT = "it does not depend on the examples: shape {shape}"
TIME_FIRST = "attention runs across the examples (batch_first=False): give the net its data with time first"
_FOLDS = ("outer", "inner")


@dataclass(frozen=True)
class Rows:
    """A small print of a tensor along each axis that may hold the examples."""

    prints: Mapping[View, Tensor]  # (examples, others) float64, a projection of all that lies at each index
    noise: float  # size of a rounding error in them


def rows(x: Tensor, examples: int) -> Rows:
    """Prints of every view of `x` whose axis 0 may hold the examples."""
    scale = 3e-2 if x.dtype in (torch.float16, torch.bfloat16) else 1e-4
    prints = {view: _print(view.apply(x, examples)) for view in _candidates(tuple(x.shape), examples)}
    largest = max((float(p.abs().amax()) for p in prints.values() if p.numel()), default=0.0)
    return Rows(prints, scale * largest)


def find_view(first: Rows, second: Rows | None, shape: tuple[int, ...], examples: int, time_first: bool) -> View | str:
    """The view with the examples on axis 0, or why there is none.

    first, second: prints of the layer for examples a, b, c, ... and for a, a, a, ...: the right axis is the one whose
        index 0 stays, and whose other indices become like it. Where nothing tells axes apart, axis 0 is preferred, or
        axis 1 inside a module with batch_first=False.
    """
    views = sorted(first.prints, key=lambda v: (bool(v.fold), v.batch_axis != (1 if time_first else 0)))
    if not views:
        return NOT_EXAMPLES.format(n=examples, shape=shape)
    if second is None or examples == 1 or any(v not in second.prints for v in views):
        return views[0]
    verdicts = {view: _compare(first.prints[view], second.prints[view], first.noise) for view in views}
    for wanted in ("rows", "row 0", "flat", "mixed"):
        for view, verdict in verdicts.items():
            if verdict == wanted:
                return TIME_FIRST if wanted == "mixed" and time_first else view
    return CONSTANT.format(shape=shape)


def _candidates(shape: tuple[int, ...], examples: int) -> list[View]:
    exact = [View(axis) for axis, size in enumerate(shape) if size == examples]
    folded = len(shape) > 1 and shape[0] != examples and shape[0] % examples == 0 and shape[0] > 0
    return exact + [View(fold=fold) for fold in _FOLDS if folded]


def _print(x: Tensor) -> Tensor:
    others = x.shape[1] if x.ndim > 2 else 1
    flat = x.detach().reshape(x.shape[0], others, -1).float()
    weights = torch.cos(torch.arange(flat.shape[2], device=x.device, dtype=torch.float32) * 2.399963)
    return (flat @ weights).double().cpu()


def _compare(first: Tensor, second: Tensor, noise: float) -> str:
    if not bool(torch.isfinite(first).all() and torch.isfinite(second).all()):
        return "flat"
    varies, changed = _differ(first, first[:1], noise), _differ(first, second, noise)
    if not varies and not changed:
        return "flat"
    if not changed:
        return "constant"
    if not _differ(second, first[:1], noise):
        return "rows"
    return "mixed" if _differ(second[:1], first[:1], noise) else "row 0"


def _differ(a: Tensor, b: Tensor, noise: float) -> bool:
    return bool(((a - b).abs() > noise).any())
