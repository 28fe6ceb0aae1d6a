"""Which positions of a map see the image alone, and how many of the strongest responses come from the map's edge."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binomtest

from ..layers.field import Field
from .objective import Objective
from .responses import Inside, Responses
from .subject import Subject

TOP = 5  # examples of each unit whose peaks are looked at
RARE = 0.01  # probability, were all positions alike, below which a share of peaks at the edge is told


def inside(field: Field, side: Sequence[int]) -> NDArray[np.bool_] | None:
    """(positions,): those of a map whose receptive field lies inside an image of (height, width), or covers it.

    Where none does, as in late layers, those that are not on the map's edge; None where there are none either, and
    for tokens, which have no edge.

    >>> from layercensus.layers.field import Line
    >>> padded = Field((4,), ((0, Line(0, stride=1, start=-1, size=3)),))
    >>> inside(padded, [4]).tolist()
    [False, True, True, False]
    """
    if len(field.shape) != len(side) or math.prod(field.shape) == 1:
        return None
    windows = [field.window(position, side) for position in range(math.prod(field.shape))]
    whole = all(window == tuple((0, n) for n in side) for window in windows)
    contained = [all(low >= 0 and high <= n for (low, high), n in zip(w, side, strict=True)) for w in windows]
    best = np.array(contained) if any(contained) and not whole else ~on_edge(field.shape)
    return best if best.any() else None


def places_of(subject: Subject) -> Inside | None:
    """`inside` for each layer and size of image, computed once; None for nets that take no images."""
    if subject.space is None:
        return None
    known: dict[tuple[str, tuple[int, ...]], NDArray[np.bool_] | None] = {}

    def places(layer: str, side: tuple[int, ...]) -> NDArray[np.bool_] | None:
        if (layer, side) not in known:
            field = subject.field(layer, (side[0], side[1]))
            known[layer, side] = None if field is None else inside(field, side)
        return known[layer, side]

    return places


def on_edge(shape: Sequence[int]) -> NDArray[np.bool_]:
    """(positions,): those in the first or last row or column of a map.

    >>> on_edge([3, 3]).sum()
    np.int64(8)
    """
    return _extremes(shape).any(0).ravel()


def in_corner(shape: Sequence[int]) -> NDArray[np.bool_]:
    """(positions,): the corners of a map."""
    return _extremes(shape).all(0).ravel()


def edge_findings(subject: Subject, objectives: Sequence[Objective], responses: Responses | None) -> tuple[str, ...]:
    """A line for each layer whose units' strongest responses gather at the edge of its map.

    All positions count here, also those that the examples shown are not chosen by.
    """
    found: list[str] = []
    if subject.space is None or responses is None:
        return ()
    for name in dict.fromkeys(objective.layer for objective in objectives):
        field = subject.field(name)
        if field is None or len(field.shape) != 2 or min(field.shape) < 3:
            continue
        rows = [row for row, one in enumerate(objectives) if one.layer == name and one.only_term is not None]
        peaks = [responses.position[row, top] for row in rows for top in responses.top(row, TOP, "peak")]
        positions = np.array([p for p in peaks if 0 <= p < math.prod(field.shape)], dtype=np.int64)
        text = _finding(name, field.shape, positions)
        found += [text] if text else []
    return tuple(found)


def _finding(name: str, shape: Sequence[int], positions: NDArray[np.int64]) -> str:
    if not len(positions):
        return ""
    parts, rare = [], False
    for where, places in (("in the corners", in_corner(shape)), ("on the edge", on_edge(shape))):
        chance, hits = float(places.mean()), int(places[positions].sum())
        rare = rare or binomtest(hits, len(positions), chance, alternative="greater").pvalue < RARE
        parts.append(f"{hits / len(positions):.0%} {where} (chance {chance:.0%})")
    if not rare:
        return ""
    return (
        f"{name}: of the strongest peaks lie {' and '.join(parts)}; the examples shown are chosen by other positions."
    )


def _extremes(shape: Sequence[int]) -> NDArray[np.bool_]:
    """(axes, *shape): whether a position is the first or last along an axis."""
    index = np.indices(tuple(shape))
    last = np.array(shape).reshape(-1, *[1] * len(shape)) - 1
    return np.asarray((index == 0) | (index == last))
