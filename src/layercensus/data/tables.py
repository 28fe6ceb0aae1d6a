"""Tables in files: csv and parquet."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from ..errors import CensusError
from ..models.prepare import Prepare
from .frame import of_frame
from .reading import one_line
from .records import Records, Row, Table, in_memory
from .request import Request
from .source import Source

SEPARATORS = (",", ";", "\t", "|")


def file_and_columns(text: str, kind: str) -> tuple[Path, list[str]]:
    """FILE[:columns] taken apart; a file's own name may hold colons.

    Raises:
        CensusError: no such file.
    """
    if Path(text).exists():
        return Path(text), []
    file, _, columns = text.rpartition(":")
    if file and Path(file).exists():
        return Path(file), [column.strip() for column in columns.split(",") if column.strip()]
    raise CensusError(f"{kind}:{text} must be a file. Got no such file.")


def open_csv(text: str, request: Request) -> Source:
    """csv:FILE[:columns]: a row an example, the first line its columns' names.

    Text is for a model with a tokenizer; else columns of text are categories.

    Raises:
        CensusError: it cannot be read, or a cell is empty.
    """
    file, asked = file_and_columns(text, "csv")
    try:
        frame = pd.read_csv(file, sep=_separator(file), encoding="utf-8-sig", skipinitialspace=True)
    except Exception as error:
        raise CensusError(f"csv:{file} must be a table in UTF-8. It cannot be read: {one_line(error)}.") from error
    name = f"csv:{file.name}"
    if (request.prepare or Prepare()).tokenizer is not None:
        return Records(
            in_memory([{str(c): v for c, v in row.items()} for row in frame.to_dict("records")], name), request, asked
        )
    return of_frame(frame, name, asked, request)


def _separator(file: Path) -> str:
    """What separates the names in the first line."""
    with file.open(encoding="utf-8-sig") as opened:
        names = opened.readline()
    return max(SEPARATORS, key=names.count)


def open_parquet(text: str, request: Request) -> Source:
    """parquet:FILE[:columns], or a folder of such files: numbers as an array, else a row group at a time.

    Raises:
        CensusError: pyarrow is missing, or it cannot be read.
    """
    try:
        import pyarrow.parquet as parquet
        from pyarrow import types
    except ModuleNotFoundError as error:
        raise CensusError("parquet: needs pyarrow: pip install 'layercensus[data]'") from error
    path, asked = file_and_columns(text, "parquet")
    files = sorted(path.glob("*.parquet")) if path.is_dir() else [path]
    try:
        opened = [parquet.ParquetFile(file) for file in files]
    except Exception as error:
        raise CensusError(f"parquet:{path} must be a parquet file. It cannot be read: {one_line(error)}.") from error
    if not opened:
        raise CensusError(f"parquet:{path} must hold .parquet files. Got a folder without any.")
    name = f"parquet:{path.name}"
    schema = opened[0].schema_arrow
    plain = [types.is_primitive(f.type) or types.is_boolean(f.type) for f in schema if not asked or f.name in asked]
    texts = (request.prepare or Prepare()).tokenizer is not None
    if not texts and (all(plain) or (asked and all(plain))):
        return of_frame(pd.concat([one.read().to_pandas() for one in opened]), name, asked, request)
    return Records(_by_groups(opened, name), request, asked)


def _by_groups(opened: list[Any], name: str) -> Table:
    """The rows of parquet files; the last row group that was read is kept."""
    starts: list[tuple[int, Any, int]] = []  # first row, file and number of each group
    rows = 0
    for file in opened:
        for number in range(file.num_row_groups):
            starts.append((rows, file, number))
            rows += file.metadata.row_group(number).num_rows
    kept: dict[tuple[int, tuple[str, ...] | None], Any] = {}

    def group(index: int, columns: tuple[str, ...] | None) -> Any:
        if (index, columns) not in kept:
            kept.clear()
            _, file, number = starts[index]
            kept[index, columns] = file.read_row_group(number, columns=None if columns is None else list(columns))
        return kept[index, columns]

    def read(wanted: Sequence[int], columns: Sequence[str] | None) -> list[Row]:
        found: list[Row] = []
        for row in wanted:
            index = max(n for n, (start, _, _) in enumerate(starts) if start <= row)
            table = group(index, None if columns is None else tuple(columns))
            found.append(table.slice(row - starts[index][0], 1).to_pylist()[0])
        return found

    return Table(name, rows, read)
