"""Optimised images of what units respond to (feature visualisation), each with a score.

`layercensus.see(model, "LAYER:UNIT", data)` makes them; `layercensus.objectives` names what they are optimised for.
"""

from .input_space import InputSpace
from .objectives import (
    Objective,
    alignment,
    channel,
    direction,
    diversity,
    interpolation,
    joint,
    layer,
    logit,
    mean_of,
    neuron,
    probability,
)
from .options import SeeOptions
from .presets import PRESETS, Preset
from .priors import Prior, load_prior, train_prior
from .score import Score
from .visualisations import TopExample, Visualisation, Visualisations

__all__ = [
    "PRESETS",
    "InputSpace",
    "Objective",
    "Preset",
    "Prior",
    "Score",
    "SeeOptions",
    "TopExample",
    "Visualisation",
    "Visualisations",
    "alignment",
    "channel",
    "direction",
    "diversity",
    "interpolation",
    "joint",
    "layer",
    "load_prior",
    "logit",
    "mean_of",
    "neuron",
    "probability",
    "train_prior",
]
