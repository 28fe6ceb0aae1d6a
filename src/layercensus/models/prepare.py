"""How a model wants its inputs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Prepare:
    """A model's own convention for images or text; what is None is left as the data has it."""

    size: tuple[int, int] | None = None  # (height, width) of the model's input
    mean: tuple[float, ...] | None = None  # per channel, on the scale 0..1
    std: tuple[float, ...] | None = None
    channels: int | None = None  # 1, 3, or None: as the files are
    interpolation: str = "bicubic"  # nearest | bilinear | bicubic | lanczos
    crop: float = 1.0  # the central share of the shorter side that is kept
    tokenizer: Callable[..., Any] | None = None  # called as those of transformers are
    max_length: int | None = None  # tokens

    def describe(self) -> str:
        """One line that says what is done to an input."""
        if self.tokenizer is not None:
            return f"tokens by {type(self.tokenizer).__name__}, at most {self.max_length}"
        parts = [{1: "grey", 3: "RGB", None: "channels as they are"}[self.channels]]
        if self.size:
            parts.append(f"shorter side resized ({self.interpolation}), centre {self.crop:.3g} cropped to {self.size[0]} x {self.size[1]}")
        if self.mean and self.std:
            parts.append(f"(x - {_list(self.mean)}) / {_list(self.std)} on the scale 0..1")
        return ", ".join(parts)


def _list(values: tuple[float, ...]) -> str:
    return "/".join(f"{v:.4g}" for v in dict.fromkeys(values))
