"""The examples to which units respond most, read once more: what they are, and where in them each unit peaks."""

from __future__ import annotations

import json
import math
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from ..count.nets import Net
from ..data.batch import Batch, tensors
from ..data.files import image_bytes
from ..data.source import Source
from ..layers.field import Field
from ..layers.layer import Layer
from ..layers.memory_format import memory_format
from ..layers.net import call
from ..layers.receptive import following
from ..layers.tap import tap
from ..progress import tqdm
from ..settings import Settings
from ..tally.reading import by_position
from .gallery import RANKS, Gallery
from .rows import with_rows

LOSSLESS = 64  # pixels a side up to which pictures are kept bit by bit
QUALITY = 80  # of larger ones
LEAST_INSIDE = 0.4  # of what a position sees that lies in the example: a crop of less would be mostly padding
IDS = ("input_ids", "tokens", "inputs")  # where a batch of several inputs holds its tokens
Tops = Mapping[str, Mapping[str, list[tuple[int, int]]]]  # by layer and id: which units it tops, and how far up


def top_examples(
    gallery: Gallery, net: Net, *, source: Source, units: pd.DataFrame, ends: Mapping[str, Sequence[Sequence[str]]],
    format: str, settings: Settings,
) -> Gallery:  # fmt: skip
    """The gallery with the examples that top most units, and the positions at which these units peak.

    units: of the census. ends: by layer, ids of the examples at each end of directions. format: memory format of the
    count. Cost: one forward pass over at most `settings.pictures` examples, which are read again.
    """
    if settings.pictures == 0:
        return replace(gallery, missing="none were asked for (pictures 0)")
    if not source.reusable:
        return replace(gallery, missing="the data could be read only once")
    if source.kind == "arrays":
        return with_rows(gallery, source, units, settings.pictures)
    tops = {layer.name: _tops(units, layer.name) for layer in net.layers}
    wanted = _wanted(tops, {layer.name: layer.width for layer in net.layers}, ends, settings.pictures)
    encoder = _Encoder(source)
    peaks = {layer.name: np.full((layer.width, RANKS), -1, dtype=np.int32) for layer in net.layers}
    fields: dict[str, Field] = {}
    with memory_format(net.net, format):
        alone = any(layer.alone is not None for layer in net.layers)
        for batch in _read(source, wanted, 1 if alone else settings.batch, settings.progress):
            encoder.add(batch)
            _peaks(net, batch, tops, peaks, fields if source.kind in ("images", "signals") else None)
    return replace(
        gallery, kind=source.kind, examples=encoder.examples, side=encoder.side, scale=encoder.scale, missing="",
        peaks=peaks, fields=fields,
    )  # fmt: skip


def _tops(units: pd.DataFrame, layer: str) -> dict[str, list[tuple[int, int]]]:
    """The (unit, rank) pairs of every example that is among the first of some unit."""
    tops: dict[str, list[tuple[int, int]]] = defaultdict(list)
    for unit, ids in enumerate(units.loc[units["layer"] == layer, "top"]):
        for rank, id in enumerate(ids[:RANKS]):
            tops[id].append((unit, rank))
    return dict(tops)


def _wanted(tops: Tops, widths: Mapping[str, int], ends: Mapping[str, Sequence[Sequence[str]]], most: int) -> list[str]:
    """The ids that show most: a first rank counts more than a fifth, and every layer counts the same.

    The ends of a layer's directions count as much as the tops of its units.
    """
    worth: dict[str, float] = defaultdict(float)
    for layer, ids in tops.items():
        for id, pairs in ids.items():
            worth[id] += sum(1 / (rank + 1) for _, rank in pairs) / widths[layer]
    for rows in ends.values():
        for rank, id in (pair for row in rows for pair in enumerate(row[:RANKS])):
            worth[id] += 1 / (rank + 1) / len(rows)
    return sorted(worth, key=lambda id: (-worth[id], id))[:most]


def _read(source: Source, wanted: Sequence[str], size: int, progress: bool) -> Iterator[Batch]:
    chosen = set(wanted)
    with tqdm(total=len(wanted), desc="reading top examples", unit="ex", disable=not progress) as bar:
        for batch in source.batches(size, skip=lambda id: id not in chosen):
            yield batch
            bar.update(len(batch.ids))


def _peaks(
    net: Net, batch: Batch, tops: Tops, peaks: dict[str, NDArray[np.int32]], fields: dict[str, Field] | None
) -> None:
    """Fill in where the units that these examples top peak in them; and once, what each position can see."""

    inputs = batch.for_net(net.net)
    first = tensors(inputs)[0]

    def sink(layer: Layer, x: Tensor) -> None:
        if x.ndim > 2:
            places = _places(None if fields is None else fields.get(layer.name), first.shape[2:])
            _fill(layer, x, batch, tops[layer.name], peaks[layer.name], places)

    if fields is None or fields or not first.is_floating_point() or first.ndim < 3:
        with tap(net.net, net.layers, sink):
            call(net.net, inputs)
        return
    with following(net.net, first) as receptive:

        def both(layer: Layer, x: Tensor) -> None:
            fields[layer.name] = receptive.field(x, layer.unit_axis)
            sink(layer, x)

        with tap(net.net, net.layers, both):
            call(net.net, inputs)


