"""What has been counted so far, on disk: written as the count goes on, so that nothing is lost and memory stays fixed.

Panel rows are appended in parts and read back one layer at a time; the streams are one small file, replaced at every
checkpoint. A checkpoint is complete when the streams' file is: parts that it does not mention are ignored.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor

from ..errors import CensusError
from ..tally import Panel, Streams
from ..tally.panel import ROWS, joined_spots

State = dict[str, Tensor]
Keys = NDArray[np.int64]


class Spool:
    """A folder of checkpoints of one count."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.about: dict[str, Any] = {}  # what is being counted; resuming anything else is refused
        self.names: dict[int, str] = {}  # example ids by key, for the examples that are kept
        self.done = np.zeros(0, dtype=np.int64)  # keys of every example seen
        self.parts = 0
        self.unmasked: tuple[str, ...] = ()  # layers to whose positions a mask was given that does not fit
        self._part_keys: list[Keys] = []  # keys of each part's rows, as far as they were asked for
        self._index: dict[str, list[str]] = {}  # tensors in the streams' file by "net|layer"

    @classmethod
    def start(cls, folder: Path, about: dict[str, Any], resume: bool) -> Spool:
        """A fresh spool in `folder`, or with `resume` the one that is there.

        Raises:
            CensusError: when the folder holds another count, or one at all and `resume` is not set.
        """
        spool = cls(folder)
        if spool.share_file.exists() and not resume:
            raise CensusError(
                f"{folder.parent} holds a counted share. Name another --out, or replace it (--overwrite)."
            )
        if not spool._streams_file.exists():
            _make(folder)
            spool.about = about
            return spool
        if not resume:
            raise CensusError(f"{folder} holds an unfinished count. Go on with --resume, or name another --out.")
        spool._read_head()
        differing = sorted(k for k in about if spool.about.get(k) != about[k])
        if differing:
            raise CensusError(
                f"{folder} holds a count with another {differing[0]}: "
                f"{_short(spool.about.get(differing[0]))}, not {_short(about[differing[0]])}. Name another --out."
            )
        return spool

    @classmethod
    def open(cls, folder: Path) -> Spool:
        """The spool that is in `folder`.

        Raises:
            CensusError: when it is damaged or missing.
        """
        spool = cls(folder)
        spool._read_head()
        return spool

    @property
    def share_file(self) -> Path:
        """What a finished share of a count says of itself."""
        return self.folder / "share.json"

    @property
    def _streams_file(self) -> Path:
        return self.folder / "streams.safetensors"

    def _part(self, number: int) -> Path:
        return self.folder / f"panel-{number:05d}.safetensors"

    def _read_head(self) -> None:
        with _opened(self._streams_file) as file:
            head = json.loads(file.metadata()["head"])
            self.done = file.get_tensor("done").numpy()
        self.about, self.parts, self.unmasked = head["about"], head["parts"], tuple(head["unmasked"])
        self.names = {int(key): name for key, name in head["names"].items()}

    def save(self, panel: State, streams: State, keys: Sequence[int], names: dict[int, str]) -> None:
        """One checkpoint: the panel rows since the last one, and the streams as they now stand.

        Raises:
            CensusError: when the disk is full; what earlier checkpoints hold stays.
        """
        if panel:
            _write(self._part(self.parts), panel, {})
        parts = self.parts + bool(panel)
        done = np.concatenate([self.done, np.asarray(keys, dtype=np.int64)])
        named = {str(k): v for k, v in names.items()}
        head = {"about": self.about, "parts": parts, "names": named, "unmasked": self.unmasked}
        _write(self._streams_file, {**streams, "done": torch.from_numpy(done)}, {"head": json.dumps(head)})
        self.parts, self.done, self.names, self._index = parts, done, names, {}

    def streams(self, net: str, layer: str) -> Streams | None:
        """What the streams of one layer hold, None when nothing was counted."""
        return self.many_streams([(net, layer)])[0]

    def many_streams(self, wanted: Iterable[tuple[str, str]]) -> list[Streams | None]:
        """The same for several layers, opening the file once."""
        if not self._streams_file.exists():
            return [None for _ in wanted]
        with _opened(self._streams_file) as file:
            if not self._index:
                for key in file.keys():  # noqa: SIM118 - the handle itself is not iterable
                    self._index.setdefault(key.rpartition("|")[0], []).append(key)
            return [_streams(file, self._index.get(f"{net}|{layer}", [])) for net, layer in wanted]

    def panel(self, net: str, layer: str, capacity: int, spots: int) -> Panel:
        """The panel of one layer, sorted by key, with `spots` positions where its maps differ in size."""
        last = np.sort(self.panel_keys())[:capacity][-1:]
        parts = []
        for number, keys in enumerate(self._part_keys):
            kept = torch.from_numpy(np.flatnonzero(keys <= last))
            if not len(kept):
                continue
            with _opened(self._part(number)) as file:
                shared = {name: file.get_tensor(name)[kept] for name in ("key", "label")}
                parts.append(shared | {n: file.get_tensor(f"{net}|{layer}|{n}")[kept] for n in ROWS[2:]})
        if not parts:  # a share of the data may hold none of the panel
            streams = self.streams(net, layer)
            return Panel.empty(0 if streams is None else len(streams.moments.mean), capacity, spots)
        order = torch.cat([part["key"] for part in parts]).argsort(stable=True)
        rows = {name: torch.cat([part[name] for part in parts])[order] for name in ROWS if name != "spots"}
        pattern = joined_spots([part["spots"] for part in parts], spots)[order]
        return Panel(torch.tensor(capacity), **rows, spots=pattern)

    def panel_keys(self) -> Keys:
        """Keys of every example whose panel rows are on disk."""
        for number in range(len(self._part_keys), self.parts):
            with _opened(self._part(number)) as file:
                self._part_keys.append(file.get_tensor("key").numpy().copy())
        return np.concatenate([np.zeros(0, dtype=np.int64), *self._part_keys])

    def take_in(self, other: Spool, streams: dict[str, Streams]) -> None:
        """Add what another spool of the same count holds; `streams`, by "net|layer", is what both hold together.

        Raises:
            CensusError: when both hold the same example, or the disk is full.
        """
        twice = np.intersect1d(self.done, other.done)
        if len(twice):
            raise CensusError(f"Shares must hold different examples. Got {len(twice):,} of {other.folder} twice.")
        state = {f"{place}|{name}": tensor for place, s in streams.items() for name, tensor in s.state_dict().items()}
        for number in range(other.parts):
            with _opened(other._part(number)) as file:
                _write(self._part(self.parts), {name: file.get_tensor(name) for name in file.keys()}, {})  # noqa: SIM118
            self.parts += 1
        self.unmasked = tuple(dict.fromkeys((*self.unmasked, *other.unmasked)))
        self.save({}, state, other.done.tolist(), self.names | other.names)

    def counted(self) -> dict[str, Any]:
        """How many examples there are, and a hash of the set of their ids, whatever their order."""
        keys = int(self.done.astype("uint64").sum(dtype="uint64"))
        return {"examples": len(self.done), "ids": f"{len(self.done)}:{keys:016x}"}

    def clear(self) -> None:
        """Remove the checkpoints, once the census itself is saved."""
        for file in [*self.folder.glob("panel-*.safetensors"), self._streams_file, self.share_file]:
            file.unlink(missing_ok=True)
        if self.folder.exists() and not any(self.folder.iterdir()):
            self.folder.rmdir()


