"""How pictures are made, as the user says it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..data.source import Source
from ..errors import CensusError
from ..models.fingerprint import weights
from .presets import Preset
from .priors import Prior
from .subject import Looking

AUTO = "auto"
EXAMPLES = 512
TOP = 5


@dataclass(frozen=True)
class How:
    """How pictures are made; see `see` for each."""

    preset: Preset
    asked: bool = False  # the preset was named by the user
    steps: int | None = None
    size: int | tuple[int, int] | None = None
    contrast: float | str | None = AUTO
    shared: bool = False
    prior: Prior | None = None
    examples: int = EXAMPLES
    top: int = TOP
    seed: int = 0
    batch: int | None = None
    progress: bool = True

    def __post_init__(self) -> None:
        for name, least in (("steps", 1), ("examples", 2), ("top", 0), ("batch", 1)):
            value = getattr(self, name)
            if value is not None and value < least:
                raise CensusError(f"{name} must be at least {least}. Got {value}.")
        if isinstance(self.contrast, str) and self.contrast != AUTO:
            raise CensusError(f"contrast must be a number, None or 'auto'. Got {self.contrast!r}.")
        if isinstance(self.contrast, (int, float)) and not 0 < self.contrast <= 1:
            raise CensusError(f"contrast must be above 0 and at most 1. Got {self.contrast}.")
        sides = (self.size,) if isinstance(self.size, int) else self.size or ()
        if any(side < 4 for side in sides):
            raise CensusError(f"size must be at least 4 pixels. Got {self.size}.")

    @property
    def count(self) -> int:
        """Steps."""
        return self.preset.steps if self.steps is None else self.steps


def _content(source: Source) -> dict[str, Any]:
    return {name: value for name, value in source.about.items() if name != "skipped"}


def about_of(how: How, looking: Looking) -> dict[str, Any]:
    """How pictures are made, as JSON."""
    return {
        "preset": how.preset.name, "paper": how.preset.paper, "regulariser": how.preset.regulariser,
        "steps": how.count, "size": list(looking.palette.shape[1:]) if looking.palette else None,
        "contrast": how.contrast, "shared": how.shared, "seed": how.seed, "top": how.top,
        "prior": None if how.prior is None else dict(how.prior.about),
        "palette": looking.palette.source if looking.palette else None,
        "examples": sum(len(batch.ids) for batch in looking.batches),
        "data": None if looking.source is None else looking.source.name,
        "weights": weights(looking.net), "replicas": [weights(net) for net, _ in looking.replicas],
        "source": None if looking.source is None else _content(looking.source),
    }  # fmt: skip
