"""What the named concepts say over depth, in one or two sentences."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from ..census.columns import twin_of
from ..census.record import CensusRecord

NAMED, UNITS, GAINED, INPUT, ASKED = "named", "named_units", "named_gained", "input_named", "named_asked"


def of_concepts(census: CensusRecord) -> Iterator[str]:
    """How many can be read where, what the input gives, and what single units tell; nothing without concepts."""
    layers = census.layers
    known = layers[layers[NAMED].notna()] if NAMED in layers else layers.iloc[:0]
    if not len(known):
        return
    first, last = known.iloc[0], known.iloc[-1]
    asked = int(known[ASKED].max())
    yield (
        f"Named concepts: of {asked} asked, {int(first[NAMED])} can be read from {first['layer']}"
        + (f" and {int(last[NAMED])} from {last['layer']}" if len(known) > 1 else "")
        + f"; {_beside(first)}. {_gained(known, twin_of(NAMED) in layers)}"
    )
    if len(known) > 1:
        yield (
            f"A single unit tells {int(first[UNITS])} of them in {first['layer']}, {int(last[UNITS])} in "
            f"{last['layer']}" + (" better than any unit of an untrained net." if twin_of(UNITS) in layers else ".")
        )


def _beside(row: pd.Series) -> str:
    """What needs no training."""
    given = f"{int(row[INPUT])} can be read from the input itself"
    twin = row.get(twin_of(NAMED))
    return given if twin is None or pd.isna(twin) else f"{given}, {int(twin)} from {row['layer']} of an untrained net"


def _gained(known: pd.DataFrame, twin: bool) -> str:
    """What neither gives."""
    most = known.loc[known[GAINED].astype(float).idxmax()]
    neither = "neither the input nor an untrained net gives" if twin else "the input does not give"
    if int(most[GAINED]) == 0:
        return f"No layer has one that {neither}."
    return f"Most of those that {neither} are in {most['layer']}: {int(most[GAINED])}."
