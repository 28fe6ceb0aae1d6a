"""Up to which layer nothing was learned, checked by probes on the same layers of an untrained net."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
import torch

from ..census.record import CensusRecord
from ..count.nets import TWIN, Net
from ..layers.net import unwrap
from ..models.twin import calibrate, untrained
from .features import Features, features_of
from .item import Withheld
from .panel import Panel
from .probe import classes_of, mean_interval, probed

MARGIN = 0.05  # of accuracy that random features may be behind, at the end of the interval
COLUMNS = ("layer", "accuracy", "random", "difference", "low", "high", "examples")


def freeze(
    panel: Panel, census: CensusRecord, fitting: Features, judging: Features, withheld: list[Withheld]
) -> pd.DataFrame:
    """A row for each layer from the first on of which nothing was learned: freeze it, or leave it random.

    accuracy, random: of a probe on the layer, and on that of an untrained net; difference: random - accuracy, with its
    95 % interval. The classes are the labels or, without them, what the net says.
    """
    layers = _unlearned(census, withheld)
    if not layers:
        return pd.DataFrame(columns=COLUMNS)
    net = _untrained(panel, layers)
    classes = classes_of(fitting, judging) or (fitting.said, judging.said)
    own, truth = classes
    random = [features_of(panel, net, keys) for keys in (panel.parts.fitting, panel.parts.judging)]
    rows = list[dict[str, object]]()
    for name in layers:
        here, there = (
            probed(one.rows[name], own, one.group, other.rows[name], truth)
            for one, other in ((fitting, judging), (random[0], random[1]))
        )
        difference = there.right - here.right
        low, high = mean_interval(difference, judging.group[truth >= 0])
        if low < -MARGIN:
            why = f"a probe on random features is {-float(difference.mean()):.3f} behind (up to {-low:.3f})"
            withheld.append(Withheld("freeze", name, why))
            break  # what comes after rests on it
        row = (name, float(here.right.mean()), float(there.right.mean()), float(difference.mean()), low, high)
        rows.append(dict(zip(COLUMNS, (*row, len(difference)), strict=True)))
    return pd.DataFrame(rows, columns=COLUMNS)


def _unlearned(census: CensusRecord, withheld: list[Withheld]) -> list[str]:
    """Names of the first layers in forward order whose `learned` is 0."""
    table = census.layers
    if "learned" not in table or not table["learned"].notna().any():
        why = "learned was not counted: give the census replicas, further training runs of the net"
        withheld.append(Withheld("freeze", "", why))
        return []
    names = list[str]()
    for name, learned in zip(table["layer"], table["learned"], strict=True):
        if pd.isna(learned) or learned > 0:
            break
        names.append(name)
    if not names:
        withheld.append(Withheld("freeze", "", "the first layer has learned something"))
    return names


def _untrained(panel: Panel, layers: Sequence[str]) -> Net:
    twin = unwrap(untrained(panel.model, panel.answers.seed)[0]).to(_device(panel))
    calibrate(twin, (batch.for_net(twin) for batch in panel.calibration))
    return Net(TWIN, twin, tuple(panel.net.layer(name) for name in layers))


def _device(panel: Panel) -> torch.device:
    return next(panel.net.net.parameters()).device
