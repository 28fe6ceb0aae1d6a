"""Mergeable state of one layer: streams over all the data, and a bounded panel of examples."""

from .marks import Marks
from .needs import Needs, Rows
from .panel import Panel, joined_spots
from .reading import Reading, reduce_output, spot_indices
from .sketch import Sketch
from .streams import Moments, Streams, Top
from .tally import Tally
from .unit_needs import UnitNeeds

__all__ = [
    "Marks",
    "Moments",
    "Needs",
    "Panel",
    "Reading",
    "Rows",
    "Sketch",
    "Streams",
    "Tally",
    "Top",
    "UnitNeeds",
    "joined_spots",
    "reduce_output",
    "spot_indices",
]
