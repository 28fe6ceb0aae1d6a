"""The page of one named concept: where it can be read, what tells it, and what the net makes of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from ..census.record import CensusRecord
from ..gallery.gallery import RANKS
from .concepts_chart import PAGED, concept_groups, examples_of, number_of_concept
from .lines import Plot, plots
from .names import number_of_layer
from .picture import INK, NET_COLOURS, Picture
from .tiles import Examples, Sheet
from .token_words import Words


@dataclass(frozen=True)
class BestUnit:
    """The unit of a layer that tells the concept best."""

    layer: str
    file: str  # page of the layer
    unit: int
    auc: float
    floor: float
    tells: bool  # beyond the best unit under shuffled labels
    row: int  # of the sheet
    words: tuple[Words, ...]


@dataclass(frozen=True)
class ConceptPage:
    """What the template needs."""

    number: str  # "concept-007"
    concept: str
    of: str  # its set
    sentences: tuple[str, ...]
    picture: Picture
    rows: Sequence[Mapping[str, Any]]
    units: tuple[BestUnit, ...]
    sheet: Sheet | None


def concept_pages(census: CensusRecord, examples: Examples) -> Iterator[ConceptPage]:
    """A page for each of the first PAGED concepts, in the order of the table on the first page."""
    have = examples_of(census)
    for place, (name, own) in enumerate(concept_groups(census)[:PAGED]):
        units = _best_units(census, own, examples)
        crops = [examples.keys(u.layer, u.unit, _top(census, u)) for u in units] if examples.pictured else []
        sheet = examples.crops(crops) if crops else None
        yield ConceptPage(
            number_of_concept(place), name[1], name[0], tuple(_sentences(own, have.get(name))), _picture(own),
            _rows(census, own), tuple(units), sheet,
        )  # fmt: skip


def _sentences(own: pd.DataFrame, examples: int | None) -> Iterator[str]:
    """The evidence in words, what a reader asks first coming first."""
    read, best = own[own["readable"]], own.loc[own["auc"].idxmax()]
    given = float(own["input_auc"].iloc[0])
    if not len(read):
        yield (
            "It cannot be read from any layer that was counted: no direction tells examples with it from those without "
            "it better than directions do under shuffled labels."
        )
    else:
        first = read.iloc[0]["layer"]
        where = f"It can first be read from {first}" + (" and is clearest there" if first == best["layer"] else "")
        clearest = "" if first == best["layer"] else f", and is clearest in {best['layer']}"
        yield f"{where}{clearest}: a direction puts an example with it above one without it {_times(best['auc'])}."
        later = own[own["depth"] > read["depth"].max()]
        if len(later):
            yield f"From {later.iloc[0]['layer']} on it can no longer be read."
    yield f"From the input itself, before any layer, a direction tells it {_times(given)}; one half is guessing."
    gained = own[own["gained"]]
    if len(gained):
        yield (
            f"In {_named(gained)} it is gained: it can be read there, and neither from the input nor from the same "
            "layer of an untrained net."
        )
    elif len(read):
        yield (
            "No layer gains it: where it can be read, it can be read from the input or from the same layer of an "
            "untrained net as well."
        )
    share = best["within_needed"]
    if len(read) and share == share:
        yield (
            f"What can be read need not be used: {share * 100:.0f} % of its direction in {best['layer']} lies within "
            "the directions that the net's answers need."
        )
    if examples is not None:
        yield f"{examples:,} of the examples that the tests rest on have it."


def _times(auc: float) -> str:
    return f"in {auc * 100:.0f} % of pairs"


def _named(some: pd.DataFrame) -> str:
    names = [str(name) for name in some["layer"]]
    return names[0] if len(names) == 1 else f"{len(names)} layers, from {names[0]} to {names[-1]},"


def _picture(own: pd.DataFrame) -> Picture:
    """AUC of the concept's direction by layer, beside the untrained twin's and the input's."""
    place = range(1, len(own) + 1)
    lines: dict[str, tuple[str, list[tuple[float, float]]]] = {}
    for title, colour, column in (
        ("trained", NET_COLOURS[0], "auc"),
        ("twin", NET_COLOURS[1], "twin_auc"),
        ("input", INK, "input_auc"),
    ):
        points = [(float(x), float(y)) for x, y in zip(place, own[column], strict=True) if y == y]
        if points:
            lines[title] = (colour, points)
    return Picture(plots([Plot("layer, the first counted is 1", "AUC of a direction", lines, from_zero=False)]), own)


def _rows(census: CensusRecord, own: pd.DataFrame) -> list[dict[str, Any]]:
    files = _files(census)
    return [{**row, "file": files[str(row["layer"])]} for row in own.to_dict("records")]


def _best_units(census: CensusRecord, own: pd.DataFrame, examples: Examples) -> list[BestUnit]:
    """Each layer's unit that tells it best, the best first."""
    files, told = _files(census), own.sort_values("unit_auc", ascending=False, kind="stable")
    units = []
    for row, (_, at) in enumerate(told[told["unit"] >= 0].iterrows()):
        layer, unit = str(at["layer"]), int(at["unit"])
        one = BestUnit(
            layer, files[layer], unit, float(at["unit_auc"]), float(at["unit_floor"]), bool(at["unit_detects"]), row, ()
        )
        spoken = examples.words(layer, unit, _top(census, one)) if examples.spoken else ()
        units.append(BestUnit(layer, one.file, unit, one.auc, one.floor, one.tells, row, spoken))
    return units


def _files(census: CensusRecord) -> dict[str, str]:
    return {str(name): f"../layers/{number_of_layer(i)}.html" for i, name in enumerate(census.layers["layer"])}


def _top(census: CensusRecord, unit: BestUnit) -> list[str]:
    """The ids of the unit's top examples."""
    units = census.units
    row = units[(units["layer"] == unit.layer) & (units["unit"] == unit.unit)]
    return [str(id) for id in row["top"].iloc[0]][:RANKS] if len(row) else []
