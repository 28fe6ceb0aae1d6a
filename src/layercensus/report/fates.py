"""How each fate of a unit is drawn: its colour, its character in the terminal, its place on a layer's page."""

from __future__ import annotations

from dataclasses import dataclass

from ..measures import FATES


@dataclass(frozen=True)
class Look:
    """How one fate is drawn."""

    colour: str
    glyph: str
    place: int  # of its units on the page of a layer, the lowest first


UNJUDGED = 2  # place of a unit without a fate
LOOKS = dict(zip(
    reversed(FATES),  # the best first, as bars and legends show them
    (Look("#4477aa", "█", 0), Look("#99ccee", "▓", 0), Look("#ddaa33", "░", 1), Look("#aaaaaa", "·", 3)),
    strict=True,
))  # fmt: skip
