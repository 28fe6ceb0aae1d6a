"""The demonstration: a small net trained on handwritten digits, counted beside untrained nets and two other runs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from torch import nn

from .census.census import Census
from .data.digits import Digits, split
from .layers.device import asked_device
from .models.digits import EPOCHS, WIDTHS, Split, factory, fit
from .models.digits_runs import fit_runs
from .models.model import Model
from .settings import Settings, check_seed
from .take import take

RUNS = 3  # training runs, between which it is found what was learned
VISUALISED = 9  # concepts of each layer that get an optimised image


def demo(out: Path, *, seed: int = 0, device: str | None = None, progress: bool = True) -> Census:
    """Train RUNS digits nets, count the first with the others as its replicas, and save the census in `out`.

    device: where they are counted, as for `take`; they are trained on the CPU. An earlier demonstration in `out` is
    replaced.
    """
    asked_device(device)
    seeds, runs = range(check_seed(seed), seed + RUNS), []
    for run, (net, held_out) in zip(seeds, fit_runs(seeds, _data(), progress=progress), strict=True):
        runs.append(Model(net, "digits", fresh=lambda s: factory(s)))
        print(f"training run {run}: {held_out:.1%} of the held-out digits are right")
    settings = Settings(out=out, overwrite=True, progress=progress, dimension=True, see=VISUALISED)
    return take(runs[0], Digits(), replicas=runs[1:], device=device, seed=seed, settings=settings)


def train(
    seed: int, *, widths: Sequence[int] = WIDTHS, epochs: int = EPOCHS, progress: bool = False
) -> tuple[nn.Module, float]:
    """A digits net trained on four fifths of the digits, and its accuracy on the others, 0..1.

    The same seed gives the same net; see `layercensus.models.digits.fit`.
    """
    return fit(check_seed(seed), _data(), widths=widths, epochs=epochs, progress=progress)


def _data() -> Split:
    digits = Digits()
    assert digits.labels is not None
    return Split(digits.images, digits.labels, *split())


def open_digits(seed: int = 0) -> Model:
    """The net trained on the spot, as a model."""
    net, accuracy = train(seed)
    about = {
        "weights from": f"training on scikit-learn's digits with seed {seed}",
        "held-out accuracy": round(accuracy, 4),
    }
    return Model(net, "digits", fresh=factory, example=lambda: Digits().images[:3], about=about)
