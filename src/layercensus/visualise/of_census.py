"""An optimised image of each concept of a census, to stand beside its examples in the report."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from typing import TypeVar

import pandas as pd
import torch
from torch import nn

from ..census.record import CensusRecord
from ..count.interrupts import uninterrupted
from ..data.files import image_bytes
from ..data.source import Source
from ..errors import CensusError
from ..gallery.gallery import OptimisedImage
from ..layers.layer import Layer
from ..layers.net import call
from ..layers.select import select
from ..layers.tap import tap
from ..models.fingerprint import weights
from ..models.model import Model
from ..progress import tqdm
from .images import most_images, small, visualise
from .objective_values import StopForward
from .objectives import neuron
from .options import AUTO, SeeOptions
from .presets import DEFAULT
from .record import cropped
from .see import subject_of
from .subject import Subject
from .visualisations import Visualisation, shown

C = TypeVar("C", bound=CensusRecord)
STEPS = 128  # of each image, where the caller does not say
MARGIN = 1.5  # side of an image, in sides of what a position can see
LEAST = 16  # pixels that an image has at least, or what the net's input has
TILE = 96  # pixels that an image is kept with
QUALITY = 85  # of WebP


def see_census(
    census: C, model: Model, source: Source | None, *, options: SeeOptions, each: int,
    layers: str | Sequence[str] | None = None, keep: Callable[[C], None] = lambda census: None,
) -> tuple[C, bool]:  # fmt: skip
    """The census with images of at most `each` concepts of each layer, and whether an interrupt cut this short.

    A concept is shown by its representative; the largest concepts come first, then the most reliable units. Where a
    layer's positions see only part of the input the images are as large as that and half more, and cut to what the
    peak sees. layers: globs over layer names, None for all. keep: is handed the census after every layer, or after
    several whose images are small and made together; an interrupt waits until it is done. Images that the census has
    already are kept where they were made in the same way.

    Raises:
        CensusError: the census is of another net; the net takes no images; no data.
    """
    if census.about["weights"]["trained"] != weights(model.net):
        raise CensusError("The census must be of this model. Got one of other weights.")
    if source is None and model.name != "digits":
        raise CensusError("Images of a census need its data, which they are compared with. Pass data=....")
    if each < 1:
        raise CensusError(f"each must be at least 1. Got {each}.")
    options = replace(options, preset=options.preset or DEFAULT, steps=options.steps or STEPS)
    subject = subject_of(model, source, options)
    names = list(census.layers["layer"])
    chosen = names if not layers else [layer.name for layer in select(subject.net, subject.layers, layers)]
    return _with_images(census, subject, options, each, [name for name in names if name in chosen], keep)


def method_text(options: SeeOptions) -> str:
    """How images are optimised, in words."""
    contrast = "" if options.contrast == AUTO else f", contrast {options.contrast}"
    size = "" if options.size is None else f", size {options.size}"
    method = options.method
    return f"{method.name} ({method.paper}), {options.count} steps, seed {options.seed}{contrast}{size}"


def _with_images(
    census: C, subject: Subject, options: SeeOptions, each: int, names: Sequence[str], keep: Callable[[C], None]
) -> tuple[C, bool]:
    text = method_text(options)
    images = dict(census.gallery.visualisations) if census.gallery.method == text else {}
    wanted = {name: [unit for unit in concepts(census.units[census.units["layer"] == name], each)
                     if (name, unit) not in images] for name in names}  # fmt: skip
    interrupted = False
    with tqdm(total=len(names), desc="visualising", unit="layer", disable=not options.progress) as bar:
        for batch, side in _batches(subject, wanted, options):
            units = [(name, unit) for name in batch for unit in wanted[name]]
            try:
                for key, image in _of_units(subject, units, side, replace(options, progress=False)):
                    images[key] = image
            except KeyboardInterrupt:
                interrupted = True
            census = replace(census, gallery=replace(census.gallery, visualisations=dict(images), method=text))
            interrupted = _kept(census, keep) or interrupted
            if interrupted:
                break
            bar.update(len(batch))
    return census, interrupted


def _batches(
    subject: Subject, wanted: Mapping[str, Sequence[int]], options: SeeOptions
) -> Iterator[tuple[list[str], tuple[int, int]]]:
    """Layers whose images are made together, and the side of these: neighbours with small images of one size."""
    batch: list[str] = []
    side, images = (0, 0), 0
    for name, units in wanted.items():
        own = _side(subject, next(layer for layer in subject.layers if layer.name == name), options)
        near = replace(subject, space=subject.input_space.resized(own))
        together = own == side and small(near) and images + len(units) <= (options.batch or most_images(near))
        if batch and not together:
            yield batch, side
            batch, images = [], 0
        batch.append(name)
        side, images = own, images + len(units)
    if batch:
        yield batch, side


def _kept(census: C, keep: Callable[[C], None]) -> bool:
    """Hand over the census; whether an interrupt came meanwhile, which waits until `keep` is done."""
    try:
        with uninterrupted():
            keep(census)
    except KeyboardInterrupt:
        return True
    return False


def concepts(units: pd.DataFrame, each: int) -> list[int]:
    """The representatives of the largest concepts of a layer; among those of equal size the most reliable."""
    own = units[units["representative"] == units["unit"]].copy()
    own["size"] = own["representative"].map(units["representative"].value_counts())
    return [int(unit) for unit in own.sort_values(["size", "reliability"], ascending=False)["unit"][:each]]


def _of_units(
    subject: Subject, units: Sequence[tuple[str, int]], side: tuple[int, int], options: SeeOptions
) -> Iterator[tuple[tuple[str, int], OptimisedImage]]:
    """The images of some units of layers, each (layer, unit)."""
    if not units:
        return
    near = replace(subject, space=subject.input_space.resized(side))
    result = visualise(near, [neuron(name, unit) for name, unit in units], replace(options, top=0))
    for key, entry in zip(units, result.entries, strict=False):  # fewer where it was interrupted
        yield key, _cut(entry, side)
    if result.interrupted:
        raise KeyboardInterrupt


def _side(subject: Subject, layer: Layer, options: SeeOptions) -> tuple[int, int]:
    """Pixels that images for a layer need; all of the input where the net takes no others, or where it was asked."""
    channels, *input_side = subject.input_space.shape
    whole = (input_side[0], input_side[1])
    if options.size is not None:
        return whole
    field = subject.field(layer.name)
    if field is None or field.beyond or not all(field.lines):
        return whole
    sizes = [line[1].size + 4 * abs(line[1].stride) for line in field.lines if line is not None]
    h, w = (min(n, max(LEAST, math.ceil(MARGIN * size / 8) * 8)) for n, size in zip(whole, sizes, strict=True))
    if (h, w) == whole or not _takes(subject.net, layer, (channels, h, w)):
        return whole
    return h, w


def _takes(net: nn.Module, layer: Layer, shape: tuple[int, ...]) -> bool:
    """Whether a net reaches a layer, and the layer has its units, with inputs of another size."""
    reached = []

    def sink(which: Layer, x: torch.Tensor) -> None:
        reached.append(x.shape[which.unit_axis] == which.width)
        raise StopForward

    parameter = next(net.parameters(), None)
    x = torch.zeros(2, *shape) if parameter is None else torch.zeros(2, *shape, device=parameter.device)
    try:
        with tap(net, [layer], sink):
            call(net, x if parameter is None else x.to(parameter.dtype))
    except StopForward:
        return all(reached)
    except Exception:  # whatever a net raises at a size that it was not made for
        return False
    return False


def _cut(entry: Visualisation, side: tuple[int, int]) -> OptimisedImage:
    """An image as a file, cut to what the peak sees."""
    assert entry.image is not None
    assert entry.score is not None
    window = entry.window or tuple((0, n) for n in side)
    image = cropped(shown(entry.image), window, TILE)
    few_pixels = max(high - low for low, high in window) <= TILE // 3
    file = image_bytes(image, "png") if few_pixels else image_bytes(image, "webp", quality=QUALITY)
    return OptimisedImage(file, asdict(entry.score) | {"contrast": entry.contrast})
