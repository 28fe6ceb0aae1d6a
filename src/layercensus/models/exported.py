"""Weights of a net that torch.export saved (.pt2): data alone, while torch's own loader unpickles what it finds."""

from __future__ import annotations

import json
from collections.abc import Mapping
from math import prod
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import torch
from torch import Tensor

from ..errors import CensusError

CONFIG = "/data/weights/model_weights_config.json"  # in the archive: what each weight is called, and how it lies
TYPES = {  # numbers of the archive's own schema
    1: torch.uint8, 2: torch.int8, 3: torch.int16, 4: torch.int32, 5: torch.int64, 6: torch.float16, 7: torch.float32,
    8: torch.float64, 9: torch.complex32, 10: torch.complex64, 11: torch.complex128, 12: torch.bool, 13: torch.bfloat16,
}  # fmt: skip


def exported_weights(file: Path) -> dict[str, Tensor]:
    """The parameters and buffers of an exported net by the names that they had in its module.

    Raises:
        CensusError: another version of torch saved it otherwise, or its weights are pickled.
    """
    with ZipFile(file) as archive:
        config = next((name for name in archive.namelist() if name.endswith(CONFIG)), None)
        if config is None:
            raise CensusError(f"{file} must hold its weights as torch 2.9 and newer export them. Got another archive.")
        entries = json.loads(archive.read(config))["config"]
        folder = config.rpartition("/")[0]
        return {name: _tensor(archive, folder, name, entry) for name, entry in entries.items()}


def _tensor(archive: ZipFile, folder: str, name: str, entry: Mapping[str, Any]) -> Tensor:
    meta = entry["tensor_meta"]
    if entry["use_pickle"] or meta is None or meta["dtype"] not in TYPES:
        raise CensusError(
            f"The exported weights must be plain numbers. {name} is not: save the state dict of the module."
        )
    size, strides = ([number["as_int"] for number in meta[key]] for key in ("sizes", "strides"))
    if not prod(size):
        return torch.empty(size, dtype=TYPES[meta["dtype"]])
    held = bytearray(archive.read(f"{folder}/{entry['path_name']}"))
    plain = torch.frombuffer(held, dtype=TYPES[meta["dtype"]])
    return plain.as_strided(size, strides, meta["storage_offset"]["as_int"]).clone()
