"""Pictures of what units respond to (feature visualisation), each with a score.

`layercensus.see(model, "LAYER:UNIT", data)` makes them; what is in here names what they are made for.
"""

from .input_space import Palette
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
from .presets import PRESETS, Preset
from .priors import Prior, load_prior, train_prior
from .score import Score
from .visualisations import Pictures, Sight, Top

__all__ = [
    "PRESETS",
    "Objective",
    "Palette",
    "Pictures",
    "Preset",
    "Prior",
    "Score",
    "Sight",
    "Top",
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
