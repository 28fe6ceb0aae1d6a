"""A small print of a tensor along each axis that may hold the examples: what two passes are compared by."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from .layer import View

_FOLDS = ("outer", "inner")
SUMS = 4  # rounding errors that a value may have, of what it is made from
KEPT = 2**20  # weights of a projection that are kept, 4 MB
_known: dict[tuple[torch.dtype, torch.device], Tensor] = {}  # the longest computed until now
ROUNDING = {torch.float16: 3e-2, torch.bfloat16: 3e-2, torch.float64: 1e-9}  # of the largest print; 1e-4 in float32


@dataclass(frozen=True)
class Prints:
    """What a tensor holds at each index of each axis that may hold the examples, projected on a few numbers."""

    by_view: Mapping[View, Tensor]  # (examples, others) float64
    noise: Mapping[View, Tensor]  # (others,) float64, size of a rounding error in each
    shape: tuple[int, ...] = ()
    whole: tuple[float, float] = (0.0, 0.0)  # where there is no such axis: all of it, and the size of a rounding error


def prints_of(x: Tensor, examples: int, *, sized: bool = True) -> Prints:
    """Prints of every view of `x`, any floating dtype, whose axis 0 may hold the examples.

    sized: whether their noise knows how large the values are that a projection sums. Cost: two reads a view, four with.

    >>> sorted(prints_of(torch.ones(3, 5, 3), 3).by_view, key=str)
    [View(batch_axis=0, fold='', join=()), View(batch_axis=2, fold='', join=())]
    """
    scale, eps = ROUNDING.get(x.dtype, 1e-4), torch.finfo(x.dtype).eps
    by_view: dict[View, Tensor] = {}
    noise: dict[View, Tensor] = {}
    for view in _candidates(tuple(x.shape), examples):
        parts = _parts(_precise(view.apply(x.detach(), examples)))
        by_view[view] = torch.cat([torch.einsum("nor,r->no", part, _weights(part.shape[2], x)) for part in parts], 1)
        by_view[view] = by_view[view].double().cpu()
        sizes = (
            [torch.linalg.vector_norm(part, dim=(0, 2)) for part in parts] if sized else [by_view[view].new_zeros(1)]
        )
        noise[view] = _noise(by_view[view], torch.cat(sizes).double().cpu(), scale, eps)
    return Prints(by_view, noise, tuple(x.shape), (0.0, 0.0) if by_view else _whole(x, scale))


def same(first: Prints | None, second: Prints | None) -> bool:
    """Whether two passes gave the same tensor, whatever its axes hold; two that are not finite are."""
    if first is None or second is None:
        return first is second
    if first.shape != second.shape:
        return False
    if first.by_view:
        view = next(iter(first.by_view))
        return view in second.by_view and not _differ(first.by_view[view], second.by_view[view], first.noise[view])
    (a, noise), (b, _) = first.whole, second.whole
    return not abs(a - b) > noise


def same_rows(first: Tensor, second: Tensor, noise: Tensor) -> bool:
    """Whether prints of some rows, (rows, others), are those of the same examples."""
    return first.shape == second.shape and not _differ(first, second, noise)


def compare(first: Tensor, second: Tensor, noise: Tensor) -> str:
    """How an axis answers when every example is replaced by the first.

    first, second: prints (examples, others) of examples a, b, c, ... and of a, a, a, ...

    "rows": index 0 stays and the others become like it, as where the axis holds the examples. "row 0": index 0 stays.
    "mixed": all change. "constant": none does. "flat": all were equal from the start, or are not finite.
    """
    if not bool(torch.isfinite(first).all() and torch.isfinite(second).all()):
        return "flat"
    varies, changes = _differ(first, first[:1], noise), _differ(first, second, noise)
    if not varies and not changes:
        return "flat"
    if not changes:
        return "constant"
    if not _differ(second, first[:1], noise):
        return "rows"
    return "mixed" if _differ(second[:1], first[:1], noise) else "row 0"


def _candidates(shape: tuple[int, ...], examples: int) -> list[View]:
    exact = [View(axis) for axis, size in enumerate(shape) if size == examples]
    folded = len(shape) > 1 and shape[0] != examples and shape[0] % examples == 0 and shape[0] > 0
    return exact + [View(fold=fold) for fold in _FOLDS if folded]


def _parts(x: Tensor) -> list[Tensor]:
    """(examples, others, rest) with axis 1, and with the last one, as `others`.

    Units lie on one of them in most layouts, and a large one then hides no other.
    """
    if x.ndim < 3:
        return [x.reshape(len(x), -1, 1)]
    return [x.flatten(2), x.flatten(1, -2).transpose(1, 2)]


def _weights(count: int, like: Tensor) -> Tensor:
    """(count,) the same for every tensor; computed once, since every print of every pass asks for them."""
    dtype = torch.float64 if like.dtype == torch.float64 else torch.float32
    if count > KEPT:
        return _cosines(count, dtype, like.device)
    known = _known.get((dtype, like.device))
    if known is None or len(known) < count:
        known = _known[dtype, like.device] = _cosines(min(KEPT, 2 * count), dtype, like.device)
    return known[:count]


def _cosines(count: int, dtype: torch.dtype, device: torch.device) -> Tensor:
    return torch.cos(torch.arange(count, device=device, dtype=dtype) * 2.399963)


def _noise(projections: Tensor, sizes: Tensor, scale: float, eps: float) -> Tensor:
    """What rounding may change in each: a part of its own size, and less of what is usual in the layer."""
    if not projections.numel():
        return sizes
    largest = projections.abs().amax(0)
    usual = scale / 10 * largest.nan_to_num(0, 0, 0).median() + eps * largest.nan_to_num(0, 0, 0).max()
    return torch.maximum(torch.maximum(scale * largest, SUMS * eps * sizes), usual)


def _whole(x: Tensor, scale: float) -> tuple[float, float]:
    flat = _precise(x.detach().reshape(-1))
    return float(flat @ _weights(len(flat), flat)), scale * float(torch.linalg.vector_norm(flat)) + 1e-30


def _precise(x: Tensor) -> Tensor:
    return x if x.dtype == torch.float64 else x.float()


def _differ(a: Tensor, b: Tensor, noise: Tensor) -> bool:
    return bool(((a - b).abs() > noise).any())
