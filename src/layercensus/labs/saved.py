"""A lab's nets as files: weights with what is needed to build the net again, opened with `lab:FILE`."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from ..errors import CensusError
from ..models.model import Model

LABS = {"identity": "layercensus.labs.identity.nets", "cdbn": "layercensus.labs.cdbn.nets"}


def keep(file: Path, lab: str, shape: Mapping[str, Any], state: Mapping[str, Tensor], **about: Any) -> None:
    """Write a net's tensors, whole or not at all.

    lab: a name in `LABS`. shape: what its module's `revive` builds the net from. about: what else is known, as JSON.

    Raises:
        CensusError: the file cannot be written.
    """
    held = {name: tensor.detach().cpu().contiguous().clone() for name, tensor in state.items()}
    words = {"lab": lab, "shape": json.dumps(shape), "about": json.dumps(about)}
    part = file.with_name(f"{file.name}.part")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        save_file(held, part, metadata=words)
        os.replace(part, file)
    except (OSError, SafetensorError) as error:
        raise CensusError(f"{file} must be a file that can be written. Got: {error}.") from error


def held(file: Path) -> tuple[str, dict[str, Any], dict[str, Tensor], dict[str, Any]]:
    """The lab, shape, tensors and further knowledge that `keep` wrote.

    Raises:
        CensusError: no such file, or not one that a lab wrote.
    """
    if not file.is_file():
        raise CensusError(f"lab:{file} must be a net that `layercensus lab` saved. Got no such file.")
    try:
        with safe_open(file, "pt") as opened:
            words = opened.metadata() or {}
            tensors = {name: opened.get_tensor(name) for name in opened.keys()}  # noqa: SIM118 - not a mapping
        return words["lab"], json.loads(words["shape"]), tensors, json.loads(words["about"])
    except (OSError, SafetensorError, KeyError, ValueError) as error:
        why = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise CensusError(
            f"lab:{file} must be a net that `layercensus lab` saved. It cannot be read: {why}."
        ) from error


def open_lab(file: str) -> Model:
    """The net in a lab's file, as a model: with its untrained twin's maker and an example."""
    lab, shape, tensors, about = held(Path(file))
    if lab not in LABS:
        raise CensusError(f"lab:{file} must come from one of {', '.join(LABS)}. Got {lab!r}.")
    try:
        model = import_module(LABS[lab]).revive(shape, tensors, f"lab:{Path(file).name}", about)
    except (RuntimeError, TypeError, KeyError) as error:
        raise CensusError(f"lab:{file} must hold the weights of the net that it names. They do not fit.") from error
    assert isinstance(model, Model)
    return model
