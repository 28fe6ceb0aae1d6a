"""Tar files as webdataset keeps examples: the files of one name, but for their endings, are one example."""

from __future__ import annotations

import glob
import io
import itertools
import json
import re
import tarfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import CensusError
from .reading import one_line
from .records import Records, Row, Table
from .request import Request

BRACES = re.compile(r"\{([^{}]+)\}")
RANGE = re.compile(r"(\d+)\.\.(\d+)")
Decode = Callable[[bytes], Any]


def _text(held: bytes) -> str:
    return held.decode("utf-8")


DECODED: Mapping[str, Decode] = {
    "cls": lambda held: int(held),
    "cls2": lambda held: int(held),
    "index": lambda held: int(held),
    "txt": _text,
    "text": _text,
    "json": json.loads,
    "npy": lambda held: np.load(io.BytesIO(held), allow_pickle=False),
}


@dataclass
class Sample:
    """Where the parts of one example lie, by their ending."""

    parts: dict[str, tuple[Path, int, int]] = field(default_factory=dict)  # file, offset and bytes


def open_shards(pattern: str, request: Request) -> Records:
    """wds:PATTERN: tar files by name, with * or {000..011}; ids are the names inside. Nothing is unpacked.

    Raises:
        CensusError: no such file, one that is compressed or damaged, or nothing in them.
    """
    files = [Path(name) for name in expanded(pattern)]
    samples: dict[str, Sample] = {}
    for file in files:
        _index(file, samples)
    if not samples:
        raise CensusError(f"wds:{pattern} must hold examples. Got tar files without any.")
    ids, whole = tuple(samples), list(samples.values())
    common = [ending for ending in whole[0].parts if all(ending in sample.parts for sample in whole)]

    def read(rows: Sequence[int], columns: Sequence[str] | None) -> list[Row]:
        return [_read(whole[row], common if columns is None else columns) for row in rows]

    about = {"files": len(files)}
    return Records(Table(f"wds:{Path(pattern).name}", len(ids), read, ids=ids, about=about), request)


def expanded(pattern: str) -> list[str]:
    """The files that a pattern means, in order.

    >>> expanded("none-{08..10}.tar")
    Traceback (most recent call last):
    layercensus.errors.CensusError: wds:none-{08..10}.tar must name tar files. Got none at none-08.tar.

    Raises:
        CensusError: one of them is not there.
    """
    names = [pattern]
    while any(BRACES.search(name) for name in names):
        names = [filled for name in names for filled in _filled(name)]
    files: list[str] = []
    for name in names:
        found = sorted(glob.glob(name)) if glob.has_magic(name) else [name] * Path(name).is_file()
        if not found:
            raise CensusError(f"wds:{pattern} must name tar files. Got none at {name}.")
        files += found
    return list(dict.fromkeys(files))


def _filled(name: str) -> list[str]:
    """The name with each choice of its first braces."""
    found = BRACES.search(name)
    if found is None:
        return [name]
    numbers = RANGE.fullmatch(found[1])
    choices = found[1].split(",")
    if numbers is not None:
        choices = [str(n).zfill(len(numbers[1])) for n in range(int(numbers[1]), int(numbers[2]) + 1)]
    return [name[: found.start()] + choice + name[found.end() :] for choice in choices]


def _index(file: Path, samples: dict[str, Sample]) -> None:
    try:
        with tarfile.open(file, "r:") as tar:
            members = [m for m in tar if m.isfile() and not Path(m.name).name.startswith(".")]
    except (tarfile.TarError, OSError) as error:
        packed = file.read_bytes()[:2] == b"\x1f\x8b"
        why = (
            "a compressed file: unpack it with gunzip, since examples are read in any order"
            if packed
            else one_line(error)
        )
        raise CensusError(f"wds:{file} must be a tar file. Got {why}.") from error
    for id, group in itertools.groupby(members, key=_key):
        if id in samples:
            raise CensusError(f"Example ids must be unique. Got {id!r} twice in the tar files.")
        parts = {_ending(m): (file, m.offset_data, m.size) for m in group}
        samples[id] = Sample(parts)


def _key(member: tarfile.TarInfo) -> str:
    folder, slash, name = member.name.rpartition("/")
    return f"{folder}{slash}{name.partition('.')[0]}"


def _ending(member: tarfile.TarInfo) -> str:
    return member.name.rpartition("/")[2].partition(".")[2].lower()


def _read(sample: Sample, endings: Sequence[str]) -> Row:
    row: dict[str, Any] = {}
    for ending in endings:
        file, offset, size = sample.parts[ending]
        with file.open("rb") as opened:
            opened.seek(offset)
            held = opened.read(size)
        decode = DECODED.get(ending.rpartition(".")[2])
        row[ending] = held if decode is None else decode(held)
    return row
