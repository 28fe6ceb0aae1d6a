"""How much untrained nets differ among themselves: the yardstick for every excess over one of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial

import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

from ..data.batch import Batch
from ..data.keys import key
from ..data.replay import portions
from ..data.views import Views, make_view
from ..errors import CensusError
from ..layers.layer import Layer
from ..layers.memory_format import memory_format
from ..measures import Evidence, Outcome, measure
from ..measures.distinct import distinct
from ..measures.informative import informative
from ..measures.live import live
from ..measures.reliability import reliability
from ..models.model import Model
from ..models.twin import calibrate, untrained
from ..settings import Settings
from ..tally import Panel, Reading, Streams, joined_spots
from .plan import Plan, calibration
from .read_batch import Net, draws_of, read_net

BATCHES = 6  # of the twin's calibration, that each untrained net is counted on
COUNTS = ("reliable", "distinct", "rarefied", "informative")
NEEDED = (live, reliability, distinct, informative)
STEP = 1_000_003  # between the seeds of the nets
Seen = tuple[dict[str, Reading], dict[str, Reading], dict[str, Reading]]  # clean, and in two views
Spread = dict[str, Tensor]  # "spread|layer|count": (untrained nets,) float64; "few|layer|count": (1,), trained


def spread(model: Model, plan: Plan, draw: int, classes: int, format: str) -> Spread:
    """Counts of each layer in `settings.twins` untrained nets and in the trained one, all on the same few examples.

    The first untrained net is the twin; the others are made and calibrated as it was, and judged as a trained net
    would be: their class information is held against the twin's, and the twin's own is missing. A net that cannot be
    counted is left out. Cost: a calibration on 256 examples and three passes over 192 for each net. Empty for one twin
    or none, and for a twin of the user's.
    """
    twin = next((net for net in plan.nets if net.name == "twin"), None)
    if twin is None or not plan.own_twin or plan.settings.twins < 2:
        return {}
    batches = list(calibration(plan.source))
    some = [part for batch in batches[:BATCHES] for part in portions(batch, plan.settings.batch, None)]
    makers = [("spread", lambda: twin), ("few", lambda: plan.nets[0])]
    makers += [("spread", partial(_another, model, plan, batches, n)) for n in range(1, plan.settings.twins)]
    held: dict[str, list[float]] = {}
    eta2: dict[str, Tensor] = {}  # of the twin, once it is counted
    for kind, make in tqdm(makers, desc="untrained nets", unit="net", disable=not plan.settings.progress):
        try:
            outcomes = _counted(make(), some, plan, draw, classes, eta2, format)
        except (CensusError, torch.OutOfMemoryError):
            if not eta2 or kind == "few":  # nothing to hold the others against
                return {}
            continue
        for layer, got in outcomes.items():
            for name in COUNTS:
                against_itself = layer not in eta2 and name == "informative"
                value = float("nan") if against_itself else _value(got, name)
                held.setdefault(f"{kind}|{layer}|{name}", []).append(value)
            eta2.setdefault(layer, got.units.get("eta2", torch.zeros(0)))
    return {name: torch.tensor(values, dtype=torch.float64) for name, values in held.items()}


def _counted(
    net: Net, batches: Sequence[Batch], plan: Plan, draw: int, classes: int, eta2: Mapping[str, Tensor], format: str
) -> dict[str, Outcome]:
    with memory_format(net.net, format):
        seen = [_seen(net, batch, plan.views, plan.settings, plan.seed) for batch in batches]
    return {
        layer.name: _judged(layer, panel, draw, plan, classes, eta2.get(layer.name))
        for layer, panel in _panels(net, batches, seen, plan.settings.spots)
    }


def _value(got: Outcome, name: str) -> float:
    return float(got.layer.get("distinct_rarefied" if name == "rarefied" else name, float("nan")))


def _another(model: Model, plan: Plan, batches: Sequence[Batch], number: int) -> Net:
    net, _ = untrained(model, plan.seed + STEP * number)
    calibrate(net, (batch.for_net(net) for batch in batches))
    return Net(f"untrained{number}", net, plan.nets[0].layers)


def _judged(layer: Layer, panel: Panel, draw: int, plan: Plan, classes: int, eta2: Tensor | None) -> Outcome:
    streams = Streams.empty(layer.width, 1)
    streams.update(panel.mean, panel.peak, panel.key)
    settings = replace(plan.settings, dimension=False, resamples=20, share=None)
    evidence = Evidence(
        layer.width, streams, panel, settings, draw, plan.seed, classes, twin_eta2=eta2, is_twin=eta2 is None
    )
    return measure(evidence, NEEDED)


def _panels(net: Net, batches: Sequence[Batch], seen: Sequence[Seen], most: int) -> Iterator[tuple[Layer, Panel]]:
    """Every layer with its panel of these examples."""
    keys = torch.tensor([key(id) for batch in batches for id in batch.ids])
    order = keys.argsort()
    labels = torch.cat([torch.full((len(b.ids),), -1) if b.labels is None else b.labels.long().cpu() for b in batches])
    for layer in net.layers:
        clean, a, b = ([readings[which][f"{net.name}|{layer.name}"] for readings in seen] for which in range(3))
        rows = [torch.cat([getattr(r, name) for r in part]) for part in (clean, a, b) for name in ("mean", "peak")]
        spots = joined_spots([r.mean[:, None] if r.spots is None else r.spots for r in clean], most)
        columns = (keys, labels, *rows, spots, torch.zeros(len(keys), 0))
        yield layer, Panel(torch.tensor(len(keys)), *(column[order] for column in columns))


def _seen(net: Net, batch: Batch, views: Views, settings: Settings, seed: int) -> Seen:
    rows = torch.arange(len(batch.ids))
    keys = np.array([key(id) for id in batch.ids], dtype=np.int64)
    clean = read_net(net, batch, rows, draws_of(keys, settings.spots, seed), {})
    a, b = (read_net(net, make_view(views, batch, seed, view), None, None, {}) for view in (0, 1))
    return clean, a, b
