"""A made picture of each concept of a census, to stand beside its examples in the report."""

from __future__ import annotations

import io
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, replace
from typing import TypeVar

import pandas as pd
import torch
from torch import nn
from tqdm import tqdm

from ..census.record import CensusRecord
from ..data.source import Source
from ..errors import CensusError
from ..gallery.gallery import Made
from ..layers.layer import Layer
from ..layers.net import call
from ..layers.select import select
from ..layers.tap import tap
from ..models.fingerprint import weights
from ..models.model import Model
from .make import make
from .objective_values import Enough
from .objectives import neuron
from .options import AUTO, How
from .record import cropped
from .see import look_at
from .subject import Looking
from .visualisations import Sight, shown

C = TypeVar("C", bound=CensusRecord)
STEPS = 128  # of each picture, where the user does not say
ROOM = 1.5  # side of a picture, in sides of what a position can see
LEAST = 16  # pixels that a picture has at least, or what the net's input has
TILE = 96  # pixels that a picture is kept with


def see_census(
    census: C, model: Model, source: Source | None, how: How, each: int,
    layers: str | Sequence[str] | None = None, keep: Callable[[C], None] = lambda census: None,
) -> tuple[C, bool]:  # fmt: skip
    """The census with pictures of at most `each` concepts of each layer, and whether an interrupt cut this short.

    A concept is shown by its representative; the largest concepts come first, then the most reliable units. Where a
    layer's positions see only part of the input the pictures are as large as that and half more, and cut to what the
    peak sees. layers: globs over layer names, None for all. keep: is handed the census after every layer. Pictures that
    the census has already are kept where they were made in the same way.

    Raises:
        CensusError: the census is of another net; the net takes no images; no data.
    """
    if census.about["weights"]["trained"] != weights(model.net):
        raise CensusError("The census must be of this model. Got one of other weights.")
    if source is None and model.name != "digits":
        raise CensusError("Pictures of a census need its data, which they are compared with. Pass data=DATA.")
    if each < 1:
        raise CensusError(f"each must be at least 1. Got {each}.")
    looking = look_at(model, source, replace(how, asked=True))
    names = list(census.layers["layer"])
    chosen = names if not layers else [one.name for one in select(looking.net, looking.layers, layers)]
    return _seen(census, looking, how, each, [name for name in names if name in chosen], keep)


def made_by(how: How) -> str:
    """How pictures are made, in words."""
    contrast = "" if how.contrast == AUTO else f", contrast {how.contrast}"
    size = "" if how.size is None else f", size {how.size}"
    return f"{how.preset.name} ({how.preset.paper}), {how.count} steps, seed {how.seed}{contrast}{size}"


def _seen(
    census: C, looking: Looking, how: How, each: int, names: Sequence[str], keep: Callable[[C], None]
) -> tuple[C, bool]:
    how = how if how.steps is not None else replace(how, steps=STEPS)
    words = made_by(how)
    made = dict(census.gallery.made) if census.gallery.made_by == words else {}
    interrupted = False
    with tqdm(total=len(names), desc="seeing", unit="layer", disable=not how.progress) as bar:
        for name in names:
            wanted = concepts(census.units[census.units["layer"] == name], each)
            wanted = [unit for unit in wanted if (name, unit) not in made]
            try:
                for key, one in _of_layer(looking, name, wanted, replace(how, progress=False)):
                    made[key] = one
            except KeyboardInterrupt:
                interrupted = True
            census = replace(census, gallery=replace(census.gallery, made=dict(made), made_by=words))
            keep(census)
            if interrupted:
                break
            bar.update()
    return census, interrupted


def concepts(units: pd.DataFrame, each: int) -> list[int]:
    """The representatives of the largest concepts of a layer; among those of equal size the most reliable."""
    own = units[units["representative"] == units["unit"]].copy()
    own["size"] = own["representative"].map(units["representative"].value_counts())
    return [int(unit) for unit in own.sort_values(["size", "reliability"], ascending=False)["unit"][:each]]


def _of_layer(looking: Looking, name: str, units: Sequence[int], how: How) -> Iterator[tuple[tuple[str, int], Made]]:
    """The pictures of some units of a layer."""
    if not units:
        return
    assert looking.palette is not None
    layer = next(one for one in looking.layers if one.name == name)
    side = looking.palette.shape[1:] if how.size is not None else _side(looking, layer)
    near = replace(looking, palette=looking.palette.resized(side))
    made = make(near, [neuron(name, unit) for unit in units], replace(how, top=0))
    for unit, sight in zip(units, made.sights, strict=False):  # fewer where it was interrupted
        yield (name, unit), _made(sight, side)
    if made.interrupted:
        raise KeyboardInterrupt


def _side(looking: Looking, layer: Layer) -> tuple[int, int]:
    """Pixels that pictures for a layer need; all of the input where the net takes no others."""
    assert looking.palette is not None
    whole = (looking.palette.shape[1], looking.palette.shape[2])
    field = looking.field(layer.name)
    if field is None or field.beyond or not all(field.lines):
        return whole
    sizes = [found[1].size + 4 * abs(found[1].stride) for found in field.lines if found is not None]
    h, w = (min(n, max(LEAST, math.ceil(ROOM * size / 8) * 8)) for n, size in zip(whole, sizes, strict=True))
    if (h, w) == whole or not _takes(looking.net, layer, (looking.palette.shape[0], h, w)):
        return whole
    return h, w


def _takes(net: nn.Module, layer: Layer, shape: tuple[int, ...]) -> bool:
    """Whether a net reaches a layer, and the layer has its units, with inputs of another size."""
    reached = []

    def sink(which: Layer, x: torch.Tensor) -> None:
        reached.append(x.shape[which.unit_axis] == which.width)
        raise Enough

    parameter = next(net.parameters(), None)
    x = torch.zeros(2, *shape) if parameter is None else torch.zeros(2, *shape, device=parameter.device)
    try:
        with tap(net, [layer], sink):
            call(net, x if parameter is None else x.to(parameter.dtype))
    except Enough:
        return all(reached)
    except Exception:  # whatever a net raises at a size that it was not made for
        return False
    return False


def _made(sight: Sight, side: tuple[int, int]) -> Made:
    assert sight.picture is not None
    assert sight.score is not None
    window = sight.window or tuple((0, n) for n in side)
    image = cropped(shown(sight.picture), window, TILE)
    held = io.BytesIO()
    if max(high - low for low, high in window) <= TILE // 3:
        image.save(held, "PNG", optimize=True)
    else:
        image.save(held, "WEBP", quality=85, method=4)
    return Made(held.getvalue(), asdict(sight.score) | {"contrast": sight.contrast})
