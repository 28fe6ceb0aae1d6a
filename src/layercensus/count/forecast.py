"""What a count will need, said before the first example: room for the panel, memory and time to measure it."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from math import prod
from typing import Any

import torch

from ..layers.layer import Layer
from ..measures.bootstrap import AT_ONCE
from ..measures.distinct import distinct
from ..measures.in_other_views import in_other_views
from ..measures.measure import Measure
from ..measures.redundant import redundant
from ..measures.similar_pairs import DENSE, too_wide
from ..settings import Settings
from .nets import Net, Nets

FLOAT = 4  # bytes
LONG = 60.0  # seconds of measuring from which on they are said
FAST = 1e9  # operations a second that any machine makes: what takes less than LONG at this rate is not timed
PAIR = (
    10  # bytes of a pair of units in a resample: two copies of its correlation, and what is as large as the threshold
)
SIDE = 1024  # of the product that this machine's rate is measured with
EACH = 6000.0  # operations of a product that take as long as all tests of one unit do, for each example of the panel
LINKAGE = 4000.0  # operations a pair of units for the clusters at all thresholds and in the resamples, in one matrix


@dataclass(frozen=True)
class Forecast:
    """Bytes and seconds, all of them upper bounds but the time, which is right to a factor of some three."""

    disk: int  # bytes of the panel of all layers and nets
    layer: str  # the one that takes most memory
    width: int
    panel: int  # bytes of that layer's panel in memory, of every net that is compared in it
    beyond: int  # bytes to measure it, beyond the panel
    blocks: tuple[
        str, ...
    ]  # layers that are measured in blocks of units, since matrices of units by units are too large
    seconds: float  # of measuring everything; 0 where that is below a minute

    @property
    def worth_saying(self) -> bool:
        """Whether a layer is beyond the budget, or measuring takes more than a minute."""
        return bool(self.blocks) or self.seconds > LONG

    def as_json(self) -> dict[str, Any]:
        """Its fields for the provenance; nothing where nothing is worth saying."""
        return asdict(self) | {"blocks": list(self.blocks), "seconds": round(self.seconds)} if self.worth_saying else {}

    def __str__(self) -> str:
        how = " in blocks" if self.layer in self.blocks else ""
        return (
            f"the panel takes {in_bytes(self.disk)} of disk; layer {self.layer!r} ({self.width:,} units) takes "
            f"{in_bytes(self.panel)} of memory for its panel and up to {in_bytes(self.beyond)} to measure it{how}; "
            f"measuring takes {_minutes(self.seconds)}"
        )


def forecast(
    nets: Nets, examples: int | None, measures: Sequence[Measure], settings: Settings,
    rate: Callable[[], float] | None = None,
) -> Forecast:  # fmt: skip
    """What the count of these nets will need. examples: in all, None where unknown.

    rate: operations a second of this machine; a product of two matrices tells where not given.
    """
    rows = settings.panel if examples is None else min(settings.panel, examples)
    sizes = {net.name: [panel_bytes(layer, rows, settings) for layer in net.layers] for net in nets}
    runs = [sizes[net.name] for net in (nets.trained, *nets.replicas)]
    at_once = [max(sum(each), twin) for *each, twin in zip(*runs, sizes[(nets.twin or nets.trained).name], strict=True)]
    layers = nets.trained.layers
    beyond = [beyond_panel(layer.width, settings) for layer in layers]
    most = max(range(len(layers)), key=lambda k: at_once[k] + beyond[k])
    work = sum(_operations(net, rows, measures, settings) for net in nets)
    seconds = work / (rate or rate_of_products)() if work > FAST * LONG else 0.0
    return Forecast(
        sum(map(sum, sizes.values())), layers[most].name, layers[most].width, at_once[most], beyond[most],
        tuple(layer.name for layer in layers if too_wide(layer.width, settings.memory)), seconds,
    )  # fmt: skip


def panel_bytes(layer: Layer, examples: int, settings: Settings) -> int:
    """Bytes of a layer's panel, on disk as in memory: three numbers an example and unit, where there is one position.

    Else six, and one for each position that is read; with `dimension` also the sketch of the map.
    """
    positions = positions_read(layer, settings)
    numbers = 3 if positions == 1 else 6 + positions
    sketch = settings.sketch if settings.dimension and positions > 1 else 0
    return FLOAT * examples * (numbers * layer.width + sketch)


def positions_read(layer: Layer, settings: Settings) -> int:
    """How many positions of its map are kept of an example."""
    return min(settings.spots, max(1, prod(layer.shape) // max(1, layer.width)))


def beyond_panel(width: int, settings: Settings) -> int:
    """Bytes to measure a layer beyond its panel: matrices of all pairs of units and their resamples, or the budget."""
    if too_wide(width, settings.memory):
        return int(settings.memory * 1e9)
    return int(matrices(width) + PAIR * min(AT_ONCE, settings.resamples * width * width / 2))


def matrices(width: int) -> int:
    """Bytes of the matrices of all pairs of units."""
    return DENSE * width * width


def rate_of_products() -> float:
    """Operations a second of a product of two float32 matrices on this machine, with the threads that torch has."""
    a = torch.ones(SIDE, SIDE)
    a @ a
    seconds = []
    for _ in range(3):
        start = time.perf_counter()
        a @ a
        seconds.append(time.perf_counter() - start)
    return float(2 * SIDE**3 / max(min(seconds), 1e-6))


def _operations(net: Net, rows: int, measures: Sequence[Measure], settings: Settings) -> float:
    """Multiplications and additions to measure a net's layers, counted as those of a product of float32 matrices."""
    asked = {each.name for each in measures}
    total = 0.0
    for layer in net.layers:
        units, half = layer.width, rows / 2
        seen = half * positions_read(layer, settings)
        total += EACH * units * rows
        if distinct.name in asked:
            blocks = too_wide(units, settings.memory)
            total += 2 * units**2 * (seen + half) + (0 if blocks else LINKAGE * units**2)
        if in_other_views.name in asked and settings.other_views and not too_wide(units, settings.memory):
            total += 2 * units**2 * (seen + half) + LINKAGE / 10 * units**2
        if redundant.name in asked:
            total += 16 * units * min(units, seen) * seen + 2 * min(units, seen) ** 3
    return total


def in_bytes(size: float) -> str:
    """Bytes as a reader says them: "3.7 GB", "12 MB", "0.3 MB"."""
    return f"{size / 1e9:.1f} GB" if size >= 1e8 else f"{size / 1e6:.{0 if size >= 1e7 else 1}f} MB"


def _minutes(seconds: float) -> str:
    if seconds < LONG:
        return "less than a minute"
    return f"about {round(seconds / 60)} min" if seconds < 5400 else f"about {seconds / 3600:.1f} h"
