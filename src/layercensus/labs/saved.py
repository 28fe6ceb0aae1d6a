"""A lab's nets as files: weights with what is needed to build the net again, opened with `lab:FILE`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from ..data.files import write_bytes
from ..errors import CensusError
from ..models.model import Model

LABS = {"identity": "layercensus.labs.identity.nets", "cdbn": "layercensus.labs.cdbn.nets"}


def save_net(file: Path, lab: str, shape: Mapping[str, Any], state: Mapping[str, Tensor], **about: Any) -> None:
    """Write a net's tensors, whole or not at all.

    lab: a name in `LABS`. shape: what its module's `revive` builds the net from. about: what else is known, as JSON.

    Raises:
        CensusError: the file cannot be written, or the disk is full.
    """
    tensors = {name: tensor.detach().cpu().contiguous().clone() for name, tensor in state.items()}
    metadata = {"lab": lab, "shape": json.dumps(shape), "about": json.dumps(about)}
    write_bytes(file, save(tensors, metadata), resumes=True)


@dataclass(frozen=True)
class SavedNet:
    """What a file of a lab holds."""

    lab: str
    shape: dict[str, Any]
    tensors: dict[str, Tensor]
    about: dict[str, Any]


def load_net(file: Path) -> SavedNet:
    """What `save_net` wrote.

    Raises:
        CensusError: no such file, or not one that a lab wrote.
    """
    if not file.is_file():
        raise CensusError(f"lab:{file} must be a net saved by one of the labs. Got no such file.")
    try:
        with safe_open(file, "pt") as opened:
            metadata = opened.metadata() or {}
            tensors = {name: opened.get_tensor(name) for name in opened.keys()}  # noqa: SIM118 - not a mapping
        return SavedNet(metadata["lab"], json.loads(metadata["shape"]), tensors, json.loads(metadata["about"]))
    except (OSError, SafetensorError, KeyError, ValueError) as error:
        why = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise CensusError(f"lab:{file} must be a net saved by one of the labs. It cannot be read: {why}.") from error


def open_lab(file: str) -> Model:
    """The net in a lab's file, as a model: with its untrained twin's factory and an example."""
    saved = load_net(Path(file))
    if saved.lab not in LABS:
        raise CensusError(f"lab:{file} must come from one of {', '.join(LABS)}. Got {saved.lab!r}.")
    try:
        revive = import_module(LABS[saved.lab]).revive
        model = revive(saved.shape, saved.tensors, f"lab:{Path(file).name}", saved.about)
    except (RuntimeError, TypeError, KeyError) as error:
        raise CensusError(f"lab:{file} must hold the weights of the net that it names. They do not fit.") from error
    assert isinstance(model, Model)
    return model
