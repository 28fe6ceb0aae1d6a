"""Layers' names on an axis: as many as can be read, the first and the last among them, and none cut."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence

LINE = 26  # characters of a name on one line
APART = 19  # pixels between two slanted names
CHARACTER = 7.5  # pixels of one, at most


def number_of_layer(index: int) -> str:
    """The name of a layer's files, without their ending."""
    return f"layer-{index:03d}"


def thinned(names: Sequence[str], width: int) -> list[str]:
    """The names that stand on an axis of `width` pixels, evenly spread, in their order.

    >>> thinned(["a", "b", "c", "d", "e"], 60), thinned(["a", "b"], 60)
    (['a', 'c', 'e'], ['a', 'b'])
    """
    lines = max((len(wrapped(name)) for name in names), default=1)
    most = max(2, int(width / (APART * lines)))
    if len(names) <= most:
        return list(names)
    return [names[round(place * (len(names) - 1) / (most - 1))] for place in range(most)]


def wrapped(name: str) -> list[str]:
    """A name as lines of at most LINE characters, broken behind its dots where that can be.

    >>> wrapped("features.stage3.block2.expansion.activation")
    ['features.stage3.block2.', 'expansion.activation']
    """
    lines = [""]
    for part in re.findall(r"[^./ ]*[./ ]|[^./ ]+", name):
        for piece in (part[at : at + LINE] for at in range(0, len(part), LINE)):
            if len(lines[-1]) + len(piece) > LINE and lines[-1]:
                lines.append("")
            lines[-1] += piece
    return lines


def axis_of(names: Sequence[str], width: int) -> dict[str, object]:
    """The axis of layers, as Vega-Lite takes it: level where every name has room, else slanted and thinned."""
    longest = max((len(line) for name in names for line in wrapped(name)), default=1)
    level = longest * CHARACTER + 8 <= width / max(1, len(names))
    shown = list(names) if level else thinned(names, width)
    axis: dict[str, object] = {"labelAngle": 0 if level else -55, "labelLimit": 0, "labelOverlap": False}
    long = {name: wrapped(name) for name in shown if len(wrapped(name)) > 1}
    if long:
        axis["labelExpr"] = f"({json.dumps(long, ensure_ascii=False)})[datum.label] || datum.label"
    return axis | {"values": shown}
