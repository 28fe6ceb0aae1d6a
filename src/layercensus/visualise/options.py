"""How images are optimised, as the caller says it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..data.source import Source
from ..errors import CensusError
from ..models.fingerprint import weights
from ..settings import Integer, Number, Rule, boolean, check_seed
from .parameters import NATURAL
from .presets import DEFAULT, Preset, preset_of
from .priors import Prior, load_prior
from .subject import Subject

AUTO = "auto"
EXAMPLES = 512
TOP = 5
RULES: dict[str, Rule] = {
    "faces": Integer(1), "starts": Integer(1), "steps": Integer(1), "examples": Integer(2), "top": Integer(0),
    "batch": Integer(1), "shared": boolean, "progress": boolean,
}  # fmt: skip
OPTIONAL = {"steps", "batch"}  # None stands for what the preset takes
SIDE = Integer(4)


@dataclass(frozen=True, kw_only=True)
class SeeOptions:
    """How `layercensus.see` optimises images and what it shows beside them.

    preset: a method of the literature, by name (see `layercensus.visualise.PRESETS`); None for the default.
    faces: images of each objective, optimised together; add `diversity(layer)` for them to differ.
    steps: of the optimiser; None for the preset's own.
    size: side, or (height, width), of the images in pixels; None for that of the net's input.
    contrast: of the default preset: the fraction of the range that an image takes, 0..1, its contrast being limited;
        "natural" for as much as the data have in each band of frequencies; None for as much as it takes. "auto" limits
        it where an objective is read at one position of an early map, else takes "natural", and where an image of
        either fails None.
    shared: the images of each objective have in common what can be alike (interpolation).
    prior: what `train_prior` returned, or a file of it, for the presets "nguyen2016" and "nguyen2016b".
    starts: from how many random images each is made; the first is shown, and the score says how far the others agree.
    examples: of the data that are read. top: of them shown for each objective. batch: images at a time.
    seed: same seed, same image. progress: bars on standard error.

    Raises:
        CensusError: a value out of range, an unknown preset, or a file that holds no prior.

    >>> SeeOptions(steps=64).method.name
    'olah2017'
    >>> SeeOptions(steps=0)
    Traceback (most recent call last):
    layercensus.errors.CensusError: steps must be at least 1. Got 0.
    """

    preset: str | None = None
    faces: int = 1
    steps: int | None = None
    size: int | tuple[int, int] | None = None
    contrast: float | str | None = AUTO
    shared: bool = False
    starts: int = 1
    prior: Prior | str | Path | None = None
    examples: int = EXAMPLES
    top: int = TOP
    batch: int | None = None
    seed: int = 0
    progress: bool = True

    def __post_init__(self) -> None:
        for name, rule in RULES.items():
            value = getattr(self, name)
            if value is not None or name not in OPTIONAL:
                object.__setattr__(self, name, rule(name, value))
        if isinstance(self.contrast, str) and self.contrast not in (AUTO, NATURAL):
            raise CensusError(f"contrast must be a number, None, 'natural' or 'auto'. Got {self.contrast!r}.")
        if (
            self.contrast is not None
            and self.contrast not in (AUTO, NATURAL)
            and Number(0, 1)("contrast", self.contrast) == 0
        ):
            raise CensusError(f"contrast must be above 0 and at most 1. Got {self.contrast}.")
        object.__setattr__(self, "size", _size(self.size))
        check_seed(self.seed)
        preset_of(self.preset or DEFAULT)
        if isinstance(self.prior, (str, Path)):
            object.__setattr__(self, "prior", load_prior(self.prior))

    @property
    def method(self) -> Preset:
        """The preset itself.

        >>> SeeOptions(preset="olah2017").method.name
        'olah2017'
        """
        return preset_of(self.preset or DEFAULT)

    @property
    def count(self) -> int:
        """Steps.

        >>> SeeOptions(steps=64).count
        64
        """
        return self.method.steps if self.steps is None else self.steps

    @property
    def sides(self) -> tuple[int, int] | None:
        """(height, width) of the images where they were asked for.

        >>> SeeOptions(size=64).sides
        (64, 64)
        """
        return (self.size, self.size) if isinstance(self.size, int) else self.size

    @property
    def learned_prior(self) -> Prior | None:
        """The prior, loaded.

        >>> SeeOptions().learned_prior is None
        True
        """
        return load_prior(self.prior) if isinstance(self.prior, (str, Path)) else self.prior


def _size(size: Any) -> int | tuple[int, int] | None:
    """A side or (height, width), checked."""
    if isinstance(size, (tuple, list)):
        if len(size) != 2:
            raise CensusError(f"size must be a side or (height, width) in pixels. Got {size!r}.")
        return SIDE("size", size[0]), SIDE("size", size[1])
    return None if size is None else SIDE("size", size)


def about_of(options: SeeOptions, subject: Subject) -> dict[str, Any]:
    """How images are optimised, as JSON."""
    method, prior = options.method, options.learned_prior
    return {
        "preset": method.name, "paper": method.paper, "regulariser": method.regulariser,
        "steps": options.count, "size": list(subject.space.shape[1:]) if subject.space else None,
        "contrast": options.contrast, "shared": options.shared, "seed": options.seed, "top": options.top,
        "starts": options.starts, "prior": None if prior is None else dict(prior.about),
        "input_space": subject.space.source if subject.space else None,
        "examples": sum(len(batch.ids) for batch in subject.batches),
        "data": None if subject.source is None else subject.source.name,
        "weights": weights(subject.net), "replicas": [weights(net) for net, _ in subject.replicas],
        "source": None if subject.source is None else _content(subject.source),
    }  # fmt: skip


def _content(source: Source) -> dict[str, Any]:
    return {name: value for name, value in source.about.items() if name != "skipped"}
