"""Published methods of feature visualisation, each known by its regulariser (Olah et al. 2017, overview)."""

from __future__ import annotations

import difflib
from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor

from ..errors import CensusError
from .filters import bilateral, blur, pyramid, variation
from .input_space import InputSpace
from .transforms import ARTICLE, NONE, Robustness

DEFAULT = "olah2017"


@dataclass(frozen=True)
class State:
    """What a regulariser may know of a run: how far it is (0..1), the step, where it began, and how the data look."""

    progress: float
    step: int
    start: Tensor
    space: InputSpace


@dataclass(frozen=True)
class Preset:
    """A method: what is optimised, from where, how, and what holds it back.

    over: "fourier", "pixels", "phases" (of the data's spectrum) or "code" (of a learned generator). start: "noise",
    "grey" or "image" (an example of the data; noise where there is none). rate: of Adam, or what a step of a gradient
    with root mean square 1 adds to pixels of 0..1. penalty: (images,) to be kept low, in the same unit. gradient,
    after: change a step's gradient, and the pixels after it. octaves: sizes from coarse to fine, each 1.4 times the
    last. crops: random parts of each image that the net sees in a step. needs: "images" or "prior".
    """

    name: str
    paper: str
    regulariser: str  # in words
    over: str = "pixels"
    start: str = "noise"
    robustness: Robustness = NONE
    steps: int = 256
    rate: float = 0.02
    penalty: Callable[[Tensor, State], Tensor] | None = None
    gradient: Callable[[Tensor, State], Tensor] | None = None
    after: Callable[[Tensor, State], Tensor] | None = None
    octaves: int = 1
    crops: int = 0
    needs: str = ""


def _sphere(x: Tensor, state: State) -> Tensor:
    """At the distance from the mean colour that the data's images have."""
    mean = state.space.mean.view(-1, 1, 1)
    away = x - mean
    norm = away.flatten(1).norm(dim=1).clamp(min=1e-12).view(-1, 1, 1, 1)
    wanted = state.space.norm if state.space.norm == state.space.norm else 0.2 * away[0].numel() ** 0.5
    out: Tensor = mean + away * (wanted / norm)
    return out


def _near_start(x: Tensor, state: State) -> Tensor:
    return 0.5 * 0.5 * (x - state.start).square().flatten(1).sum(1)


def _bounded_and_smooth(x: Tensor, state: State) -> Tensor:
    """The sixth power of the distance from the mean colour, and total variation with exponent 2."""
    count = x[0].numel()
    away = ((x - state.space.mean.view(-1, 1, 1)) * 2).pow(6).flatten(1).sum(1)
    return 0.5 * away + 2.0 * count * variation(x)


def _decay_and_blur(x: Tensor, state: State) -> Tensor:
    mean = state.space.mean.view(-1, 1, 1)
    x = mean + (x - mean) * 0.995
    return blur(x, _sigma(0.6, x)) if state.step % 4 == 3 else x


def _softening_gradient(gradient: Tensor, state: State) -> Tensor:
    return blur(gradient, _sigma(2.5 + (0.5 - 2.5) * state.progress, gradient))


def _smooth_between_edges(x: Tensor, state: State) -> Tensor:
    return bilateral(x, max(0.6, _sigma(1.5, x)), 0.2) if state.step % 4 == 3 else x


def _equal_bands(gradient: Tensor, state: State) -> Tensor:
    return pyramid(gradient, 4)


def _sigma(sigma: float, x: Tensor) -> float:
    """A blur for images of 224; less for smaller ones, but never more than is needed to matter."""
    return max(min(sigma, 0.4), sigma * min(1.0, min(x.shape[-2:]) / 112))


_JITTER = Robustness(jitter=16)

PRESETS = {
    preset.name: preset
    for preset in (
        Preset(
            "erhan2009", "Erhan et al. 2009, section 3.1", "none but the image's norm", after=_sphere,
        ),
        Preset(
            "szegedy2013", "Szegedy et al. 2013, section 4.1", "none; from an image, as small a change as does it",
            start="image", penalty=_near_start,
        ),
        Preset(
            "mahendran2015", "Mahendran & Vedaldi 2015, section 3", "total variation and a bounded norm",
            penalty=_bounded_and_smooth,
        ),
        Preset(
            "nguyen2015", "Nguyen et al. 2015; Yosinski et al. 2015, section 3", "decay and blur of the image",
            after=_decay_and_blur,
        ),
        Preset(
            "mordvintsev2015", "Mordvintsev et al. 2015", "jitter, from coarse to fine", start="grey",
            robustness=Robustness(jitter=32), octaves=4,
        ),
        Preset(
            "oygard2015", "Øygard 2015", "a blurred gradient, sharper with time; jitter, from coarse to fine",
            start="grey", robustness=_JITTER, gradient=_softening_gradient, octaves=3,
        ),
        Preset(
            "tyka2016", "Tyka 2016", "bilateral filter of the image; jitter and scale",
            robustness=Robustness(jitter=16, scales=(1, 0.95, 1.05)), after=_smooth_between_edges,
        ),
        Preset(
            "mordvintsev2016", "Mordvintsev 2016", "a gradient of equally strong bands; jitter, from coarse to fine",
            start="grey", robustness=_JITTER, gradient=_equal_bands, octaves=3,
        ),
        Preset(
            "nguyen2016", "Nguyen et al. 2016a, section 2", "a learned generator's code", over="code", rate=0.05,
            robustness=Robustness(jitter=8), needs="prior",
        ),
        Preset(
            "nguyen2016b", "Nguyen et al. 2016b, section 3.1 (PPGN-x)", "a learned denoiser of the image",
            robustness=Robustness(jitter=8), needs="prior",
        ),
        Preset(
            "maco2023", "Fel et al. 2023, section 3", "the data's magnitude spectrum, only phases are free; crops",
            over="phases", rate=0.1, crops=2, robustness=Robustness(colour=0.05, noise=0.05),
            needs="images",
        ),
        Preset(
            DEFAULT, "Olah et al. 2017, section 'The Enemy of Feature Visualization'",
            "low frequencies and the data's colours first, bands as in the data; jitter, scale, rotation",
            over="fourier", steps=512, rate=0.1, robustness=ARTICLE,
        ),
    )
}  # fmt: skip


def preset_of(name: str) -> Preset:
    """The preset of this name.

    Raises:
        CensusError: there is none.
    """
    if name not in PRESETS:
        near = difflib.get_close_matches(name, PRESETS, n=1, cutoff=0.4)
        hint = f" Did you mean {near[0]!r}?" if near else ""
        raise CensusError(f"preset must be one of {', '.join(PRESETS)}. Got {name!r}.{hint}")
    return PRESETS[name]
