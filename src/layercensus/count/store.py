"""What has been counted so far, on disk: written as the count goes on, so that nothing is lost and memory stays fixed.

Panel rows are appended in parts and read back one layer at a time; the streams are one small file, replaced at every
checkpoint. A checkpoint is complete when the streams' file is: parts that it does not mention are ignored.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import save_file
from torch import Tensor

from ..data.files import beside
from ..data.seen import Seen, owners
from ..errors import CensusError, first_line
from ..tally import Panel, Streams
from .differences import differences
from .nets import BETWEEN, LayerKey
from .side_files import copy_side_files, side_files
from .stored_panel import PanelPart, lacks, read_panel, shared_of
from .tensor_file import TensorFile, fitting_together

COUNTING = "counting"  # the folder of checkpoints within a results folder
SHARD = "shard.json"  # in it, once a shard is counted
State = dict[str, Tensor]
Keys = NDArray[np.int64]


@dataclass(frozen=True)
class Checkpoint:
    """The panel's rows since the last checkpoint, and the streams as they now stand."""

    shared: State  # rows common to all layers: key, label, group; empty where the panel has no new ones
    panel: Mapping[LayerKey, State]  # the rows of each layer
    streams: Mapping[LayerKey, Streams]
    keys: Sequence[int]  # of every example since the last checkpoint
    names: dict[int, str]  # example ids by key, for the top examples of each unit