def _places(field: Field | None, side: Sequence[int]) -> Tensor | None:
    """(positions,): those of which a crop shows enough; None for all, as where none does."""
    if field is None or len(field.shape) != 2 or len(side) != 2:
        return None
    enough = [field.inside(position, side) >= LEAST_INSIDE for position in range(math.prod(field.shape))]
    return torch.tensor(enough) if any(enough) and not all(enough) else None


def _fill(
    layer: Layer, x: Tensor, batch: Batch, tops: Mapping[str, list[tuple[int, int]]], peaks: NDArray[np.int32],
    places: Tensor | None,
) -> None:  # fmt: skip
    topped = [(unit, rank, row) for row, id in enumerate(batch.ids) for unit, rank in tops.get(id, ())]
    if not topped:
        return
    unit, rank, row = (torch.tensor(column, device=x.device) for column in zip(*topped, strict=True))
    maps = by_position(x.detach(), layer.unit_axis, row, unit).float()
    mask = batch.mask
    if mask is not None and mask.shape == (x.shape[0], maps.shape[1]):
        maps = maps.masked_fill(~mask.to(x.device)[row], -torch.inf)
    if places is not None and len(places) == maps.shape[1]:
        maps = maps.masked_fill(~places.to(x.device), -torch.inf)
    peaks[unit.cpu().numpy(), rank.cpu().numpy()] = maps.argmax(1).int().cpu().numpy()


class _Encoder:
    """Examples as they are shown, encoded one by one."""

    def __init__(self, source: Source) -> None:
        self._source, self._range = source, (0.0, 1.0)
        self.examples: dict[str, bytes] = {}
        self.side: tuple[int, ...] = ()
        self.scale = ""

    def add(self, batch: Batch) -> None:
        """Keep these."""
        for id, shown in zip(batch.ids, self._shown(batch), strict=True):
            self.examples[id] = shown

    def _shown(self, batch: Batch) -> Iterator[bytes]:
        if self._source.kind == "tokens":
            yield from self._sentences(batch)
            return
        x = tensors(batch.inputs)[0].detach().float().cpu()
        if not self.side:
            self.side = tuple(x.shape[2:])
            self._range, self.scale = self._scaled(x)
        if self._source.kind == "signals":
            yield from (np.asarray(example.mean(0), dtype=np.float32).tobytes() for example in x)
            return
        for example in self._bright(x):
            yield _encoded(example)

    def _scaled(self, x: Tensor) -> tuple[tuple[float, float], str]:
        prepare = self._source.prepare
        if self._source.kind == "images" and prepare is not None:
            return (0.0, 1.0), "brightness is as in the files"
        low, high = float(x.min()), float(x.max())
        if self._source.kind == "images" and low >= 0 and high <= 1:
            return (0.0, 1.0), "0 is black, 1 is white"
        return (low, max(high, low + 1e-12)), f"{low:.3g} is black, {high:.3g} is white"

    def _bright(self, x: Tensor) -> NDArray[np.uint8]:
        """(examples, height, width, channels) of pictures in 0..255; grey where there are not three channels."""
        prepare = self._source.prepare
        if prepare is not None and prepare.mean and prepare.std and len(prepare.mean) == x.shape[1]:
            mean, std = (torch.tensor(v).view(1, -1, 1, 1) for v in (prepare.mean, prepare.std))
            x = x * std + mean
        low, high = self._range
        x = ((x - low) / (high - low)).clamp(0, 1)
        x = x if x.shape[1] in (1, 3) else x.mean(1, keepdim=True)
        return (x * 255).round().to(torch.uint8).permute(0, 2, 3, 1).numpy()

    def _sentences(self, batch: Batch) -> Iterator[bytes]:
        inputs = batch.inputs
        ids = next((inputs[n] for n in IDS if n in inputs), None) if isinstance(inputs, dict) else None
        tokens = (ids if ids is not None else tensors(inputs)[0]).flatten(1).cpu()
        counts = (
            batch.mask if batch.mask is not None and batch.mask.shape == tokens.shape else tokens.new_ones(tokens.shape)
        )
        for row, counted in zip(tokens.tolist(), counts.bool().tolist(), strict=True):
            named = self._source.words(row)
            words = [word if real else "" for word, real in zip(named, counted, strict=True)]
            yield json.dumps(words, ensure_ascii=False).encode("utf-8", "backslashreplace")


def _encoded(pixels: NDArray[np.uint8]) -> bytes:
    image = Image.fromarray(pixels[:, :, 0] if pixels.shape[2] == 1 else pixels)
    return image_bytes(image, "png") if max(image.size) <= LOSSLESS else image_bytes(image, "webp", quality=QUALITY)
