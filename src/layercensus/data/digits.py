"""The 1,797 handwritten digits that scikit-learn ships."""

from __future__ import annotations

import torch
from sklearn.datasets import load_digits
from torch import Tensor

from .arrays import Arrays
from .keys import key
from .request import Request


class Digits(Arrays):
    """(1797, 1, 8, 8) float32 in 0..1, ten classes."""

    def __init__(self) -> None:
        bunch = load_digits()
        x = torch.from_numpy(bunch.images).float().div(16).unsqueeze(1)
        super().__init__(x, bunch.target, name="digits", origin="the ten digits")
        self.class_names = tuple(str(name) for name in bunch.target_names)
        self.about["values"] = "0 to 16 divided by 16"

    @property
    def images(self) -> Tensor:
        """(1797, 1, 8, 8) float32 in 0..1."""
        return self.inputs  # type: ignore[no-any-return]


def open_digits(request: Request) -> Digits:
    """The digits; user-supplied labels replace the ten classes."""
    source = Digits()
    if request.labels is not None:
        source.label(request.labels, "given beside the data")
    return source


def split(seed: int = 0) -> tuple[Tensor, Tensor]:
    """Rows to train on and rows held out, a fifth of every digit, chosen by a hash of the seed and the row's number."""
    labels = torch.from_numpy(load_digits().target)
    training, held_out = [], []
    for digit in range(10):
        rows = sorted((labels == digit).nonzero().flatten().tolist(), key=lambda row: key(f"split {seed} {row}"))
        held_out += rows[: len(rows) // 5]
        training += rows[len(rows) // 5 :]
    return torch.tensor(sorted(training)), torch.tensor(sorted(held_out))
