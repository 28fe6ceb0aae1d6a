"""The strip of pictures below the answer: a row for each layer, in it the concepts that tell most."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from ..census.directions import directions_of
from ..census.record import CensusRecord
from .tiles import Examples, Sheet, Tile
from .token_words import Words

CONCEPTS = 6  # of a layer
CROPS = 3  # pictures of a concept; the optimised one, where made, is among them
LAYERS = 12  # rows at most, evenly spread over the depth; the first and the last are among them


@dataclass(frozen=True)
class Concept:
    """One concept of the strip: a learned direction, or the representative of a cluster of units."""

    anchor: str  # on the page of its layer
    words: str
    keys: tuple[tuple[str, tuple[tuple[int, int], ...]], ...]  # crops: id and window
    unit: int | None  # None: a direction
    sentences: tuple[Words, ...] = ()


@dataclass(frozen=True)
class Shown:
    """A concept with where its pictures lie in the sheets."""

    concept: Concept
    tiles: tuple[Tile, ...]
    optimised: Tile | None


@dataclass(frozen=True)
class StripRow:
    """The concepts of one layer. index: of the layer."""

    index: int
    layer: str
    what: str
    concepts: tuple[Shown, ...]


@dataclass(frozen=True)
class Strip:
    """All rows, and the pictures that they show parts of. of: all layers that have such pictures."""

    rows: tuple[StripRow, ...]
    of: int
    sheet: Sheet | None
    optimised: Sheet | None


def strip(census: CensusRecord, examples: Examples, known: frozenset[tuple[int, str]] | None = None) -> Strip | None:
    """The strip of a census with pictures or sentences; None without. known: index and anchor that pages have."""
    if not (examples.pictured or examples.spoken):
        return None
    found = [(index, *_concepts(census, str(name), examples)) for index, name in enumerate(census.layers["layer"])]
    having = [each for each in found if each[2]]
    chosen = [having[place] for place in spread(len(having), LAYERS)]
    flat = [concept for _, _, concepts in chosen for concept in concepts]
    if not flat:
        return None
    names = [str(census.layers["layer"].iloc[index]) for index, _, concepts in chosen for _ in concepts]
    sheet = examples.crops([concept.keys for concept in flat]) if examples.pictured else None
    optimised = examples.optimised([(name, each.unit) for name, each in zip(names, flat, strict=True)])
    shown = iter(
        Shown(concept, () if sheet is None else sheet.tiles[at], _first(optimised, at))
        for at, concept in enumerate(flat)
    )
    rows = tuple(
        StripRow(index, str(census.layers["layer"].iloc[index]), what, tuple(next(shown) for _ in concepts))
        for index, what, concepts in chosen
    )
    return Strip(rows, len(having), sheet, optimised)


def spread(number: int, most: int) -> list[int]:
    """At most so many places of 0 to number - 1, evenly apart, the first and the last among them.

    >>> spread(10, 4), spread(2, 4)
    ([0, 3, 6, 9], [0, 1])
    """
    return list(range(number)) if number <= most else [round(at * (number - 1) / (most - 1)) for at in range(most)]


def _first(sheet: Sheet | None, at: int) -> Tile | None:
    return next(iter(sheet.tiles[at]), None) if sheet is not None else None


def _concepts(census: CensusRecord, layer: str, examples: Examples) -> tuple[str, list[Concept]]:
    """Learned directions where there are any, else the largest clusters, and what they are in words."""
    learned = _learned(census, layer, examples)
    return (
        ("learned directions", learned)
        if learned
        else ("largest clusters of units", _clusters(census, layer, examples))
    )


def _learned(census: CensusRecord, layer: str, examples: Examples) -> list[Concept]:
    if census.array(layer, "learned_top") is None or census.array(layer, "direction_top") is None:
        return []
    found = []
    for number, ids in enumerate(directions_of(census, layer).learned_top[:CONCEPTS]):
        whole = tuple((0, n) for n in examples.gallery.side)
        keys = tuple((id, whole) for id in ids[:CROPS] if id in examples.gallery.examples)
        words = examples.beginnings(ids[:1]) if examples.spoken else ()
        found.append(Concept(f"learned-{number}", f"learned direction {number}", keys, None, words))
    return [each for each in found if each.keys or each.sentences]


def _clusters(census: CensusRecord, layer: str, examples: Examples) -> list[Concept]:
    units = census.units[census.units["layer"] == layer]
    size = units["representative"].dropna().value_counts()
    heads = units[units["unit"].isin(size.index)]
    keys = pd.DataFrame(
        {"size": -heads["unit"].map(size).astype(int), "reliability": -heads["reliability"].astype(float)}
    )
    order = keys.assign(unit=heads["unit"]).sort_values(["size", "reliability", "unit"]).index
    found = [
        _cluster(row, int(size[row["unit"]]), layer, examples) for _, row in units.loc[order[:CONCEPTS]].iterrows()
    ]
    return [each for each in found if each.keys or each.sentences]


def _cluster(row: pd.Series, members: int, layer: str, examples: Examples) -> Concept:
    unit, top = int(row["unit"]), list(row["top"])[:CROPS]
    words = f"unit {unit}" + (f" and {members - 1} like it" if members > 1 else "")
    made = (layer, unit) in examples.gallery.visualisations
    crops = tuple(examples.keys(layer, unit, top[: CROPS - made])) if examples.pictured else ()
    return Concept(f"unit-{unit}", words, crops, unit, _sentences(examples, layer, unit, top))


def _sentences(examples: Examples, layer: str, unit: int, top: Sequence[str]) -> tuple[Words, ...]:
    return examples.words(layer, unit, top[:1]) if examples.spoken else ()
