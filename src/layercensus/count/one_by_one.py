"""Readings of examples that pass through a net each by itself, with random numbers and a state of their own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor

from ..data.batch import Batch
from ..data.keys import seed_of
from ..errors import CensusError
from ..layers.chance import draw_from, kept_chance
from ..layers.state import kept_state
from ..tally import Reading, joined_spots
from .enough_memory import enough_memory
from .nets import LayerKey, Net

CLEAN = -1  # stands for the unperturbed example where its two views are 0 and 1
Readings = dict[LayerKey, Reading]


@dataclass(frozen=True)
class Spots:
    """Of which examples of a batch a few positions are read, and where."""

    rows: Tensor | None = None  # (chosen,) int64
    draws: Tensor | None = None  # (chosen, spots) in [0, 1)


@dataclass(frozen=True)
class Chance:
    """What an example's random numbers come from, beside its id."""

    seed: int
    view: int


def one_by_one(
    net: Net, batch: Batch, spots: Spots, chance: Chance, read: Callable[[Batch, Spots], Readings]
) -> Readings:
    """The readings of a batch, every example of which passes through the net by itself.

    Each pass draws its random numbers from the example's id and finds in the net what it kept before the first, so that
    neither the batch nor the order matters. read: one pass. What an example does not reach is nan there.
    """
    parts: list[Readings] = []
    with kept_chance(), kept_state(net.net) as state:
        for row, id in enumerate(batch.ids):
            draw_from(seed_of(chance.seed, id, chance.view))
            found = read(batch.take(torch.tensor([row])), _own(spots, row))
            parts.append({key: reading.on_cpu() for key, reading in found.items()})
            state.restore()
    rows = set() if spots.rows is None else set(spots.rows.tolist())
    chosen = [row in rows for row in range(len(parts))]
    most = 1 if spots.draws is None else spots.draws.shape[1]
    return {net.key(layer): _joined([part[net.key(layer)] for part in parts], chosen, most) for layer in net.layers}


def not_reached(width: int, chosen: bool, bins: int = 0) -> Reading:
    """The reading of an example that does not come to a layer.

    chosen: whether positions are read of it. bins: of the sketch of the layer's map; 0 where there is none.
    """
    nothing = torch.full((1, width), torch.nan)
    spots = nothing.unsqueeze(1) if chosen else None
    sketch = torch.full((1, bins), torch.nan) if chosen and bins else None
    return Reading(nothing, nothing, spots, sketch, reached=torch.zeros(1, dtype=torch.bool))


def everyone(reading: Reading) -> Tensor:
    """(examples,) bool: all of them."""
    return torch.ones(len(reading.mean), dtype=torch.bool, device=reading.mean.device)


@contextmanager
def naming(batch: Batch) -> Iterator[None]:
    """Whatever a forward pass raises as one line that names its examples."""
    many = f"the {len(batch.ids)} examples {batch.ids[0]!r} to {batch.ids[-1]!r}"
    which = f"example {batch.ids[0]!r}" if len(batch.ids) == 1 else many
    smaller = "Count fewer layers" if len(batch.ids) == 1 else f"Pass a smaller batch than {len(batch.ids)}"
    try:
        with enough_memory(f"The forward pass of {which}", smaller):
            yield
    except CensusError:
        raise
    except Exception as error:
        says = f"{type(error).__name__} from its forward pass of {which}: {' '.join(str(error).split())[:200]}"
        raise CensusError(f"The model must accept every example. Got {says}") from error


def _own(spots: Spots, row: int) -> Spots:
    """What of these belongs to the example in this row."""
    if spots.rows is None or spots.draws is None:
        return Spots()
    where = (spots.rows == row).nonzero().flatten()
    return Spots(torch.zeros(len(where), dtype=torch.int64), spots.draws[where])


def _joined(parts: list[Reading], chosen: list[bool], most: int) -> Reading:
    mean, peak = torch.cat([part.mean for part in parts]), torch.cat([part.peak for part in parts])
    reached = torch.cat([everyone(part) if part.reached is None else part.reached for part in parts])
    picked = [part for part, is_chosen in zip(parts, chosen, strict=True) if is_chosen]
    spots = joined_spots([part.spots for part in picked if part.spots is not None], most) if picked else None
    return Reading(
        mean, peak, spots, _sketches(picked), any(part.unmasked for part in parts),
        None if bool(reached.all()) else reached,
    )  # fmt: skip


def _sketches(parts: list[Reading]) -> Tensor | None:
    sketches = [part.sketch for part in parts if part.sketch is not None]
    return torch.cat(sketches) if sketches else None
