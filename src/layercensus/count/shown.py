"""How reliable units are in other views than those of the count, read on a few examples."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from ..data.batch import Batch
from ..data.replay import portions
from ..data.views import Views, make_view
from ..layers.device import device_of
from ..measures.by_units import EACH, blocks, summed
from ..measures.reliability import icc
from ..progress import tqdm
from ..tally.slab import on_host
from .calibration import CALIBRATION, calibration
from .enough_memory import enough_memory
from .memory import tidy
from .nets import LayerKey, Net, Nets
from .one_by_one import Chance, Spots
from .plan import Plan
from .read_batch import draws_of, keys_of, read_net
from .side_files import read_shown, save_shown
from .store import Store

MOST, FEWEST = 192, 64  # examples: as many as cost FRACTION of the passes, within these
FRACTION = 0.2
AS_COUNTED = "as counted"  # the views of the count on the same few examples
MAPS = "by maps"  # the same by positions of the maps in place of their means
UNTRAINED = 832  # passes of an example through each untrained net that is counted beside the twin


def read_shown_otherwise(plan: Plan, store: Store) -> Mapping[str, Any]:
    """Read the net and its twin in other views, keep each unit's reliability in `store`, and say how, as JSON.

    Empty where nothing is read: Settings(other_views=False), views of one's own, or too few examples. What was read
    before an interruption is not read again.
    """
    other = plan.other_views
    if other is None or not plan.settings.other_views:
        return {}
    views = {AS_COUNTED: plan.views} | other.views
    batches = _few(plan, examples_for(plan.nets, plan.source.length, len(views), plan))
    examples = sum(len(batch.ids) for batch in batches)
    if examples < FEWEST:
        return {}
    nets = [net for net in (plan.nets.trained, plan.nets.twin) if net is not None]
    with (
        enough_memory("Reading other views", "Pass a smaller batch, or other_views=False"),
        tqdm(total=len(nets), desc="other views", unit="net", disable=not plan.settings.progress) as bar,
    ):
        for net in nets:
            if any(read_shown(store.folder, net.key(layer)) is None for layer in net.layers):
                for key, r in _of_net(net, batches, list(views.values()), plan).items():
                    save_shown(store.folder, key, r)
            bar.update()
    return {"names": [*views, MAPS], "examples": examples, "scale": round(other.scale, 4)}


def examples_for(nets: Nets, examples: int | None, views: int, plan: Plan) -> int:
    """How many examples may be read in `views` other views, so that it costs FRACTION of all passes or little."""
    settings = plan.settings
    known = settings.panel if examples is None else examples
    every = len(list(nets)) * (known + 2 * min(settings.panel, known))
    every += UNTRAINED * (settings.twins - 1) if plan.own_twin else 0
    each = 2 * views * (1 if nets.twin is None else 2)
    return int(min(MOST, CALIBRATION, max(FEWEST, FRACTION * every / each)))


def _few(plan: Plan, examples: int) -> list[Batch]:
    found, left = list[Batch](), examples
    for batch in calibration(plan.source):
        some = batch.first(left)
        found += portions(some, plan.settings.batch, None)
        left -= len(some.ids)
        if left <= 0:
            break
    return found


def _of_net(net: Net, batches: Sequence[Batch], views: Sequence[Views], plan: Plan) -> dict[LayerKey, Tensor]:
    """(views + 1, units) the reliability of each layer's units, at last that of their maps in the first views."""
    found: dict[LayerKey, list[Tensor]] = {net.key(layer): [] for layer in net.layers}
    maps: dict[LayerKey, Tensor] = {}
    for number, each in enumerate(views):
        a, b = (_read(net, batches, each, view, plan, maps=number == 0) for view in (0, 1))
        for key, rows in found.items():
            rows.append(_reliability(a[key][0], b[key][0]))
            if number == 0:
                maps[key] = _of_maps(a[key][1], b[key][1], rows[0])
    return {key: torch.stack([*rows, maps[key]]) for key, rows in found.items()}


def _of_maps(a: Sequence[Tensor], b: Sequence[Tensor], of_means: Tensor) -> Tensor:
    """The same of positions (rows, some, units); of_means where there is one at most."""
    most = max((part.shape[1] for part in (*a, *b)), default=1)
    return _reliability(*([_padded(part, most) for part in view] for view in (a, b))) if most > 1 else of_means


def _reliability(a: Sequence[Tensor], b: Sequence[Tensor]) -> Tensor:
    """(units,) some units at a time. a, b: of each batch (rows, units); rows that are not finite are left out."""
    width = a[0].shape[1] if a else 0
    known = [_finite(one) & _finite(other) for one, other in zip(a, b, strict=True)]
    rows = sum(int(some.sum()) for some in known)
    if rows < 2:
        return torch.full((width,), torch.nan)
    parts = []
    for units in blocks(width, EACH * rows):
        both = (torch.cat([x[some, units] for x, some in zip(view, known, strict=True)]) for view in (a, b))
        parts.append(icc(*both))
    return torch.cat(parts)


def _near(x: Tensor) -> Tensor:
    """Readings of a GPU stay there."""
    return x.cpu() if on_host(x.device) else x


def _finite(x: Tensor) -> Tensor:
    """(rows,) bool: those of examples that came to this layer."""
    return ~summed(lambda part: (~part.isfinite()).sum(1), x).bool()


Read = dict[LayerKey, tuple[list[Tensor], list[Tensor]]]  # means (rows, units), and positions (rows, some, units)


def _read(net: Net, batches: Sequence[Batch], views: Views, view: int, plan: Plan, *, maps: bool) -> Read:
    """What each layer gives in one view. maps: with a few positions of those layers that have several."""
    found: Read = {net.key(layer): ([], []) for layer in net.layers}
    for batch in batches:
        chance = Chance(plan.seed, view) if plan.nets.alone else None
        draws = draws_of(keys_of(batch), plan.settings.spots, plan.seed)
        spots = Spots(torch.arange(len(batch.ids)), draws) if maps else Spots()
        shown = make_view(views, batch, plan.seed, view, device=device_of(net.net))
        readings = read_net(net, shown, spots, {}, chance=chance)
        for key, (means, positions) in found.items():
            means.append(_near(readings[key].mean))
            read = readings[key].spots
            if maps:
                positions.append(means[-1][:, None] if read is None or read.shape[1] == 1 else _near(read))
        tidy()
    return found


def _padded(positions: Tensor, spots: int) -> Tensor:
    """(rows * spots, units) of (rows, some, units): nan where an example has fewer positions in this view."""
    missing = positions.new_full((len(positions), max(0, spots - positions.shape[1]), positions.shape[2]), torch.nan)
    return torch.cat([positions, missing], 1).flatten(0, 1)
