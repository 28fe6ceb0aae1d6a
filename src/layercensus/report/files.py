"""The files of a report: what every page is built with, and how they are written."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cache
from itertools import chain
from pathlib import Path

import vl_convert
from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined

from ..data.files import writable, write_bytes
from .picture import Picture

PAGES = "layercensus.report"  # whose templates all pages share
NUMBER = "layer-[0-9][0-9][0-9]"
OF_LAYERS = (
    f"layers/{NUMBER}.html", f"sprites/{NUMBER}.webp", f"sprites/{NUMBER}-optimised.webp",
    *(f"pictures/{NUMBER}{part}.{kind}" for kind in ("svg", "csv")
    for part in ("", "-correlations")),
    "concepts/concept-*.html", "sprites/concept-*.webp", "pictures/concept-*.svg", "pictures/concept-*.csv",
)  # fmt: skip


def put(folder: Path, files: Iterable[tuple[str, str | bytes]], tidy: bool = False) -> None:
    """Write the script that every page uses, and these files, each a path in the folder and its text or bytes.

    tidy: also remove layers and concepts that an earlier report had and this one does not.

    Raises:
        CensusError: when the folder cannot be written.
    """
    script = PackageLoader(PAGES).get_source(environment(), "page.js")[0]
    written: set[Path] = set()
    every: Iterable[tuple[str, str | bytes]] = chain([("assets/page.js", script)], files)
    for name, content in every:
        encoded = content if isinstance(content, bytes) else content.encode("utf-8", errors="backslashreplace")
        write_bytes(folder / name, encoded, durable=False)
        written.add(folder / name)
    with writable(folder):
        for old in (file for pattern in OF_LAYERS if tidy for file in folder.glob(pattern) if file not in written):
            old.unlink()


def drawn_files(name: str, picture: Picture | None) -> Iterator[tuple[str, str]]:
    """A picture and the numbers that it shows."""
    if picture is not None:
        yield f"pictures/{name}.svg", picture.svg
        for size, smaller in picture.others.items():
            yield f"pictures/{name}-{size}.svg", smaller
        yield f"pictures/{name}.csv", picture.data.to_csv(index=False, lineterminator="\n")


@cache
def vega() -> str:
    """Vega, Vega-Lite and their embedding as one script, from vl-convert: nothing is fetched when a page opens."""
    return str(vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;"))


@cache
def environment(package: str = PAGES) -> Environment:
    """Templates of `package`, and those that all pages share; everything from the user's names and files is escaped."""
    return Environment(
        loader=ChoiceLoader([PackageLoader(name) for name in dict.fromkeys((package, PAGES))]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
