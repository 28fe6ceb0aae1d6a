"""What belongs to single layers beside the panel: what the answers rest on there, and rows of untrained nets."""

from __future__ import annotations

import shutil
from hashlib import sha256
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor

from ..data.files import beside
from ..tally import Needs, Rows
from .nets import LayerKey
from .tensor_file import TensorFile

NEEDS, ROWS = "needs", "rows"  # how their files begin


def save_needs(folder: Path, key: LayerKey, needs: Needs) -> None:
    """Keep what the answers of a net rest on in a layer.

    Raises:
        CensusError: when the disk is full.
    """
    _write(_file(folder, NEEDS, key), needs.state_dict())


def read_needs(folder: Path, key: LayerKey) -> Needs | None:
    """What `save_needs` kept, if anything."""
    state = _read(_file(folder, NEEDS, key))
    return None if state is None else Needs.from_state(state)


def save_rows(folder: Path, key: LayerKey, rows: Rows) -> None:
    """Keep a layer of an untrained net at the panel's positions."""
    order = rows.key.argsort()
    _write(_file(folder, ROWS, key), {"key": rows.key[order], "spots": rows.spots[order]})


def read_rows(folder: Path, key: LayerKey) -> Rows | None:
    """What `save_rows` kept, if anything."""
    state = _read(_file(folder, ROWS, key))
    return None if state is None else Rows(state["key"], state["spots"])


def side_files(folder: Path) -> list[Path]:
    """All of them in a folder of checkpoints."""
    return sorted(file for kind in (NEEDS, ROWS) for file in folder.glob(f"{kind}-*.safetensors"))


def copy_side_files(source: Path, target: Path) -> None:
    """Bring those of another folder along, but what is there already."""
    for file in side_files(source):
        if not (target / file.name).exists():
            with beside(target / file.name, file.stat().st_size / 1e6, resumes=True) as part:
                shutil.copyfile(file, part)


def _file(folder: Path, kind: str, key: LayerKey) -> Path:
    return folder / f"{kind}-{sha256(key.text.encode()).hexdigest()[:20]}.safetensors"


def _write(file: Path, state: dict[str, Tensor]) -> None:
    with beside(file, sum(t.numel() * t.element_size() for t in state.values()) / 1e6, resumes=True) as part:
        save_file({name: tensor.contiguous() for name, tensor in state.items()}, str(part))


def _read(file: Path) -> dict[str, Tensor] | None:
    if not file.exists():
        return None
    stored = TensorFile.open(file)
    return {name: torch.as_tensor(tensor) for name, tensor in stored.read(stored.entries).items()}
