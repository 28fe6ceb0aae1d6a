"""Optimised images of what units respond to (feature visualisation), each with a score.

`layercensus.see(model, "LAYER:UNIT", data)` makes them; `layercensus.objectives` names what they are optimised for.
"""

from .input_space import InputSpace
from .options import SeeOptions
from .presets import PRESETS, Preset
from .priors import Prior, load_prior, train_prior
from .score import Score
from .visualisations import TopExample, Visualisation, Visualisations

__all__ = [
    "PRESETS",
    "InputSpace",
    "Preset",
    "Prior",
    "Score",
    "SeeOptions",
    "TopExample",
    "Visualisation",
    "Visualisations",
    "load_prior",
    "train_prior",
]