class Store:
    """A folder of checkpoints of one count."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.identity: dict[str, Any] = {}  # what is being counted; resuming anything else is refused
        self.names: dict[int, str] = {}  # example ids by key, for the top examples of each unit
        self.done = np.zeros(0, dtype=np.int64)  # keys of every counted example
        self.seen: Seen | None = None  # the contents met, where a later part of the count cannot see them itself
        self.content = np.zeros((0, 2), dtype=np.int64)  # those of earlier parts, each with the key of its example
        self.copies = np.zeros(0, dtype=np.int64)  # keys of examples that another shard holds as well
        self.parts = 0
        self.unmasked: tuple[str, ...] = ()  # layers to whose positions a mask was given that does not fit
        self.met_late: dict[str, str] = {}  # modules that ran after the survey alone, each with the id of an example
        self._parts: list[tuple[TensorFile, Keys]] = []  # each part and its rows' keys, as far as they were asked for
        self._streams: TensorFile | None = None
        self._index: dict[LayerKey, list[str]] = {}  # tensors in the streams' file

    @classmethod
    def start(cls, folder: Path, identity: Mapping[str, Any], resume: bool) -> Store:
        """A fresh store in `folder`, or with `resume` the one that is there.

        Raises:
            CensusError: when the folder holds another count, or one at all and `resume` is not set.
        """
        store = cls(folder)
        if store.shard_file.exists() and not resume:
            raise CensusError(
                f"{folder.parent} holds a counted shard. Pass another out, or remove the folder to count it again."
            )
        if not store._streams_file.exists():
            _make(folder)
            store.identity = dict(identity)
            return store
        if not resume:
            raise CensusError(f"{folder} holds an unfinished count. Resume it with resume=True, or pass another out.")
        store._read_head()
        differing = differences(store.identity, identity)
        if differing:
            raise CensusError(f"{folder} holds another count: {'; '.join(differing)}. Pass another out.")
        return store

    @classmethod
    def open(cls, folder: Path) -> Store:
        """The store that is in `folder`.

        Raises:
            CensusError: when it is damaged or missing.
        """
        store = cls(folder)
        store._read_head()
        return store

    @property
    def shard_file(self) -> Path:
        """What a finished shard of a count says of itself."""
        return self.folder / SHARD

    @property
    def _streams_file(self) -> Path:
        return self.folder / "streams.safetensors"

    def _part(self, number: int) -> Path:
        return self.folder / f"panel-{number:05d}.safetensors"

    def _read_head(self) -> None:
        file = TensorFile.open(self._streams_file)
        self.done = file.read(["done"])["done"].numpy()
        if "content" in file.entries:
            self.content = file.read(["content"])["content"].numpy()
        try:
            head = json.loads(file.metadata["head"])
            self.identity, self.parts, self.unmasked = dict(head["identity"]), head["parts"], tuple(head["unmasked"])
            self.met_late = {str(module): str(id) for module, id in head.get("met_late", {}).items()}
            self.names = {int(key): str(name) for key, name in head["names"].items()}
        except Exception as error:  # whatever the wrong words in the place of others lead to
            why = first_line(error)
            raise CensusError(f"{file.file} is damaged ({why}). Remove its folder and count again.") from error

    def note_unmasked(self, layers: Iterable[str]) -> None:
        """Remember layers whose positions the mask does not fit."""
        self.unmasked = tuple(dict.fromkeys((*self.unmasked, *layers)))

    def save(self, checkpoint: Checkpoint) -> None:
        """One checkpoint.

        Raises:
            CensusError: when the disk is full; what earlier checkpoints hold stays.
        """
        if checkpoint.shared:
            _write(self._part(self.parts), checkpoint.shared | _flat(checkpoint.panel), {})
        parts = self.parts + bool(checkpoint.shared)
        done = np.concatenate([self.done, np.asarray(checkpoint.keys, dtype=np.int64)])
        named = {str(k): v for k, v in checkpoint.names.items()}
        noted = {"unmasked": self.unmasked, "met_late": self.met_late}
        head = {"identity": self.identity, "parts": parts, "names": named, **noted}
        states = {key: streams.state_dict() for key, streams in checkpoint.streams.items()}
        streams = {name: tensor.cpu() for name, tensor in _flat(states).items()}
        content = self.content if self.seen is None else self.seen.table()
        examples = {"done": torch.from_numpy(done), "content": torch.from_numpy(content)}
        _write(self._streams_file, {**streams, **examples}, {"head": json.dumps(head)})
        self.parts, self.done, self.names = parts, done, checkpoint.names
        self._streams, self._index = None, {}

    def streams(self, key: LayerKey) -> Streams | None:
        """What the streams of one layer hold, None when nothing was counted."""
        return self.many_streams([key])[0]

    def many_streams(self, keys: Iterable[LayerKey]) -> list[Streams | None]:
        """The same for several layers."""
        if self._streams is None:
            if not self._streams_file.exists():
                return [None for _ in keys]
            self._streams = TensorFile.open(self._streams_file)
            for name in self._streams.entries:
                self._index.setdefault(LayerKey.read(name.rpartition(BETWEEN)[0]), []).append(name)
        with fitting_together(self.folder):
            return [_streams(self._streams, self._index.get(key, [])) for key in keys]

    def panel(self, key: LayerKey, capacity: int, spots: int) -> Panel:
        """The panel of one layer, sorted by key, with `spots` positions where its maps differ in size."""
        parts = self._panel_parts(capacity)
        if not parts:  # a shard of the data may hold none of the panel
            streams = self.streams(key)
            return Panel.empty(0 if streams is None else len(streams.moments.mean), capacity, spots)
        with fitting_together(self.folder):
            return read_panel(parts, f"{key.text}{BETWEEN}", capacity, spots)

    def labels(self, capacity: int) -> Tensor:
        """(examples,) int64, the labels of the panel, -1 where none was given."""
        with fitting_together(self.folder):
            return shared_of(self._panel_parts(capacity), "label")

    def groups(self, capacity: int) -> Tensor:
        """(examples,) int64, the groups of the panel, an example's own key where none was given."""
        with fitting_together(self.folder):
            return shared_of(self._panel_parts(capacity), "group")

    def _panel_parts(self, capacity: int) -> list[PanelPart]:
        """Where the rows of the panel lie on disk, and their places when sorted by key."""
        chosen = self.panel_members(capacity)
        parts = []
        for file, keys in self._parts:
            rows = np.flatnonzero(np.isin(keys, chosen))
            if len(rows):
                place = torch.from_numpy(np.searchsorted(chosen, keys[rows]))
                parts.append(PanelPart(file, torch.from_numpy(rows), place))
        return parts

    def panel_keys(self) -> Keys:
        """Keys of every example whose panel rows are on disk."""
        for number in range(len(self._parts), self.parts):
            file = TensorFile.open(self._part(number))
            self._parts.append((file, file.read(["key"])["key"].numpy()))
        return np.concatenate([np.zeros(0, dtype=np.int64), *(keys for _, keys in self._parts)])

    def panel_members(self, capacity: int) -> Keys:
        """Keys of the panel's examples, ascending."""
        return np.sort(np.setdiff1d(self.panel_keys(), self.copies))[:capacity]

    def merge(self, other: Store, streams: Mapping[LayerKey, Streams]) -> None:
        """Add another store of the same count; `streams` are those of both together.

        Raises:
            CensusError: when both hold the same example, the other is damaged, or the disk is full.
        """
        twice = np.intersect1d(self.done, other.done)
        if len(twice):
            raise CensusError(f"Shards must hold different examples. Got {len(twice):,} of {other.folder} twice.")
        self._note_copies(other)
        for number in range(other.parts):
            file = TensorFile.open(other._part(number))
            absent = lacks(file, (f"{key.text}{BETWEEN}" for key in streams))
            if absent is not None:
                raise CensusError(f"{file.file} is damaged (no {absent!r}). Count this shard again.")
            _write(self._part(self.parts), file.read(file.entries), {})
            self.parts += 1
        copy_side_files(other.folder, self.folder)
        self.note_unmasked(other.unmasked)
        self.met_late = other.met_late | self.met_late
        self.save(Checkpoint({}, {}, streams, other.done.tolist(), self.names | other.names))

    def _note_copies(self, other: Store) -> None:
        """Keep out of the panel what both hold with the same content, but for the one with the smaller key."""
        held = other.content[np.isin(other.content[:, 1], other.done)]
        self.content, copies = owners(np.concatenate([self.content, held]))
        self.copies = np.concatenate([self.copies, copies])

    def counted(self) -> tuple[int, str]:
        """How many examples there are, and a hash of the set of their ids, whatever their order."""
        keys = int(self.done.astype("uint64").sum(dtype="uint64"))
        return len(self.done), f"{len(self.done)}:{keys:016x}"

    def clear(self) -> None:
        """Remove the checkpoints, once the census itself is saved."""
        panel = self.folder.glob("panel-*.safetensors")
        for file in [*panel, *side_files(self.folder), self._streams_file, self.shard_file]:
            file.unlink(missing_ok=True)
        if self.folder.exists() and not any(self.folder.iterdir()):
            self.folder.rmdir()


def _flat(states: Mapping[LayerKey, State]) -> State:
    """The states of all layers under one name each."""
    return {f"{key.text}{BETWEEN}{name}": tensor for key, state in states.items() for name, tensor in state.items()}


def _streams(file: TensorFile, names: list[str]) -> Streams | None:
    state = {name.rpartition(BETWEEN)[2]: tensor for name, tensor in file.read(names).items()}
    return Streams.from_state(state) if state else None


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise CensusError(f"{folder} must be a folder that can be written. Got: {error.strerror}.") from error


def _write(file: Path, tensors: State, metadata: dict[str, str]) -> None:
    """Write a file, whole or not at all."""
    with beside(file, sum(t.numel() * t.element_size() for t in tensors.values()) / 1e6, resumes=True) as part:
        save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, str(part), metadata)
