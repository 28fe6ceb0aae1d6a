"""What is trained and measured: the default, a quarter of an hour on two cores."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, replace
from typing import Any

from ...errors import CensusError
from .crbm import Form
from .train import Recipe

Plan = tuple[tuple[Form, Recipe], ...]  # a stack's layers, from the first

NATURAL: Plan = (  # photographs: the first layer as published, but for rate and schedule
    (Form(1, 24, 10, 2, real=True),
     Recipe(2500, 0.03, epoch=5, target=0.002, sparsity=5, l2=0.01, sigma=(0.2, 0.1))),
    (Form(24, 40, 12, 3),
     Recipe(1000, 0.5, epoch=50, target=0.003, sparsity=5, l2=0.0003, start=0.05, informed=True)),
)  # fmt: skip
_DIGIT = Recipe(800, 0.1, epoch=50, target=0.05, sparsity=1, l2=0.001)
DIGITS: Plan = (  # handwriting; the support vector machine sees the first two layers
    (Form(1, 40, 9, 2), _DIGIT), (Form(40, 60, 5, 2), replace(_DIGIT, steps=500)),
    (Form(60, 200, 3, 1), replace(_DIGIT, steps=1500, rate=0.05)),
)  # fmt: skip
_OBJECT = Recipe(500, 0.2, epoch=50, target=0.02, sparsity=1, l2=0.001, start=0.05)
OBJECTS: Plan = (  # classes of objects: the first layer for all of them, the others for each
    (Form(1, 24, 7, 2), _OBJECT), (Form(24, 40, 5, 2), replace(_OBJECT, steps=600, target=0.03, l2=0.0003)),
    (Form(40, 40, 2, 1), replace(_OBJECT, steps=600, rate=0.1, target=0.05, l2=0.0003)),
)  # fmt: skip
CONTRAST = 0.1**0.5  # standard deviation that whitened photographs are given


@dataclass(frozen=True)
class Options:
    """The nets and measures of one run."""

    seed: int = 0
    device: str = "cpu"
    images: str | None = None  # folder of photographs for the first experiment; None: those inside packages
    objects: str | None = None  # folder with a folder of images a class; None: tuxpaint's stamps where installed
    clothing: str | None = None  # folder of Fashion-MNIST; None: where Debian's package puts it
    effort: float = 1.0  # factor on all training steps
    crop: int = 70  # pixels of a crop of a photograph
    crops: int = 2  # in a training step
    batch: int = 16  # small images in a training step
    measured: int = 300  # batches of crops that the sparsity is measured on
    labels: tuple[int, ...] = (100, 300, 1000, 3000)
    splits: int = 3
    pool: int = 300  # digits of each class that are learned from
    held_out: int = 200  # others of each class that are tested on
    training: int = 300  # images of each class of objects
    test: int = 100
    hidden: int = 200  # held-out digits whose halves are hidden
    free: int = 500  # sweeps of a sample for which nothing is given
    counted: int = 400  # examples that the census counts on
    census: bool = True
    progress: bool = True

    def __post_init__(self) -> None:
        if not 0 < self.effort < math.inf:
            raise CensusError(f"effort must be above 0. Got {self.effort}.")
        if self.seed < 0:
            raise CensusError(f"seed must be at least 0. Got {self.seed}.")
        if self.pool + self.held_out > 500:
            raise CensusError(f"pool and held_out must be at most 500 together. Got {self.pool} and {self.held_out}.")
        if self.splits < 1 or not self.labels:
            raise CensusError(f"splits and labels must be at least one. Got {self.splits} and {self.labels}.")
        if not 40 <= max(self.labels) <= 10 * self.pool or self.pool >= 500 or min(self.labels) < 40:
            raise CensusError(f"labels must be between 40 and {10 * min(self.pool, 499)}. Got {self.labels}.")

    def recipe(self, recipe: Recipe) -> Recipe:
        """The same with its steps scaled by the effort."""
        return replace(recipe, steps=max(1, round(recipe.steps * self.effort)))

    def as_json(self) -> dict[str, Any]:
        """What decides the results."""
        known = asdict(self)
        for name in ("progress", "images", "objects", "clothing"):
            del known[name]
        return known
