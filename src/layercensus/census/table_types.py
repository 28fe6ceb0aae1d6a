"""Whether the tables of a saved census are of the types that their columns declare."""

from __future__ import annotations

from collections.abc import Mapping

from .columns import PREFIX, Columns

WORDS = ("text", "sentence", "choice", "concept", "ids")  # kinds of columns that hold no number
TEXTS = ("str", "string", "object", "text or none")
NEEDED = {"layers": ("layer", "role"), "units": ("layer", "unit")}


def check_types(types: Mapping[str, Mapping[str, str]], columns: Columns) -> None:
    """Refuse tables without the columns that every census has, and numbers that are saved as text.

    Raises:
        ValueError: which column is missing, or of another type.
    """
    for table, names in NEEDED.items():
        for name in names:
            if name not in types[table]:
                raise ValueError(f"types.{table} lacks {name}")
    for table, known in (("layers", columns.layers), ("units", columns.units), ("twin_units", columns.units)):
        for name, kind in types[table].items():
            column = known.get(name.removeprefix(PREFIX))
            if column is not None and column.kind not in WORDS and kind in TEXTS:
                raise ValueError(f"types.{table}.{name} is {kind}, and the column is a {column.kind}")
