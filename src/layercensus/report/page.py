"""The pages of results: a folder that opens from disk with the network off."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from ..census.record import CensusRecord
from ..progress import tqdm
from ..verdict.verdict import Verdict
from .address import folder_of
from .charts import dimensions, fates, rarefaction, rarefied
from .concept_page import concept_pages
from .concepts_chart import concepts_picture
from .depth_charts import over_depth
from .directions_chart import directions
from .directions_table import DirectionsTable, directions_table
from .files import drawn_files, environment, put, vega
from .index_page import Drawn, index_page
from .layer_page import layer_page, layer_picture, layer_sheet, visualisation_sheet
from .matrix import matrix_picture
from .names import number_of_layer
from .picture import Picture
from .strip import strip
from .tiles import Examples, Sheet
from .unit_index import NAME, unit_index

LARGEST_LAYER = 1_900_000  # bytes of a layer's page with its crops


def write(
    census: CensusRecord, verdict: Verdict, folder: Path, *, progress: bool = False, address: str | None = None
) -> Path:
    """Write the pages into `folder` and return the path of its index.html; the same census gives the same bytes.

    address: where the folder will stand on the web, for what a link to the page shows of it.

    Raises:
        CensusError: when the folder cannot be written, or the address is none.
    """
    put(folder, _files(census, verdict, progress, folder_of(address)), tidy=True)
    return folder / "index.html"


def _files(
    census: CensusRecord, verdict: Verdict, progress: bool, address: str | None
) -> Iterator[tuple[str, str | bytes]]:
    """Every file of the report, by its path in the folder; index.html comes last."""
    pictures = {
        "directions": directions(census),
        "concepts": concepts_picture(census),
        "units": fates(census, fraction=False),
        "fractions": fates(census, fraction=True),
        "rarefied": rarefied(census),
        "curves": rarefaction(census),
        "dimensions": dimensions(census),
    }
    small, numbers = over_depth(census)
    yield "assets/vega.js", vega()
    for name, picture in pictures.items():
        yield from drawn_files(name, picture)
    first = pictures["directions"] or pictures["units"]
    if first is not None:
        yield "pictures/answer.png", first.png
    for number, each in enumerate(small):
        yield f"pictures/depth-{number:02d}.svg", each.picture.svg
    yield "pictures/depth.csv", numbers.to_csv(index=False, lineterminator="\n")
    examples = Examples(census.gallery)
    shown = strip(census, examples)
    for name, sheet in () if shown is None else (("strip", shown.sheet), ("strip-optimised", shown.optimised)):
        if sheet is not None:
            yield f"sprites/{name}.webp", sheet.picture
    indices = range(len(census.layers))
    for index in tqdm(indices, desc="drawing", unit="layer", disable=not progress):
        yield from _layer(census, index, examples)
    yield from _concepts(census, examples)
    yield NAME, unit_index(census, examples)
    yield "index.html", index_page(census, verdict, Drawn(pictures, tuple(small), shown), address)


def _concepts(census: CensusRecord, examples: Examples) -> Iterator[tuple[str, str | bytes]]:
    """The pages of named concepts and their pictures."""
    pages = list(concept_pages(census, examples))
    for place, page in enumerate(pages):
        near = [pages[i] if 0 <= i < len(pages) else None for i in (place - 1, place + 1)]
        yield from drawn_files(page.number, page.picture)
        if page.sheet is not None:
            yield f"sprites/{page.number}.webp", page.sheet.picture
        template = environment().get_template("concept.html")
        yield (
            f"concepts/{page.number}.html",
            template.render(about=census.about, page=page, before=near[0], after=near[1], twin=census.has_twin),
        )


def _layer(census: CensusRecord, index: int, examples: Examples) -> Iterator[tuple[str, str | bytes]]:
    """The page of one layer and all its pictures."""
    number, name = number_of_layer(index), str(census.layers["layer"].iloc[index])
    matrix = census.gallery.matrices.get(name)
    correlations = None if matrix is None else matrix_picture(matrix)
    picture = layer_picture(census, index)
    yield from drawn_files(number, picture)
    yield from drawn_files(f"{number}-correlations", correlations)
    drawn = sum(len(p.svg) for p in (picture, correlations) if p)
    visualisations = visualisation_sheet(census, index, examples)
    if visualisations is not None:
        yield f"sprites/{number}-optimised.webp", visualisations.picture
        drawn += len(visualisations.picture)
    directions = directions_table(census, index, examples)
    if directions is not None and directions.sheet is not None:
        yield f"sprites/{number}-directions.webp", directions.sheet.picture
        drawn += len(directions.sheet.picture)
    sheet = layer_sheet(census, index, examples, LARGEST_LAYER - drawn)
    if sheet is not None:
        yield f"sprites/{number}.webp", sheet.picture
    yield (
        f"layers/{number}.html",
        _layer_html(
            census,
            index,
            examples,
            sheet=sheet,
            visualisations=visualisations,
            picture=picture,
            correlations=correlations,
            directions=directions,
        ),
    )


def _layer_html(
    census: CensusRecord, index: int, examples: Examples, *, sheet: Sheet | None, visualisations: Sheet | None,
    picture: Picture | None, correlations: Picture | None, directions: DirectionsTable | None,
) -> str:  # fmt: skip
    names = [str(name) for name in census.layers["layer"]]
    near = [
        {"file": f"{number_of_layer(i)}.html", "name": names[i]} if 0 <= i < len(names) else None
        for i in (index - 1, index + 1)
    ]
    return environment().get_template("layer.html").render(
        about=census.about,
        number=number_of_layer(index),
        before=near[0],
        after=near[1],
        findings=[f for f in census.findings if f.layer == names[index]],
        picture=picture,
        correlations=correlations,
        directions=directions,
        spectrum=census.array(names[index], "spectrum") is not None,
        twin=census.has_twin,
        **layer_page(census, index, examples, sheet, visualisations),
    )  # fmt: skip
