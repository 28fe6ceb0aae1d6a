"""The demonstration: a small net trained on handwritten digits, counted beside its twin and a second training run."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

from torch import nn

from .census.census import Census
from .data.digits import Digits, split
from .models.digits import EPOCHS, WIDTHS, Split, factory, fit
from .models.model import Model
from .settings import Settings
from .take import take

VISUALISED = 32  # concepts of each layer that get an optimised image: all of them


def demo(out: Path, *, seed: int = 0, progress: bool = True) -> Census:
    """Train two runs of the digits net, count the first with the second as its replica, and save the census in `out`.

    An earlier demonstration in `out` is replaced.
    """
    runs, accuracy = [], []
    for run in (seed, seed + 1):
        net, held_out = train(run, progress=progress)
        runs.append(Model(net, "digits", fresh=lambda s: factory(s)))
        accuracy.append(held_out)
        print(f"training run {run}: {held_out:.1%} of the held-out digits are right")
    shutil.rmtree(out / "counting", ignore_errors=True)
    settings = Settings(out=out, progress=progress, dimension=True, see=VISUALISED)
    census = take(runs[0], Digits(), replicas=runs[1:], seed=seed, settings=settings)
    return census


def train(
    seed: int, *, widths: Sequence[int] = WIDTHS, epochs: int = EPOCHS, progress: bool = False
) -> tuple[nn.Module, float]:
    """A digits net trained on four fifths of the digits, and its accuracy on the others, 0..1.

    The same seed gives the same net; see `layercensus.models.digits.fit`.
    """
    digits = Digits()
    assert digits.labels is not None
    data = Split(digits.images, digits.labels, *split())
    return fit(seed, data, widths=widths, epochs=epochs, progress=progress)


def open_digits(seed: int = 0) -> Model:
    """The net trained on the spot, as a model."""
    net, accuracy = train(seed)
    about = {
        "weights from": f"training on scikit-learn's digits with seed {seed}",
        "held-out accuracy": round(accuracy, 4),
    }
    return Model(net, "digits", fresh=factory, example=lambda: Digits().images[:3], about=about)
