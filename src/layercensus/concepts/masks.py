"""Concepts that masks show: where in an example each of them is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageOps
from torch import Tensor

from ..data.batch import Batch, tensors
from ..data.picture import pictures, sized
from ..data.reading import one_line
from ..data.source import Source
from ..errors import CensusError
from ..models.prepare import Prepare
from .sets import ConceptSet, Places, rows_by_order

HALF = 0.5  # of a position's own part of the example, from which on a concept is there


@dataclass(frozen=True)
class Masks:
    """Masks by concept, for the examples in order: (examples, height, width), 0 where the concept is not."""

    name: str
    of: Mapping[str, Any]


def masks(of: Mapping[str, Any], name: str = "masks") -> Masks:
    """Masks as a set of concepts for `take(concepts=...)`.

    of: concept -> (examples, height, width) booleans or numbers, above 0 where the concept is; the examples in the
    order of the data, with the proportions of what the net is given.

    >>> import numpy as np
    >>> masks({"left": np.zeros((3, 4, 4), dtype=bool)}).name
    'masks'
    """
    return Masks(name, dict(of))


def of_arrays(given: Masks, source: Source) -> ConceptSet:
    """The set of masks in memory.

    Raises:
        CensusError: of other shapes, or of another number of examples.
    """
    arrays = {str(concept): torch.as_tensor(np.asarray(value)) for concept, value in given.of.items()}
    for concept, value in arrays.items():
        if value.ndim != 3:
            raise CensusError(
                f"Mask {concept!r} must have the shape (examples, height, width). Got {tuple(value.shape)}."
            )
    lengths = {len(value) for value in arrays.values()} or {0}
    rows = rows_by_order(source, max(lengths), f"Masks {given.name!r}")
    if len(lengths) > 1 or len({value.shape for value in arrays.values()}) > 1:
        raise CensusError(f"Masks {given.name!r} must share one shape. Got several.")
    digest = sha256(b"".join((value > 0).numpy().tobytes() for value in arrays.values())).hexdigest()

    def of(batch: Batch) -> Tensor:
        at = torch.tensor([rows[id] for id in batch.ids])
        return torch.stack([(value[at] > 0).float() for value in arrays.values()], 1)

    return ConceptSet(
        given.name, tuple(arrays), None, lambda batch, places: at_places(of(batch), places), digest=digest
    )


def of_folder(folder: Path, source: Source) -> ConceptSet:
    """The set of a folder with a sub-folder a concept, in which masks lie as the pictures do, whatever their endings.

    A picture without a mask does not show the concept.

    Raises:
        CensusError: no such folder, no masks in it, or a mask of no picture.
    """
    if not folder.is_dir():
        raise CensusError(f"masks:{folder} must be a folder. Got {'a file' if folder.exists() else 'no such folder'}.")
    known = {id.rpartition(".")[0]: id for id in source.ids or ()}
    files: dict[str, dict[str, Path]] = {}
    for path, file in pictures(folder).items():
        concept, _, rest = path.partition("/")
        of = known.get(rest.rpartition(".")[0])
        if of is None:
            raise CensusError(f"masks:{folder} must hold CONCEPT/PICTURE for pictures of {source.name}. Got {path!r}.")
        files.setdefault(concept, {})[of] = file
    if not files:
        raise CensusError(f"masks:{folder} must hold masks, as CONCEPT/PICTURE. Got none.")
    names = tuple(sorted(files))
    digest = sha256(repr([(path, file.stat().st_size) for path, file in pictures(folder).items()]).encode())

    def of_batch(batch: Batch) -> Tensor:
        height, width = tensors(batch.inputs)[0].shape[-2:]
        shown = [[_mask(files[name].get(id), source.prepare, (height, width)) for name in names] for id in batch.ids]
        return torch.stack([torch.stack(each) for each in shown])

    return ConceptSet(
        folder.name, names, None, lambda batch, places: at_places(of_batch(batch), places), digest=digest.hexdigest()
    )


def of_alpha(source: Source) -> ConceptSet:
    """The concept "opaque": where the pictures' own alpha channel is above a half."""
    root = getattr(source, "root", None)
    if root is None:
        raise CensusError(f"alpha as concept must be that of pictures in a folder. Got {source.name}.")

    def of_batch(batch: Batch) -> Tensor:
        height, width = tensors(batch.inputs)[0].shape[-2:]
        shown = [_mask(root / id, source.prepare, (height, width), alpha=True) for id in batch.ids]
        return torch.stack(shown)[:, None]

    return ConceptSet(
        "alpha", ("opaque",), None, lambda batch, places: at_places(of_batch(batch), places), digest="alpha"
    )


def _mask(file: Path | None, prepare: Prepare | None, size: tuple[int, int], alpha: bool = False) -> Tensor:
    """(height, width) float32, 0 or 1, cut and resized as the picture is."""
    if file is None:
        return torch.zeros(size)
    try:
        with Image.open(file) as image:
            upright = ImageOps.exif_transpose(image)
            shown = upright.convert("RGBA").getchannel("A") if alpha else _flat(upright)
            cut = sized(shown, prepare or Prepare())
    except Exception as error:  # a decoder fed with garbage may raise anything
        raise CensusError(f"{file} must be a readable mask. Got: {one_line(error)}.") from None
    value = np.asarray(cut, dtype=np.float32)
    if value.shape != size:
        raise CensusError(
            f"{file} must have the size of its picture, {size[1]} x {size[0]}. Got {cut.width} x {cut.height}."
        )
    return torch.from_numpy((value > (127 if alpha else 0)).astype(np.float32))


def _flat(image: Image.Image) -> Image.Image:
    """Above 0 where any channel is."""
    array: NDArray[Any] = np.asarray(image)
    there = array.max(2) > 0 if array.ndim == 3 else array > 0
    return Image.fromarray((there * 255).astype(np.uint8))


def at_places(shown: Tensor, places: Places) -> Tensor:
    """(examples, spots, concepts) 1 where at least half of a position's part of the example shows the concept.

    shown: (examples, concepts, height, width). nan at positions that have no place in it.
    """
    cover = torch.nn.functional.adaptive_avg_pool2d(shown, (places.grid[0], places.grid[1])).flatten(2)
    at = places.index.clamp(min=0)[:, None].expand(-1, cover.shape[1], -1)
    value = (cover.gather(2, at) >= HALF).float().transpose(1, 2)
    return torch.where(places.index[:, :, None] < 0, torch.nan, value)
