"""The demonstration: a small net trained on handwritten digits, counted beside its twin and a second training run."""

from __future__ import annotations

import shutil
from pathlib import Path

from .census import Census
from .data.digits import Digits
from .models.digits_net import factory, train
from .models.open import Model
from .settings import Settings
from .take import take_opened

SEEN = 32  # concepts of each layer that get a picture: all of them


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
    settings = Settings(out=out, progress=progress, dimension=True, see=SEEN)
    census = take_opened(runs[0], Digits(), None, True, runs[1:], None, seed, settings)
    census.about["accuracy"] = accuracy  # type: ignore[index]
    census.save(out)
    return census
