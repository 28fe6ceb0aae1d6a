"""The checkpoints of training runs: which files they are, of which step, and the nets in them."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from torch import nn

from ..errors import CensusError, some_of
from ..models.model import Model
from ..models.open import open_model, with_weights

SUFFIXES = (".safetensors", ".pt", ".pth", ".bin", ".ckpt")
NUMBER = re.compile(r"\d+")
Factory = str | Callable[[], nn.Module] | None


@dataclass(frozen=True)
class Run:
    """One training run: a file or folder of weights for each step that was saved."""

    folder: Path
    files: Mapping[int, Path]  # by step, ascending


def runs_of(folders: Sequence[str | Path]) -> tuple[tuple[Run, ...], tuple[int, ...]]:
    """The runs, and the steps at which every one of them has a checkpoint.

    A checkpoint is a file of weights or a folder of transformers whose name holds a number; the last one is its step.

    Raises:
        CensusError: a folder holds none, or two of one step, or the runs have no step in common.
    """
    runs = tuple(_run(Path(folder)) for folder in folders)
    if not runs:
        raise CensusError("A timeline of checkpoints must have at least one folder of them. Got none.")
    steps = sorted(set.intersection(*(set(run.files) for run in runs)))
    if not steps:
        raise CensusError(f"All runs must have a step in common. Got {some_of([str(run.folder) for run in runs])}.")
    return runs, tuple(steps)


def _run(folder: Path) -> Run:
    if not folder.is_dir():
        raise CensusError(f"A run must be a folder of checkpoints. Got {folder}, which is none.")
    files: dict[int, Path] = {}
    for file in sorted(folder.iterdir()):
        step = _step(file)
        if step is None:
            continue
        if step in files:
            raise CensusError(f"A run must have one checkpoint a step. Got {files[step].name} and {file.name}.")
        files[step] = file
    if not files:
        raise CensusError(f"A run must hold checkpoints such as step-100.safetensors. Got none in {folder}.")
    return Run(folder, dict(sorted(files.items())))


def _step(file: Path) -> int | None:
    if file.is_file() and file.suffix.lower() not in SUFFIXES:
        return None
    found = NUMBER.findall(file.stem if file.is_file() else file.name)
    return int(found[-1]) if found else None


def opened(model: Factory, file: Path) -> Model:
    """The net with the weights of a checkpoint.

    model: a function that gives the net, or its name, module:factory; None where a checkpoint is a folder of
    transformers, which says itself what it is.

    Raises:
        CensusError: as for `lc.take`, or the checkpoint does not say what net it is of.
    """
    if model is None:
        if not file.is_dir():
            raise CensusError(f"model must be given for checkpoints that are weights alone. Got none for {file}.")
        return open_model(f"hf:{file}")
    if isinstance(model, str):
        return open_model(f"{model}@{file}")
    name = getattr(model, "__name__", type(model).__name__)
    return with_weights(open_model(model()), model, file, name)
