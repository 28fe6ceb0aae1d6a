"""How much untrained nets differ among themselves: the yardstick for every excess over one of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

from .count import Net, draws_of, read_net
from .data.batch import Batch
from .data.keys import key
from .data.views import Views, make_view
from .measures import Evidence, Outcome, measure
from .measures.distinct import distinct
from .measures.informative import informative
from .measures.live import live
from .measures.reliability import reliability
from .models.formats import memory_format
from .models.layers import Layer
from .models.open import Model
from .models.twin import calibrate, untrained
from .plan import CALIBRATION_BATCH, Plan, calibration
from .settings import Settings
from .tally import Panel, Reading, Streams
from .tally.panel import ROWS

BATCHES = 6  # of the twin's calibration, that each untrained net is counted on
EXAMPLES = BATCHES * CALIBRATION_BATCH
COUNTS = ("reliable", "distinct", "rarefied", "informative")
NEEDED = (live, reliability, distinct, informative)
STEP = 1_000_003  # between the seeds of the nets
Seen = tuple[dict[str, Reading], dict[str, Reading], dict[str, Reading]]  # clean, and in two views
Spread = dict[str, Tensor]  # "spread|layer|count": (nets,) float64; "spread|layer|eta2": (units,), of the twin


def spread(model: Model, plan: Plan, draw: int, classes: int, format: str) -> Spread:
    """Counts of each layer in `settings.twins` untrained nets, the twin first, on a few examples; empty for only one.

    The others are made and calibrated as the twin was, and judged as a trained net would be: their class information
    is held against the twin's, and the twin's own is missing. Cost: three passes over 192 examples for each net.
    """
    twin = next((net for net in plan.nets if net.name == "twin"), None)
    if twin is None or not plan.own_twin or plan.settings.twins < 2:
        return {}
    batches = list(calibration(plan.source))
    counts: dict[str, list[float]] = {}
    eta2: dict[str, Tensor] = {}
    bar = tqdm(range(plan.settings.twins), desc="untrained nets", unit="net", disable=not plan.settings.progress)
    for number in bar:
        net = twin if number == 0 else _another(model, plan, batches, number)
        with memory_format(net.net, format):
            seen = [_seen(net, batch, plan.views, plan.settings, plan.seed) for batch in batches[:BATCHES]]
        for layer, panel in _panels(net, batches[:BATCHES], seen):
            got = _judged(layer, panel, draw, plan.settings, plan.seed, classes, eta2.get(layer.name), number == 0)
            if number == 0:
                eta2[layer.name] = got.units.get("eta2", torch.zeros(0))
            for name in COUNTS:
                own = number == 0 and name == "informative"
                counts.setdefault(f"spread|{layer.name}|{name}", []).append(float("nan") if own else _value(got, name))
    held = {name: torch.tensor(values, dtype=torch.float64) for name, values in counts.items()}
    return held | {f"spread|{layer}|eta2": values for layer, values in eta2.items()}


def on_few(
    layer: Layer, panel: Panel, draw: int, settings: Settings, seed: int, classes: int, held: Mapping[str, Tensor]
) -> Spread:
    """The counts of a layer that was counted on all the data, made again on as many examples as `spread` takes."""
    small = Panel(panel.capacity, *(getattr(panel, name)[:EXAMPLES] for name in ROWS))
    got = _judged(layer, small, draw, settings, seed, classes, held.get(f"spread|{layer.name}|eta2"))
    return {f"few|{layer.name}|{name}": torch.tensor([_value(got, name)], dtype=torch.float64) for name in COUNTS}


def _value(got: Outcome, name: str) -> float:
    return float(got.layer.get("distinct_rarefied" if name == "rarefied" else name, float("nan")))


def _another(model: Model, plan: Plan, batches: Sequence[Batch], number: int) -> Net:
    net, _ = untrained(model, plan.seed + STEP * number)
    calibrate(net, (batch.for_net(net) for batch in batches))
    return Net("twin", net, plan.nets[0].layers)


def _judged(
    layer: Layer, panel: Panel, draw: int, settings: Settings, seed: int, classes: int, eta2: Tensor | None,
    is_twin: bool = False,
) -> Outcome:  # fmt: skip
    streams = Streams.empty(layer.width, 1)
    streams.update(panel.mean, panel.peak, panel.key)
    few = replace(settings, dimension=False, resamples=20, share=None)
    evidence = Evidence(layer.width, streams, panel, few, draw, seed, classes, twin_eta2=eta2, is_twin=is_twin)
    return measure(evidence, NEEDED)


def _panels(net: Net, batches: Sequence[Batch], seen: Sequence[Seen]) -> Iterator[tuple[Layer, Panel]]:
    """Every layer with its panel of these examples."""
    keys = torch.tensor([key(id) for batch in batches for id in batch.ids])
    order = keys.argsort()
    labels = torch.cat([torch.full((len(b.ids),), -1) if b.labels is None else b.labels.long().cpu() for b in batches])
    for layer in net.layers:
        clean, a, b = ([readings[which][f"{net.name}|{layer.name}"] for readings in seen] for which in range(3))
        rows = [torch.cat([getattr(r, name) for r in part]) for part in (clean, a, b) for name in ("mean", "peak")]
        spots = torch.cat([r.mean[:, None] if r.spots is None else r.spots for r in clean])
        columns = (keys, labels, *rows, spots, torch.zeros(len(keys), 0))
        yield layer, Panel(torch.tensor(len(keys)), *(column[order] for column in columns))


def _seen(net: Net, batch: Batch, views: Views, settings: Settings, seed: int) -> Seen:
    rows = torch.arange(len(batch.ids))
    keys = np.array([key(id) for id in batch.ids], dtype=np.int64)
    clean = read_net(net, batch, rows, draws_of(keys, settings.spots, seed), {})
    a, b = (read_net(net, make_view(views, batch, seed, view), None, None, {}) for view in (0, 1))
    return clean, a, b
