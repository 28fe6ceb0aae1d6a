"""How a model wants its inputs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..errors import CensusError

if TYPE_CHECKING:  # heavy to import
    from torch import Tensor

INTERPOLATIONS = ("nearest", "box", "bilinear", "hamming", "bicubic", "lanczos")


@dataclass(frozen=True)
class Prepare:
    """A model's own convention for images, text or sound; what is None is left as the data has it.

    >>> Prepare(size=(224, 224), channels=3).interpolation
    'bicubic'

    Raises:
        CensusError: for a value that no picture can be given.
    """

    size: tuple[int, int] | None = None  # (height, width) of the model's input
    mean: tuple[float, ...] | None = None  # per channel, on the scale 0..1
    std: tuple[float, ...] | None = None
    channels: int | None = None  # 1, 3, or None: as the files are
    interpolation: str = "bicubic"  # nearest | box | bilinear | hamming | bicubic | lanczos
    crop: float = 1.0  # the central fraction of the shorter side that is kept
    tokenizer: Callable[..., Any] | None = None  # called as those of transformers are
    max_length: int | None = None  # tokens
    transform: Callable[[Any], Tensor] | None = None  # the model's own way from an upright picture of Pillow, exactly
    says: str | None = None  # in words, what a transform does, where the numbers above do not say it
    sound: Callable[[Any], Tensor] | None = None  # the model's own way from (samples,) float32 in -1..1, one channel
    rate: int | None = None  # samples a second that it takes
    decoder_start: int | None = None  # the token that an encoder-decoder begins to answer with
    input_name: str | None = None  # by which the net takes its picture or sound, where it takes more beside it

    def __post_init__(self) -> None:
        if self.size is not None and (len(self.size) != 2 or min(self.size) < 1):
            raise CensusError(f"size must be (height, width) of at least 1 each. Got {self.size}.")
        if self.channels not in (1, 3, None):
            raise CensusError(f"channels must be 1, 3 or None. Got {self.channels}.")
        if self.interpolation not in INTERPOLATIONS:
            raise CensusError(f"interpolation must be one of {', '.join(INTERPOLATIONS)}. Got {self.interpolation!r}.")
        if not 0 < self.crop <= 1:
            raise CensusError(f"crop must be above 0 and at most 1. Got {self.crop}.")
        self._check_scale()

    def _check_scale(self) -> None:
        if (self.mean is None) != (self.std is None):
            raise CensusError("mean and std must be given together. Got one of them.")
        if self.mean is None or self.std is None:
            return
        if len(self.mean) != len(self.std) or len(self.mean) not in ((self.channels,) if self.channels else (1, 3)):
            raise CensusError(f"mean and std must have a value for each channel. Got {self.mean} and {self.std}.")
        if min(self.std) <= 0:
            raise CensusError(f"std must be positive. Got {self.std}.")

    def describe(self) -> str:
        """One line that says what is done to an input.

        >>> Prepare(channels=1, mean=(0.5,), std=(0.25,)).describe()
        'grey, (x - 0.5) / 0.25 on the scale 0..1'
        """
        if self.tokenizer is not None and self.transform is not None:
            return f"{self._of_pictures()}; {self._of_text()}"
        if self.tokenizer is not None:
            return self._of_text()
        return self._of_sound() if self.rate is not None else self._of_pictures()

    def _of_text(self) -> str:
        truncated = f", truncated to {self.max_length} tokens" if self.max_length else ""
        shifted = "; the decoder is given the same, shifted by one" if self.decoder_start is not None else ""
        return f"tokens by {getattr(self.tokenizer, '__name__', type(self.tokenizer).__name__)}{truncated}{shifted}"

    def _of_sound(self) -> str:
        own = f", {self.says}" if self.says else ""
        begun = "; the decoder is given its first token" if self.decoder_start is not None else ""
        return f"one channel, {self.rate:,} samples a second{own}{begun}"

    def _of_pictures(self) -> str:
        if self.says is not None:
            return self.says
        steps = [{1: "grey", 3: "RGB", None: "channels as the files have them"}[self.channels]]
        if self.size:
            steps.append(f"shorter side resized ({self.interpolation}), centre {self.size[0]} x {self.size[1]} kept")
            steps[-1] += f" ({self.crop:.4g} of it)" if self.crop < 1 else ""
        if self.mean and self.std:
            steps.append(f"(x - {_list(self.mean)}) / {_list(self.std)} on the scale 0..1")
        return ", ".join(steps)


def _list(values: tuple[float, ...]) -> str:
    return "/".join(f"{v:.4g}" for v in (values[:1] if len(set(values)) == 1 else values))
