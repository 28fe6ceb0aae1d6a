"""The document of every column, made from what the measures declare: python docs/make_columns.py > docs/columns.md."""

from __future__ import annotations

from collections.abc import Mapping

from layercensus.census.columns import Columns
from layercensus.measures import MEASURES, Column

HEAD = """# Columns

Made by `python docs/make_columns.py > docs/columns.md` from what the measures declare; a measure of your own declares
its columns [the same way](measures.md). [What each number means and where it fails](numbers.md) says more.
"""


def document() -> str:
    """The whole document."""
    columns = Columns.of(MEASURES)
    parts = [
        HEAD,
        "## Of `layers`, a row a layer\n",
        *_table(columns.layers),
        "",
        f"`NAME_low`, `NAME_high`: the 95 % interval over examples of {_names(columns.intervals, columns.layers)}.\n",
        f"`twin_NAME`: the untrained twin's, of every column but {_names(columns.where(lambda c: not c.twin))}.\n",
        "A value that was not asked for or does not apply is missing, never 0.\n",
        "## Of `units`, a row a unit\n",
        *_table(columns.units),
    ]
    return "\n".join(parts) + "\n"


def _table(columns: Mapping[str, Column]) -> list[str]:
    rows = [
        f"| `{name}` | {_cell(column.meaning)} | {_extent(column)} | {_source(column)} |"
        for name, column in columns.items()
        if not column.bound_of
    ]
    return ["| column | meaning | unit, range | source |", "|---|---|---|---|", *rows]


def _extent(column: Column) -> str:
    kinds = {"choice": ", ".join(column.choices), "truth": "true or false", "index": "index of a unit"}
    return kinds.get(column.kind, column.extent)


def _source(column: Column) -> str:
    return _cell(column.source).replace("docs/numbers.md", "[numbers.md](numbers.md)")


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def _names(chosen: Mapping[str, object], among: Mapping[str, Column] | None = None) -> str:
    names = [f"`{name}`" for name in chosen if among is None or name in among]
    return f"{', '.join(names[:-1])} and {names[-1]}"


if __name__ == "__main__":
    print(document(), end="")
