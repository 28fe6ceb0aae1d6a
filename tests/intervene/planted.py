"""The smallest counts that say what a planted net needs."""

from __future__ import annotations

from typing import Any

from torch import nn

import layercensus as lc

SMALL = {"progress": False, "pictures": 0, "resamples": 20, "batch": 256, "twins": 1}


def census(net: nn.Module, x: Any, *, layers: Any = ("act",), output: Any = None, **settings: Any) -> lc.Census:
    """The smallest count that says what the net needs."""
    return lc.take(
        net, x, layers=layers, twin=False, views=0.1, output=output, settings=lc.Settings(**SMALL | settings)
    )


def needed(net: nn.Module, x: Any, fidelity: int = 99, **settings: Any) -> int:
    """How many directions of `act` hold 99 % of the answers."""
    row = census(net, x, **settings).layers.iloc[0]
    return int(row["needed" if fidelity == 95 else f"needed_{fidelity}"])
