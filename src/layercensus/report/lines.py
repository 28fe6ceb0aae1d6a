"""Small line charts side by side as SVG, written directly: a page for each of hundreds of layers must cost little."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from markupsafe import escape

from .picture import INK

WIDTH, HEIGHT = 260, 220  # of a plot
LEFT, TOP, RIGHT, BOTTOM = 62, 26, 14, 44  # around each
TICKS = 5  # at most, nearly, on an axis
Point = tuple[float, float]


@dataclass(frozen=True)
class Plot:
    """One plot. lines: by the name in the legend, a colour and the points in their order."""

    across: str  # title of the x axis
    up: str  # title of the y axis
    lines: Mapping[str, tuple[str, Sequence[Point]]]
    log: bool = False  # both axes; every number is above zero
    from_zero: bool = True  # of the y axis, where it is not logarithmic


@dataclass(frozen=True)
class _Axis:
    low: float
    high: float
    ticks: Sequence[float]
    log: bool

    def at(self, value: float) -> float:
        """Where a number lies, 0..1."""
        low, high, x = (math.log(v) if self.log else v for v in (self.low, self.high, value))
        return (x - low) / (high - low)


def plots(parts: Sequence[Plot]) -> str:
    """The plots from left to right.

    >>> drawn = plots([Plot("depth", "units", {"trained": ("blue", [(0, 1), (1, 4)])})])
    >>> drawn[:4], drawn.count("<polyline"), drawn.count("<circle")
    ('<svg', 1, 2)
    """
    wide, high = LEFT + WIDTH + RIGHT, TOP + HEIGHT + BOTTOM
    drawn = "".join(f'<g transform="translate({number * wide + LEFT},{TOP})">{_plot(part)}</g>'
                    for number, part in enumerate(parts))  # fmt: skip
    size = f'viewBox="0 0 {wide * len(parts)} {high}" width="{wide * len(parts)}" height="{high}"'
    style = f'font-family="sans-serif" font-size="11" fill="{INK}"'
    return f'<svg xmlns="http://www.w3.org/2000/svg" {size} {style}>{drawn}</svg>'


def _plot(plot: Plot) -> str:
    points = [point for _, line in plot.lines.values() for point in line]
    x = _axis([x for x, _ in points], plot.log)
    y = _axis([y for _, y in points] + ([0.0] if plot.from_zero and not plot.log else []), plot.log)
    lines = "".join(_line(colour, line, x, y, dots=not plot.log) for colour, line in plot.lines.values())
    return _grid(x, y) + _titles(plot) + _legend(plot) + lines


def _axis(values: Sequence[float], log: bool) -> _Axis:
    """An axis that begins and ends at a tick."""
    low, high = min(values), max(values)
    if log:
        first = math.floor(math.log10(low) + 1e-9)
        last = max(first + 1, math.ceil(math.log10(high) - 1e-9))
        step = -(-(last - first) // TICKS)
        ticks = [10.0**power for power in range(first, last + 1, step)]
        return _Axis(ticks[0], 10.0**last, ticks, log)
    high = high if high > low else low + 1
    rough = (high - low) / TICKS
    unit = 10.0 ** math.floor(math.log10(rough))
    step_size = next(unit * n for n in (1, 2, 5, 10) if unit * n >= rough * 0.999)
    first, last = math.floor(low / step_size + 1e-9), math.ceil(high / step_size - 1e-9)
    return _Axis(first * step_size, last * step_size, [n * step_size for n in range(first, last + 1)], log)


def _grid(x: _Axis, y: _Axis) -> str:
    parts = []
    for tick in x.ticks:
        at = f"{WIDTH * x.at(tick):.1f}"
        parts.append(f'<path stroke="{INK}" stroke-opacity=".2" d="M{at} 0V{HEIGHT}"/>')
        parts.append(f'<text x="{at}" y="{HEIGHT + 15}" text-anchor="middle">{tick:.4g}</text>')
    for tick in y.ticks:
        at = f"{HEIGHT * (1 - y.at(tick)):.1f}"
        parts.append(f'<path stroke="{INK}" stroke-opacity=".2" d="M0 {at}H{WIDTH}"/>')
        parts.append(f'<text x="-6" y="{at}" dy="4" text-anchor="end">{tick:.4g}</text>')
    return "".join([*parts, f'<path stroke="{INK}" fill="none" d="M0 0V{HEIGHT}H{WIDTH}"/>'])


def _titles(plot: Plot) -> str:
    up = f'<text transform="translate(-46,{HEIGHT // 2})rotate(-90)" text-anchor="middle">{escape(plot.up)}</text>'
    return f'<text x="{WIDTH // 2}" y="{HEIGHT + 34}" text-anchor="middle">{escape(plot.across)}</text>{up}'


def _legend(plot: Plot) -> str:
    parts, at = [], 0
    for name, (colour, _) in plot.lines.items():
        parts.append(f'<path stroke="{colour}" stroke-width="2" d="M{at} -14h14"/>')
        parts.append(f'<text x="{at + 19}" y="-10">{escape(name)}</text>')
        at += 34 + 7 * len(name)
    return "".join(parts)


def _line(colour: str, line: Sequence[Point], x: _Axis, y: _Axis, dots: bool) -> str:
    at = [(f"{WIDTH * x.at(a):.1f}", f"{HEIGHT * (1 - y.at(b)):.1f}") for a, b in line]
    circles = "".join(f'<circle cx="{a}" cy="{b}" r="2.5" fill="{colour}"/>' for a, b in at) if dots else ""
    points = " ".join(f"{a},{b}" for a, b in at)
    return f'<polyline fill="none" stroke="{colour}" stroke-width="2" points="{points}"/>{circles}'
