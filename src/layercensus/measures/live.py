"""Does a unit respond to this data at all?"""

from __future__ import annotations

import torch
from torch import Tensor

from .column import Column
from .measure import Evidence, Measure, Outcome

SHARE = 1e-8  # of the layer's typical variance; below it a unit counts as still
ROUNDING = 4 * torch.finfo(torch.float32).eps


def compute(evidence: Evidence) -> Outcome:
    """A unit is live when its spatial mean or its peak varies over ALL the examples; one example varies in nothing."""
    m = evidence.streams.moments
    n = m.count.clamp(min=1).double()
    size = torch.maximum(m.low.abs(), m.high.abs())
    live = _varies(m.m2 / n, size) | _varies(m.peak_m2 / n, size)
    upper = torch.where(m.fired == 0, (3 / n).clamp(max=1), torch.nan)
    units = {"firing_rate": m.fired / n, "firing_rate_upper": upper, "mean": m.mean, "std": (m.m2 / n).sqrt()}
    if m.count < 1:
        units = {name: torch.full_like(m.mean, torch.nan) for name in units}
    if m.count < 2:
        return Outcome(
            layer={"examples": int(m.count)}, units={"live": live} | units | {"std": torch.full_like(m.mean, torch.nan)}
        )
    return Outcome(layer={"examples": int(m.count), "live": int(live.sum())}, units={"live": live} | units)


def _varies(variance: Tensor, size: Tensor) -> Tensor:
    moving = variance[variance > 0]
    typical = moving.median() if len(moving) else variance.new_zeros(())
    return (variance > SHARE * typical) & (variance > (ROUNDING * size) ** 2)


live = Measure(
    "live",
    compute,
    layer_columns={
        "examples": Column(
            "examples seen by the streams", "examples", 0, kind="count", order=60, twin=False,
            compare=False, over_depth=False, shown=False,
        ),
        "live": Column(
            "units whose response varies over all the examples", "units", 0, source="docs/numbers.md",
            kind="count", order=70,
        ),
    },
    unit_columns={
        "live": Column("response varies over all the examples", "", 0, 1, kind="truth", table=False),
        "firing_rate": Column(
            "fraction of examples in which some position is above zero", "", 0, 1, kind="fraction", order=50
        ),
        "firing_rate_upper": Column(
            "95 % upper bound of the firing rate of a unit that never fired: 3/n", "", 0, 1, "rule of three",
            kind="fraction", order=60, shown=False,
        ),
        "mean": Column("mean over examples of the spatial mean", "activation", scale_free=False, order=70),
        "std": Column(
            "standard deviation over examples of the spatial mean", "activation", 0, scale_free=False, order=80
        ),
    },
)  # fmt: skip
