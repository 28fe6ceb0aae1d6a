"""What lies beside the panel: what answers rest on, rows of untrained nets, other views, marks of concepts."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor

from ..data.files import beside
from ..errors import CensusError, first_line
from ..tally import Marks, Needs, Rows
from .nets import LayerKey
from .tensor_file import TensorFile

NEEDS, ROWS, SHOWN, MARKS = "needs", "rows", "shown", "marks"  # how their files begin


def save_needs(folder: Path, key: LayerKey, needs: Needs) -> None:
    """Keep what the answers of a net rest on in a layer.

    Raises:
        CensusError: when the disk is full.
    """
    _write(_file(folder, NEEDS, key), needs.state_dict())


def read_needs(folder: Path, key: LayerKey) -> Needs | None:
    """What `save_needs` kept, if anything.

    Raises:
        CensusError: when it is damaged.
    """
    file = _file(folder, NEEDS, key)
    return _needs(file) if file.exists() else None


def save_rows(folder: Path, key: LayerKey, rows: Rows) -> None:
    """Keep a layer of an untrained net at the panel's positions."""
    order = rows.key.argsort()
    _write(_file(folder, ROWS, key), {"key": rows.key[order], "spots": rows.spots[order]})


def read_rows(folder: Path, key: LayerKey) -> Rows | None:
    """What `save_rows` kept, if anything.

    Raises:
        CensusError: when it is damaged.
    """
    file = _file(folder, ROWS, key)
    return _rows(file) if file.exists() else None


def save_shown(folder: Path, key: LayerKey, r: Tensor) -> None:
    """Keep the reliability of a layer's units in other views: (views, units)."""
    _write(_file(folder, SHOWN, key), {"r": r})


def read_shown(folder: Path, key: LayerKey) -> Tensor | None:
    """What `save_shown` kept, if anything.

    Raises:
        CensusError: when it is damaged.
    """
    file = _file(folder, SHOWN, key)
    return _shown(file) if file.exists() else None


def save_marks(folder: Path, place: str, marks: Marks) -> None:
    """Keep which concepts these examples have, at whole examples or in maps of one kind."""
    _write(_marks_file(folder, place, marks.key), marks.state_dict())


def has_marks(folder: Path, place: str, keys: Tensor) -> bool:
    """Whether `save_marks` has kept those of these examples. keys: (examples,) int64, ascending."""
    return _marks_file(folder, place, keys).exists()


def read_marks(folder: Path, place: str) -> Marks | None:
    """What `save_marks` kept of a place, of all shards together, if anything.

    Raises:
        CensusError: when it is damaged.
    """
    found: Marks | None = None
    for file in sorted(folder.glob(f"{MARKS}-{place}-*.safetensors")):
        marks = _marks(file)
        found = marks if found is None else found.joined(marks)
    return found


def _marks_file(folder: Path, place: str, keys: Tensor) -> Path:
    return folder / f"{MARKS}-{place}-{sha256(keys.numpy().tobytes()).hexdigest()[:20]}.safetensors"


def side_files(folder: Path) -> list[Path]:
    """All of them in a folder of checkpoints."""
    return sorted(file for kind in _READ for file in folder.glob(f"{kind}-*.safetensors"))


def copy_side_files(source: Path, target: Path) -> None:
    """Bring those of another folder along, but what is there already.

    Raises:
        CensusError: when one is damaged.
    """
    for file in side_files(source):
        next(read for kind, read in _READ.items() if file.name.startswith(kind))(file)
        if not (target / file.name).exists():
            with beside(target / file.name, file.stat().st_size / 1e6, resumes=True) as part:
                shutil.copyfile(file, part)


def _file(folder: Path, kind: str, key: LayerKey) -> Path:
    return folder / f"{kind}-{sha256(key.text.encode()).hexdigest()[:20]}.safetensors"


def _write(file: Path, state: dict[str, Tensor]) -> None:
    with beside(file, sum(t.numel() * t.element_size() for t in state.values()) / 1e6, resumes=True) as part:
        save_file({name: tensor.contiguous() for name, tensor in state.items()}, str(part))


def _needs(file: Path) -> Needs:
    state = _read(file)
    with _whole(file):
        needs = Needs.from_state(state)
        _check_needs(needs)
    return needs


def _rows(file: Path) -> Rows:
    state = _read(file)
    with _whole(file):
        rows = Rows(state["key"], state["spots"])
        if rows.spots.ndim != 3 or len(rows.key) != len(rows.spots) or rows.key.dtype != torch.int64:
            raise ValueError("its parts do not fit together")
    return rows


def _shown(file: Path) -> Tensor:
    state = _read(file)
    with _whole(file):
        r = state["r"]
        if r.ndim != 2 or not r.is_floating_point():
            raise ValueError("its parts do not fit together")
    return r


def _marks(file: Path) -> Marks:
    state = _read(file)
    with _whole(file):
        marks = Marks.from_state(state)
        examples, concepts = len(marks.key), len(marks.concept)
        shapes = [
            marks.value.ndim == marks.inputs.ndim == 3, len(marks.value) == len(marks.inputs) == examples,
            marks.value.shape[:2] == marks.inputs.shape[:2], marks.value.shape[2] == len(marks.graded) == concepts,
        ]  # fmt: skip
        if not all(shapes):
            raise ValueError("its parts do not fit together")
    return marks


_READ: dict[str, Callable[[Path], object]] = {NEEDS: _needs, ROWS: _rows, SHOWN: _shown, MARKS: _marks}


@contextmanager
def _whole(file: Path) -> Iterator[None]:
    """Says of parts that are missing or do not fit together that their file is damaged."""
    try:
        yield
    except (IndexError, KeyError, RuntimeError, TypeError, ValueError) as error:
        raise CensusError(f"{file} is damaged ({first_line(error)}). Remove it and count again.") from error


def _check_needs(needs: Needs) -> None:
    """Whether sizes and types fit together.

    Raises:
        ValueError: they do not.
    """
    units, kept, tried, held_out = len(needs.mean), needs.reader.shape[-1], len(needs.tried), len(needs.held_out)
    fits = [
        needs.reader.shape == needs.writer.shape == (units, kept),
        needs.change.shape == (tried, held_out),
        needs.variance.shape == (held_out,),
        needs.fewer.shape == (tried,),
        needs.tried.dtype == needs.held_out.dtype == torch.int64,
        tried > 0 and int(needs.tried.min()) >= 0 and int(needs.tried.max()) <= len(needs.spectrum),
        all(x.ndim == 0 for x in (needs.examples, needs.rows, needs.by_gradient)),
        all(x.is_floating_point() for x in (needs.mean, needs.reader, needs.writer, needs.spectrum, needs.change)),
    ]
    if needs.units is not None:
        of = needs.units
        fits += [
            of.order.shape == of.spectrum.shape == of.effect.shape == (units,),
            sorted(of.order.tolist()) == list(range(units)),
            of.change.shape == (len(of.tried), len(of.variance)),
            len(of.tried) > 0 and int(of.tried.min()) >= 0 and int(of.tried.max()) <= units,
        ]
    if not all(fits):
        raise ValueError("its parts do not fit together")


def _read(file: Path) -> dict[str, Tensor]:
    stored = TensorFile.open(file)
    return {name: torch.as_tensor(tensor) for name, tensor in stored.read(stored.entries).items()}
