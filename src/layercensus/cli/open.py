"""A model as a command names it, with the size that its images are to have."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from ..models.prepare import Prepare
from ..settings import Integer

if TYPE_CHECKING:  # heavy to import
    from ..models.model import Model


def model_of(name: str, size: int | None = None) -> Model:
    """The model of that name; with `size`, images are resized and cropped to squares of so many pixels."""
    from ..models.open import open_model

    model = open_model(name)
    return model if size is None else replace(model, prepare=sized(model.prepare, size))


def sized(prepare: Prepare | None, size: int) -> Prepare:
    """The same preparation to squares of `size` pixels."""
    side = Integer(1)("size", size)
    return replace(prepare or Prepare(), size=(side, side), transform=None, says=None)
