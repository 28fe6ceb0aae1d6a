"""A folder of pictures, decoded as they are needed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image, ImageOps
from torch import Tensor

from ..errors import CensusError
from ..models.prepare import Prepare
from .batch import Batch
from .labels import as_classes, same_length
from .source import Skip, Source

DECODERS = 2


class Images(Source):
    """Every picture below a folder; ids are paths relative to it, sorted. The first folder level names the class.

    Raises:
        CensusError: no folder, no picture in it, or more unreadable files than `limit_bad`.
    """

    kind = "images"

    def __init__(self, folder: str, prepare: Prepare | None = None, labels: Any = None, limit_bad: int = 0) -> None:
        self.root, self.prepare, self.limit_bad = Path(folder), prepare or Prepare(), limit_bad
        if not self.root.is_dir():
            raise CensusError(f"images:{folder} must be a folder. Got {'a file' if self.root.exists() else 'no such folder'}.")
        self.ids = _pictures(self.root)
        if not self.ids:
            raise CensusError(f"images:{folder} must hold pictures. Got a folder without any file that looks like one.")
        self.name, self.length = f"images:{self.root.name}", len(self.ids)
        self.bad: dict[str, str] = {}
        self._size: tuple[str, tuple[int, ...]] | None = None
        self._channels = self.prepare.channels or self._common_channels()
        self._label = self._labels(labels)
        self._about = {"name": self.name, "kind": "images", "files": len(self.ids), "inputs": self.prepare.describe()}

    @property
    def about(self) -> dict[str, Any]:  # type: ignore[override]
        """Provenance, with the files that could not be read until now."""
        if not self.bad:
            return dict(self._about)
        names = ", ".join(list(self.bad)[:20]) + (" and more" if len(self.bad) > 20 else "")
        return self._about | {"skipped": f"{len(self.bad)} ({names})"}

    def pick(self, ids: Sequence[str]) -> Batch:
        return self._batch([(id, self._read(id)) for id in ids])

    def batches(self, size: int, skip: Skip = None) -> Iterator[Batch]:
        wanted = [id for id in self.ids or () if skip is None or not skip(id)]
        chunks = [wanted[start : start + size] for start in range(0, len(wanted), size)]
        some = False
        with ThreadPoolExecutor(DECODERS) as pool:
            coming: list[list[tuple[str, Future[Tensor | None]]]] = []
            try:
                for number in range(len(chunks)):
                    while len(coming) < 2 and number + len(coming) < len(chunks):
                        coming.append([(id, pool.submit(self._read, id)) for id in chunks[number + len(coming)]])
                    batch = self._batch([(id, future.result()) for id, future in coming.pop(0)])
                    some = some or bool(batch.ids)
                    if batch.ids:
                        yield batch
            finally:
                pool.shutdown(wait=True, cancel_futures=True)
        if wanted and not some and len(wanted) == len(self.ids or ()):
            raise CensusError(f"{self.name} must hold a readable picture. Got {len(self.bad)} files, none of which can be decoded.")

    def _batch(self, items: list[tuple[str, Tensor | None]]) -> Batch:
        kept = [(id, x) for id, x in items if x is not None]
        for id, x in kept:
            self._same_size(id, x)
        if not kept:
            return Batch(torch.zeros(0), ())
        ids = tuple(id for id, _ in kept)
        labels = torch.tensor([self._label[id] for id in ids]) if self._label else None
        return Batch(torch.stack([x for _, x in kept]), ids, labels)

    def _read(self, id: str) -> Tensor | None:
        """The prepared picture, or None for a file that cannot be read and may be skipped."""
        try:
            with Image.open(self.root / id) as image:
                return prepared(image, self.prepare, self._channels)
        except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
            self.bad[id] = str(error)
        if len(self.bad) > self.limit_bad:
            raise CensusError(
                f"{self.root / id} cannot be read as a picture ({self.bad[id].replace(str(self.root / id), 'it')}). "
                f"Remove it, or allow for {len(self.bad)} such files with --skip-bad {len(self.bad)}."
            )
        return None

    def _same_size(self, id: str, x: Tensor) -> None:
        if self._size is None:
            self._size = (id, tuple(x.shape))
        elif self._size[1] != tuple(x.shape):
            one, two = (f"{name} is {shape[-1]} x {shape[-2]}" for name, shape in (self._size, (id, tuple(x.shape))))
            raise CensusError(f"Images must share one size, or a size must be given with --size. Got two: {one}, {two}.")

    def _common_channels(self) -> int:
        """1 when the first pictures are all grey, else 3."""
        for id in list(self.ids or ())[:64]:
            try:
                with Image.open(self.root / id) as image:
                    if image.mode not in ("1", "L", "I", "F") and not image.mode.startswith("I;16"):
                        return 3
            except OSError:
                continue
        return 1

    def _labels(self, given: Any) -> dict[str, int]:
        ids = list(self.ids or ())
        if given is not None:
            numbers, self.class_names = as_classes(given)
            return dict(zip(ids, same_length(numbers, len(ids)).tolist(), strict=True))
        folders = [id.split("/")[0] if "/" in id else None for id in ids]
        names = sorted({f for f in folders if f is not None})
        if None in folders or len(names) < 2:
            return {}
        self.class_names = tuple(names)
        return {id: names.index(str(folder)) for id, folder in zip(ids, folders, strict=True)}


def _pictures(root: Path) -> tuple[str, ...]:
    Image.init()
    known = set(Image.registered_extensions())
    found = (path.relative_to(root) for path in root.rglob("*") if path.suffix.lower() in known and path.is_file())
    return tuple(sorted(path.as_posix() for path in found if not any(part.startswith(".") for part in path.parts)))


def prepared(image: Image.Image, prepare: Prepare, channels: int) -> Tensor:
    """(channels, height, width) float32: upright, in the channels asked for, resized and normalised as `prepare` says."""
    upright = ImageOps.exif_transpose(image)
    x = _channelled(upright, channels)
    if prepare.size:
        x = _sized(x, prepare)
    values = np.asarray(x, dtype=np.float32)
    scale = 65535.0 if upright.mode.startswith("I") else 1.0 if upright.mode == "F" else 255.0
    tensor = torch.from_numpy(values / np.float32(scale if channels == 1 else 255.0))
    tensor = tensor.unsqueeze(0) if tensor.ndim == 2 else tensor.permute(2, 0, 1).contiguous()
    if prepare.mean and prepare.std:
        mean, std = (torch.tensor(v).reshape(-1, 1, 1) for v in (prepare.mean, prepare.std))
        tensor = (tensor - mean) / std
    return tensor


def _channelled(image: Image.Image, channels: int) -> Image.Image:
    """Transparent pictures on white; 16-bit and floating grey keep their depth where grey is asked for."""
    if image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info:
        rgba = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), rgba)
    if image.mode.startswith("I") or image.mode == "F":
        if channels == 1:
            return image.convert("F")
        grey = np.asarray(image.convert("F"), dtype=np.float32) / (257.0 if image.mode.startswith("I") else 1 / 255.0)
        return Image.fromarray(grey.clip(0, 255).astype(np.uint8)).convert("RGB")
    return image.convert("L" if channels == 1 else "RGB")


def _sized(image: Image.Image, prepare: Prepare) -> Image.Image:
    """The shorter side at size / crop, then the centre of `size`."""
    height, width = prepare.size or (image.height, image.width)
    how = getattr(Image.Resampling, prepare.interpolation.upper())
    scale = max(height / image.height, width / image.width) / prepare.crop
    big = (max(width, round(image.width * scale)), max(height, round(image.height * scale)))
    image = image.resize(big, how)
    left, top = (big[0] - width) // 2, (big[1] - height) // 2
    return image.crop((left, top, left + width, top + height))
