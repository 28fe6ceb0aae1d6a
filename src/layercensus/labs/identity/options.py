"""What is trained and measured: the default, and the paper's size."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from ...errors import CensusError
from .nets import Shape
from .train import Recipe

DEPTHS = (1, 2, 3, 5, 7, 10, 14, 17, 20, 24, 28)
PAPER_DEPTHS = (1, 3, 5, 7, 9, 11, 13, 14, 15, 16, 17, 18, 19, 20, 24)
CONTROL = 7  # layers that a net with circular padding can learn with
PAPER_CHANNELS = 128
PAPER_TURN = (14, 18)
PAPER_CROSSING = "between 14 and 18"  # figure 15 and its like: outlines at 9-14, pieces of the digit from 15 on


@dataclass(frozen=True)
class Options:
    """The nets of one run. depths and full are of convolutional and of fully connected nets."""

    depths: tuple[int, ...] = DEPTHS
    full: tuple[int, ...] = (1, 3, 6)
    shape: Shape = field(default_factory=lambda: Shape(channels=24))
    seeds: int = 3  # training runs of every convolutional depth; each is measured layer by layer and counted
    seed: int = 0
    circular: bool = True  # also two with circular padding, the negative control: the deepest and one that learns
    paper_width: bool = True  # also nets of the paper's width: untrained ones measured by eye, and those of `wide`
    wide: tuple[int, ...] = (7, 14, 20)  # layers of trained nets of the paper's width; the figure shows their first run
    recipe: Recipe = field(default_factory=Recipe)
    device: str = "cpu"
    workers: int = 2
    image: str | None = None  # a picture file; None: the first 7 of MNIST
    clothing: str | None = None  # folder of Fashion-MNIST
    counted: int = 4  # convolutional depths that get a census, spread over those with a hidden layer
    examples: int = 600  # digits that the census counts on
    progress: bool = True

    def __post_init__(self) -> None:
        if not self.depths or min(self.depths) < 1 or len(set(self.depths)) < len(self.depths):
            raise CensusError(f"depths must be different numbers from 1. Got {', '.join(map(str, self.depths))}.")
        if len(set(self.full)) < len(self.full) or min(self.full, default=1) < 1:
            raise CensusError(f"fc must be different numbers from 1. Got {', '.join(map(str, self.full))}.")
        if min(self.wide, default=1) < 1 or len(set(self.wide)) < len(self.wide):
            raise CensusError(f"wide must be different numbers from 1. Got {', '.join(map(str, self.wide))}.")
        if self.counted < 0:
            raise CensusError(f"counted must be at least 0. Got {self.counted}.")
        for name in ("seeds", "workers"):
            if getattr(self, name) < 1:
                raise CensusError(f"{name} must be at least 1. Got {getattr(self, name)}.")
        if self.recipe.steps < 1:
            raise CensusError(f"steps must be at least 1. Got {self.recipe.steps}.")

    @property
    def runs(self) -> tuple[tuple[Shape, int], ...]:
        """Every net with its seed, the deepest first: they take longest."""
        deep = sorted(self.depths, reverse=True)
        conv = [(self.shape.at(depth), self.seed + n) for depth in deep for n in range(self.seeds)]
        full = [(replace(self.shape, kind="fc", padding="zeros", depth=d), self.seed) for d in self.full]
        return (*((shape, self.seed + n) for shape in self.wide_shapes for n in range(self.seeds)),
                *self._control(), *conv, *full)  # fmt: skip

    @property
    def wide_shapes(self) -> tuple[Shape, ...]:
        """Nets of the paper's width beside the others, the deepest first."""
        if not self.paper_width or self.shape.channels == PAPER_CHANNELS:
            return ()
        return tuple(
            Shape(depth=depth, channels=PAPER_CHANNELS, label=f"{PAPER_CHANNELS}-channels")
            for depth in sorted(self.wide, reverse=True)
        )

    def _control(self) -> tuple[tuple[Shape, int], ...]:
        if not self.circular or self.shape.padding != "zeros":
            return ()
        some = [depth for depth in sorted(self.depths) if 1 < depth <= CONTROL]
        depths = sorted({max(self.depths), *some[-1:]}, reverse=True)
        return tuple((replace(self.shape.at(depth), padding="circular"), self.seed) for depth in depths)

    @property
    def census(self) -> tuple[Shape, ...]:
        """The nets that are counted: convolutional ones of spread depths, the deepest among them, and a full one."""
        hidden = [depth for depth in sorted(self.depths) if depth > 2]
        conv = [self.shape.at(depth) for depth in evenly_chosen(hidden, self.counted)]
        full = [shape for shape, _ in self.runs if shape.kind == "fc" and shape.depth > 2]
        return (*conv, *full[-1:]) if self.counted else ()

    def as_json(self) -> dict[str, Any]:
        """What decides the results."""
        known = asdict(self)
        for name in ("workers", "progress", "image", "clothing"):
            del known[name]
        return known


def evenly_chosen(depths: Sequence[int], count: int) -> list[int]:
    """At most `count` of them at even places, the first and last among them; of one, the last."""
    count = min(count, len(depths))
    if count < 2:
        return list(depths[-1:]) if count else []
    return [depths[round(step * (len(depths) - 1) / (count - 1))] for step in range(count)]


def paper(options: Options) -> Options:
    """The same at the paper's width and depths: hours of one core."""
    return replace(options, depths=PAPER_DEPTHS, shape=replace(options.shape, channels=PAPER_CHANNELS))
