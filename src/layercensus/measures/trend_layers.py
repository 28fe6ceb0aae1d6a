"""Which layers a trend over depth is read from, and how many of their units can be compared."""

from __future__ import annotations

from collections.abc import Sequence

FEWEST_LAYERS = 4
GAP = 4  # a layer that much narrower than the next wider one would set the draw for all others
LEFT_OUT = 1 / 4  # of the layers, at most, are too narrow to be compared


def of_trend(roles: Sequence[str]) -> list[bool]:
    """Which layers: the nonlinearities' outputs, or all hidden ones where these are few.

    Blocks are sums of what the neurons write, and alternating the two kinds would give a zigzag.

    >>> of_trend(["neurons", "block"] * 4 + ["output"])
    [True, False, True, False, True, False, True, False, False]
    >>> of_trend(["neurons", "block", "output"])
    [True, True, False]
    """
    neurons = [role == "neurons" for role in roles]
    return neurons if sum(neurons) >= FEWEST_LAYERS else [role != "output" for role in roles]


def common_width(widths: Sequence[int]) -> int:
    """Units that are drawn of every layer: as many as the narrowest has, but for few layers far narrower than the rest.

    A draw of 8 units cannot tell layers of 96 concepts from layers of 24, so one layer of 8 would hide what the others
    show. Up to a quarter of the layers are left out where the next has at least four times their width and
    `FEWEST_LAYERS` remain.

    >>> common_width([96] * 8 + [8]), common_width([16, 16, 32, 64, 128])
    (96, 16)
    """
    ordered = sorted(widths)
    for few in range(int(len(ordered) * LEFT_OUT), 0, -1):
        if len(ordered) - few >= FEWEST_LAYERS and ordered[few] >= GAP * ordered[few - 1]:
            return ordered[few]
    return ordered[0]
