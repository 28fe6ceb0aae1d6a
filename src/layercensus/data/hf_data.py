"""Data sets of the datasets library: a folder, a name on the hub, or an object."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from ..errors import CensusError, first_line
from ..models.prepare import Prepare
from ..models.quiet import quiet
from .columns import columns_of
from .encoder import Encoder
from .records import Records, Row, Table
from .request import Request
from .source import Source
from .stream import Stream

USUAL_SPLITS = ("train", "validation", "test")
AT_ONCE = 32  # rows of a stream


def open_hf_data(text: str, request: Request) -> Source:
    """hf:NAME_OR_FOLDER[:split][:column]: rows of a folder in any order, those of the hub as they stream in.

    Raises:
        CensusError: datasets is missing, there is no such data set, split or column.
    """
    name, split, column = _taken_apart(text)
    datasets = _library()
    try:
        with quiet():
            data = _loaded(datasets, name)
    except CensusError:
        raise
    except Exception as error:
        what = "" if Path(name).is_dir() else "there is no such folder, and the hub did not give it. "
        raise CensusError(
            f"hf:{name} cannot be loaded as data: {what}{first_line(error)}. Give a folder: hf:FOLDER"
        ) from error
    return of_dataset(data, request, f"hf:{Path(name).name}", [column] if column else (), split)


def is_dataset(data: Any) -> bool:
    """Whether an object is a data set of that library, which need not be imported for it."""
    return any(c.__module__.partition(".")[0] == "datasets" for c in type(data).__mro__)


def of_dataset(data: Any, request: Request, name: str, asked: Sequence[str] = (), split: str = "") -> Source:
    """The rows of a Dataset, or of an IterableDataset as they come; of a dict of splits, those of one.

    Raises:
        CensusError: several splits, or no column that the model takes.
    """
    if isinstance(data, Mapping):
        split = _split_of(data, split, name)
        data = data[split]
    data = _undecoded(data)
    if not hasattr(data, "__len__"):
        return _streamed(data, request, name, asked)
    names = {c: f.names for c, f in (data.features or {}).items() if type(f).__name__ == "ClassLabel"}

    def read(rows: Sequence[int], columns: Sequence[str] | None) -> list[Row]:
        part = data if columns is None else data.select_columns(list(columns))
        got = part[list(rows)]
        return [dict(zip(got, values, strict=True)) for values in zip(*got.values(), strict=True)]

    about = {"split": split} if split else {}
    return Records(Table(name, len(data), read, class_names=names, about=about), request, asked)


def _library() -> Any:
    try:
        import datasets
    except ModuleNotFoundError as error:
        raise CensusError("hf: as data needs datasets: pip install 'layercensus[hf]'") from error
    return datasets


def _taken_apart(text: str) -> tuple[str, str, str]:
    """The name, split and column; a folder's own name may hold colons."""
    parts = text.split(":")
    for used in range(len(parts), 0, -1):
        if Path(":".join(parts[:used])).is_dir():
            break
    else:
        used = 1
    name, rest = ":".join(parts[:used]), parts[used:]
    if len(rest) > 2:
        raise CensusError(f"hf: as data must be hf:NAME_OR_FOLDER:SPLIT:COLUMN. Got {text!r}.")
    return name, rest[0] if rest else "", rest[1] if len(rest) > 1 else ""


def _loaded(datasets: Any, name: str) -> Any:
    folder = Path(name)
    if folder.is_dir():
        saved = (folder / "state.json").is_file() or (folder / "dataset_dict.json").is_file()
        return datasets.load_from_disk(name) if saved else datasets.load_dataset(name)
    return datasets.load_dataset(name, streaming=True)


def _split_of(data: Mapping[str, Any], split: str, name: str) -> str:
    if split and split not in data:
        raise CensusError(f"{name} must have a split {split!r}. Got {', '.join(data)}.")
    return split or next((usual for usual in USUAL_SPLITS if usual in data), next(iter(data)))


def _undecoded(data: Any) -> Any:
    """The data with sounds as bytes, which are decoded here."""
    for column, feature in (data.features or {}).items():
        if type(feature).__name__ == "Audio":
            data = data.cast_column(column, type(feature)(decode=False))
    return data


def _streamed(data: Any, request: Request, name: str, asked: Sequence[str]) -> Source:
    first = next(iter(data), None)
    if first is None:
        raise CensusError(f"data must hold at least one example. Got none in {name}.")
    columns = columns_of(first, name, asked, request.prepare or Prepare(), request.groups)
    encoder = Encoder(columns, request.prepare or Prepare(), first)
    source = Stream(_batches(data, encoder), request.labels, name)
    source.kind, source.prepare = encoder.kind if encoder.kind != "arrays" else source.kind, request.prepare
    source.about |= {"kind": source.kind, "inputs": encoder.said}
    if encoder.tokens is not None:
        source.structural, source.special = encoder.tokens.structural, encoder.tokens.special
        source.vocabulary = encoder.tokens.vocabulary
    return source


def _batches(data: Any, encoder: Encoder) -> Iterator[dict[str, Any]]:
    rows: list[Row] = []
    for row in data:
        rows.append(row)
        if len(rows) == AT_ONCE:
            yield _batch(rows, encoder)
            rows = []
    if rows:
        yield _batch(rows, encoder)


def _batch(rows: list[Row], encoder: Encoder) -> dict[str, Any]:
    inputs, mask = encoder.inputs(rows)
    named = {"labels": encoder.columns.label, "ids": encoder.columns.id, "groups": encoder.columns.group}
    beside = {name: [row[column] for row in rows] for name, column in named.items() if column is not None}
    return {"inputs": inputs} | beside | ({} if mask is None else {"mask": mask})