def _streams(file: Any, keys: list[str]) -> Streams | None:
    return Streams.from_state({key.rpartition("|")[2]: file.get_tensor(key) for key in keys}) if keys else None


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise CensusError(f"{folder} must be a folder that can be written. Got: {error.strerror}.") from error


def _opened(file: Path) -> Any:
    try:
        return safe_open(str(file), framework="pt")
    except Exception as error:
        raise CensusError(f"{file} is damaged ({error}). Remove its folder and count again.") from error


def _write(file: Path, tensors: State, metadata: dict[str, str]) -> None:
    """Write beside, then rename: a reader never sees half a file."""
    beside = file.with_suffix(".partial")
    try:
        save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, str(beside), metadata)
        with open(beside, "rb+") as written:
            os.fsync(written.fileno())
        os.replace(beside, file)
    except Exception as error:
        beside.unlink(missing_ok=True)
        if "No space left" in str(error) or "os error 28" in str(error):
            need = sum(t.numel() * t.element_size() for t in tensors.values()) / 1e6
            raise CensusError(
                f"No space left in {file.parent}: {need:.0f} MB more are needed. What is counted so far is kept; "
                "free some space and go on with --resume."
            ) from error
        raise


def _short(value: object) -> str:
    text = json.dumps(value)
    return text if len(text) <= 60 else text[:57] + "..."
