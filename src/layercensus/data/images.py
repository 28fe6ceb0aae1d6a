"""A folder of pictures, decoded as they are needed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ..errors import CensusError
from ..models.prepare import Prepare
from .batch import Batch, stacked
from .decoders import THREADS, Read, decoded
from .groups import group_keys
from .labels import Labels, as_classes, same_length
from .numbers import first_not_finite
from .picture import header, pictures, read_picture
from .reading import one_line
from .request import Request, one_kind
from .source import Skip, Source

SHOWN = 20  # names of skipped files that are listed


class Images(Source):
    """Every picture below a folder; ids are paths relative to it, sorted.

    Where all of them lie in two or more sub-folders, the first level names the classes; where all lie in folders below
    these, the second names groups, such as the photograph that they are crops of. Nothing is decoded before its
    batch is due; only where the model names no size or channels are the files' headers read at the start.

    Raises:
        CensusError: no folder, no picture in it, sizes that differ, or more unreadable files than `limit_bad`.
    """

    kind = "images"
    prepare: Prepare

    def __init__(
        self, folder: str, prepare: Prepare | None = None, labels: Labels | None = None, limit_bad: int = 0,
        workers: int = 0,
    ) -> None:  # fmt: skip
        self.workers = workers
        self.root, self.prepare, self.limit_bad = Path(folder), prepare or Prepare(), limit_bad
        if not self.root.is_dir():
            got = "a file" if self.root.exists() else "no such folder"
            raise CensusError(f"images:{folder} must be a folder. Got {got}.")
        self._path = pictures(self.root)
        if not self._path:
            raise CensusError(f"images:{folder} must hold pictures. Got a folder without any file that looks like one.")
        self.ids = tuple(self._path)
        self.name, self.length = f"images:{self.root.resolve().name}", len(self.ids)
        self._bad: dict[str, str] = {}  # why each unreadable file could not be read
        self._shape: tuple[str, tuple[int, ...]] | None = None  # of the first picture, and its id
        self._channels = self._channels_of_headers()
        self._label, origin = self._labels(labels)
        self._folder = _folders(self.ids) if self._label else {}
        self._about = {
            "name": self.name, "kind": "images", "files": self.length, "inputs": self._described(), "labels": origin,
        }  # fmt: skip
        if self._folder:
            self._about["groups"] = f"names of the {len(set(self._folder.values())):,} folders in those"

    @property
    def about(self) -> dict[str, Any]:  # type: ignore[override]
        """Provenance, with the number and the first names of the files that could not be read until now."""
        if not self._bad:
            return dict(self._about)
        names = ", ".join(sorted(self._bad)[:SHOWN]) + (" and more" if len(self._bad) > SHOWN else "")
        return self._about | {"skipped": f"{len(self._bad)} ({names})"}

    def without_folder_groups(self) -> None:
        """Folders name concepts and no sources."""
        self._folder = {}
        self._about.pop("groups", None)

    def pick(self, ids: Sequence[str]) -> Batch:
        """These pictures in this order; files that cannot be read, and may be skipped, are left out."""
        with ThreadPoolExecutor(THREADS) as pool:
            return self._batch(list(zip(ids, pool.map(self._read, ids), strict=True)))

    def batches(self, size: int, skip: Skip = None) -> Iterator[Batch]:
        wanted = [id for id in self.ids or () if skip is None or not skip(id)]
        chunks = [wanted[start : start + size] for start in range(0, len(wanted), size)]
        with closing(decoded(self._read, chunks, self.workers)) as coming:
            for items in coming:
                batch = self._batch(items)
                if batch.ids:
                    yield batch
        if len(self._bad) == self.length:
            raise CensusError(
                f"{self.name} must hold a readable picture. Got {len(self._bad)} files, none of which can be decoded."
            )

    @property
    def _read(self) -> Read:
        return partial(_read, self._path, self.prepare, self._channels)

    def _batch(self, items: Sequence[tuple[str, Tensor | str]]) -> Batch:
        readable = []
        for id, x in items:
            if isinstance(x, str):
                self._count_bad(id, x)
            else:
                readable.append((id, self._fitting(id, x)))
        if not readable:
            return Batch(torch.zeros(0, *(self._shape[1] if self._shape else ())), ())
        ids = tuple(id for id, _ in readable)
        labels = torch.tensor([self._label[id] for id in ids]) if self._label else None
        groups = group_keys([self._folder[id] for id in ids]) if self._folder else None
        return Batch(stacked([x for _, x in readable]), ids, labels, groups=groups)

    def _count_bad(self, id: str, why: str) -> None:
        self._bad[id] = why
        if len(self._bad) > self.limit_bad:
            raise CensusError(
                f"{self.root / id} must be a readable picture. Got: {why}. "
                f"Remove it, or allow for such files with limit_bad={len(self._bad)}."
            )

    def _fitting(self, id: str, x: Tensor) -> Tensor:
        if first_not_finite(x[None]) is not None:
            raise CensusError(f"Inputs must be finite. Got NaN or inf in example {id!r} of {self.name}.")
        self._shape = self._shape or (id, tuple(x.shape))
        self._same_size(self._shape[0], self._shape[1][1:], id, tuple(x.shape)[1:])
        return x

    def _same_size(self, first: str, size: tuple[int, ...], other: str, other_size: tuple[int, ...]) -> None:
        if size != other_size:
            raise CensusError(
                f"Images must share one size, or the model must have a Prepare(size=(height, width)). "
                f"Got {first} of {size[1]} x {size[0]} and {other} of {other_size[1]} x {other_size[0]} pixels."
            )

    def _channels_of_headers(self) -> int:
        """The channels of all pictures, once the sizes of those with a readable header agree or will be made to."""
        asked = self.prepare.channels or (len(self.prepare.mean) if self.prepare.mean else None)
        if asked and self.prepare.size:
            return asked
        with ThreadPoolExecutor(THREADS) as pool:
            headers = [(id, h) for id, h in zip(self._path, pool.map(_header, self._path.values()), strict=True) if h]
        for id, (_, size) in headers if self.prepare.size is None else ():
            self._same_size(headers[0][0], headers[0][1][1], id, size)
        return asked or (1 if all(grey for _, (grey, _) in headers) else 3)

    def _described(self) -> str:
        described = self.prepare.describe()
        return described if self.prepare.channels else f"{described} ({'grey' if self._channels == 1 else 'RGB'})"

    def _labels(self, given: Labels | None) -> tuple[dict[str, int], str]:
        ids = list(self.ids or ())
        if given is not None:
            numbers, self.class_names = as_classes(given)
            return dict(zip(ids, same_length(numbers, len(ids)).tolist(), strict=True)), "given beside the data"
        folders = {id: id.partition("/")[0] if "/" in id else "" for id in ids}
        names = sorted(set(folders.values()))
        if "" in names or len(names) < 2:
            return {}, "none"
        self.class_names = tuple(names)
        return {id: names.index(folder) for id, folder in folders.items()}, f"names of the {len(names)} sub-folders"


def open_images(folder: str, request: Request) -> Images:
    """The pictures below a folder."""
    one_kind(request.prepare, "pictures", "vision")
    return Images(folder, request.prepare, request.labels, request.limit_bad, request.workers)


def _folders(ids: Sequence[str]) -> dict[str, str]:
    """The folder of each picture below its class's; none where a picture lies in no such folder."""
    parts = {id: id.split("/") for id in ids}
    return {id: "/".join(part[:2]) for id, part in parts.items()} if all(len(p) > 2 for p in parts.values()) else {}


def _read(paths: Mapping[str, Path], prepare: Prepare, channels: int, id: str) -> Tensor | str:
    """The prepared picture, or why it cannot be read."""
    try:
        return read_picture(paths[id], prepare, channels)
    except MemoryError:
        raise
    except Exception as error:  # a decoder fed with garbage may raise anything
        return one_line(error).replace(repr(str(paths[id])), "it")


def _header(path: Path) -> tuple[bool, tuple[int, int]] | None:
    try:
        return header(path)
    except Exception:  # it will be counted as unreadable when its turn comes
        return None
