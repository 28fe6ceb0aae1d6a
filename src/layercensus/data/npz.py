"""Files of arrays: npz with names, npy with one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from ..errors import CensusError
from .arrays import Arrays
from .reading import one_line
from .request import Request
from .source import Source
from .stream import Batches

INPUT_NAMES = ("inputs", "x", "X", "data", "images")
LABEL_NAMES = ("labels", "y", "Y", "targets")
GROUP_NAMES = ("groups", "group")
ID_NAME, MASK_NAME = "ids", "mask"
Named = dict[str, np.ndarray[Any, Any]]


def open_npz(text: str, request: Request) -> Source:
    """The arrays of an npz file: inputs under "inputs" or "x", labels under "labels" or "y", "groups", "ids", "mask".

    npz:FILE:a is the array a; npz:FILE:a,b is a net called with both by these names.

    Raises:
        CensusError: it cannot be read, or has no such arrays.
    """
    file, asked = _taken_apart(text)
    arrays = _load(file)
    unknown = [name for name in asked if name not in arrays]
    if unknown:
        raise CensusError(f"npz:{file} must hold an array named {unknown[0]}. Got {', '.join(arrays)}.")
    target = next((n for n in LABEL_NAMES if n in arrays and n not in asked), None)
    together = next((n for n in (request.groups, *GROUP_NAMES) if n in arrays and n not in asked), None)
    inputs = asked or [_inputs(arrays, {target, together, ID_NAME, MASK_NAME}, file)]
    name = f"npz:{Path(file).name}"
    if len(inputs) > 1 or MASK_NAME in arrays:
        return _several(arrays, inputs, target, together, name, request)
    ids = [str(id) for id in arrays[ID_NAME]] if ID_NAME in arrays and ID_NAME not in inputs else None
    own = target if request.labels is None else None
    origin = {"origin": f"the file's array {own}"} if own else {}
    opened = Arrays(arrays[inputs[0]], arrays[own] if own else request.labels, name=name, ids=ids, **origin)
    if together is not None:
        opened.group(arrays[together], f"the file's array {together}")
    return opened


def open_npy(file: str, request: Request) -> Arrays:
    """The one array of an npy file, mapped from disk.

    Raises:
        CensusError: it cannot be read.
    """
    path = Path(file)
    if not path.is_file():
        raise CensusError(f"npy:{file} must be an npy file. Got {'a folder' if path.is_dir() else 'no such file'}.")
    try:
        array = np.load(path, mmap_mode="r", allow_pickle=False)
    except Exception as error:
        raise CensusError(
            f"npy:{file} must be an npy file of numbers. It cannot be read: {one_line(error)}."
        ) from error
    if not isinstance(array, np.ndarray):
        raise CensusError(f"npy:{file} must hold one array. Got several: npz:{file}")
    return Arrays(array, request.labels, name=f"npy:{path.name}")


def _several(
    arrays: Named, inputs: list[str], target: str | None, together: str | None, name: str, request: Request
) -> Source:
    """Inputs that a net is called with by name, or that a mask goes with."""
    batch: dict[str, Any] = {"inputs": arrays[inputs[0]] if len(inputs) == 1 else {n: arrays[n] for n in inputs}}
    beside = {"labels": target, "groups": together, "ids": ID_NAME, "mask": MASK_NAME}
    batch |= {part: arrays[own] for part, own in beside.items() if own and own in arrays and own not in inputs}
    return Batches([batch], request.labels, name)


def _inputs(arrays: Named, others: set[str | None], file: str) -> str:
    """The array that is the input, where its name or its being alone says so."""
    named = next((name for name in INPUT_NAMES if name in arrays), None)
    if named is not None:
        return named
    rest = [name for name in arrays if name not in others]
    if len(rest) != 1:
        names = ", ".join(arrays) or "none"
        how = f" Or name it: npz:{file}:{','.join(rest)}" if rest else ""
        raise CensusError(f"npz:{file} must hold an array named inputs or x. Got {names}. Save it with that name.{how}")
    return rest[0]


def _taken_apart(text: str) -> tuple[str, list[str]]:
    file, _, names = text.rpartition(":")
    if Path(text).exists() or not file or not Path(file).exists():
        return text, []
    return file, [name.strip() for name in names.split(",") if name.strip()]


def _load(file: str) -> dict[str, np.ndarray[Any, Any]]:
    path = Path(file)
    if not path.is_file():
        raise CensusError(f"npz:{file} must be an npz file. Got {'a folder' if path.is_dir() else 'no such file'}.")
    try:
        with path.open("rb") as opened:  # numpy itself leaves a broken archive open
            content = np.load(opened, allow_pickle=False)
            return (
                {"inputs": content}
                if isinstance(content, np.ndarray)
                else {name: content[name] for name in content.files}
            )
    except Exception as error:
        why = one_line(error)
        raise CensusError(f"npz:{file} must be an npz file of plain arrays. It cannot be read: {why}.") from error
