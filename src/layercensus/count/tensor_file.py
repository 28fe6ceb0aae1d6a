"""A file of tensors by name, whose table of contents is read once, however many layers are read from it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
from safetensors import safe_open
from torch import Tensor

from ..errors import CensusError, first_line, out_of_memory

_DTYPES = {"F32": "<f4", "F64": "<f8", "I64": "<i8", "BOOL": "?"}  # all that a count stores


@contextmanager
def fitting_together(folder: Path) -> Iterator[None]:
    """Says of files that were read, and do not fit together, that their folder is damaged.

    Raises:
        CensusError: they do not.
    """
    try:
        yield
    except CensusError:
        raise
    except (IndexError, KeyError, RuntimeError, TypeError, ValueError) as error:
        if out_of_memory(error):
            raise
        raise CensusError(f"{folder} is damaged ({first_line(error)}). Remove it and count again.") from error


@dataclass(frozen=True)
class TensorFile:
    """A safetensors file that does not change. Its own reader would go through the names of all layers for each one."""

    file: Path
    metadata: Mapping[str, str]
    entries: Mapping[str, Mapping[str, Any]]  # name -> dtype, shape, data_offsets
    start: int  # where the data begin

    @classmethod
    def open(cls, file: Path) -> Self:
        """Its table of contents.

        Raises:
            CensusError: when it is damaged.
        """
        try:
            with safe_open(str(file), framework="pt"):  # it checks the header against the size of the file
                pass
            with file.open("rb") as content:
                size = int.from_bytes(content.read(8), "little")
                entries = json.loads(content.read(size))
        except Exception as error:
            if out_of_memory(error):
                raise
            raise CensusError(f"{file} is damaged ({first_line(error)}). Remove its folder and count again.") from error
        return cls(file, entries.pop("__metadata__", {}), entries, 8 + size)

    def read(self, names: Iterable[str], rows: Tensor | None = None) -> dict[str, Tensor]:
        """These tensors by their names, whole or only these rows of each.

        Raises:
            CensusError: when one is not there.
        """
        with self.file.open("rb") as content:
            whole = ((name, self._read(content, name)) for name in names)
            return {name: tensor if rows is None else tensor[rows] for name, tensor in whole}

    def _read(self, content: Any, name: str) -> Tensor:
        if name not in self.entries:
            raise CensusError(f"{self.file} is damaged (no {name!r}). Remove its folder and count again.")
        entry = self.entries[name]
        content.seek(self.start + entry["data_offsets"][0])
        try:
            values = np.fromfile(content, _DTYPES[entry["dtype"]], int(np.prod(entry["shape"], dtype=np.int64)))
            return torch.from_numpy(values.reshape(entry["shape"]))
        except (KeyError, ValueError) as error:
            why = f"{name!r}: {first_line(error)}"
            raise CensusError(f"{self.file} is damaged ({why}). Remove its folder and count again.") from error
