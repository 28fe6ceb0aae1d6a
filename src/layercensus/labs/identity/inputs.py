"""What the nets are asked to return: the training image, and twelve kinds of pictures they never saw."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from PIL import Image
from torch import Tensor

from ...data.handwriting import clothes, digits
from ...errors import CensusError
from ..record import digest
from .nets import SIDE

DIGIT = 7
EACH = 8  # pictures of a kind
PROBES = 400  # pictures by which a layer is measured
GREY = 0.9  # brightness of what is drawn
Draw = Callable[[torch.Generator], Tensor]


@dataclass(frozen=True)
class Inputs:
    """The pictures, all in 0..1. kinds: what a net is tested on; probes: by which its layers are measured."""

    training: Tensor  # (1, 1, 28, 28)
    kinds: dict[str, Tensor]  # each (EACH, 1, 28, 28)
    probes: Tensor  # (PROBES, 1, 28, 28)
    missing: str = ""  # what is left out, and how to get it

    @property
    def digest(self) -> str:
        """A number for the content of all pictures."""
        return digest([self.training, *self.kinds.values(), self.probes])


def make_inputs(image: str | None = None, clothing: str | Path | None = None, seed: int = 0) -> Inputs:
    """The training image and the test pictures.

    image: a picture file in place of the first 7 of MNIST. clothing: folder of Fashion-MNIST (see `clothes`).

    Raises:
        CensusError: MNIST is not installed, or a named file cannot be read.
    """
    rng = torch.Generator().manual_seed(seed)
    images, labels = digits()
    sevens = images[labels == DIGIT]
    others = images[labels != DIGIT][torch.randperm(int((labels != DIGIT).sum()), generator=rng)]
    training = sevens[:1] if image is None else _read(image)
    worn = clothes(clothing)
    kinds = {
        "same digit": sevens[1 : 1 + EACH],
        "other digits": others[:EACH],
        "two digits blended": (others[EACH : 2 * EACH] + others[2 * EACH : 3 * EACH]) / 2,
        "training image moved": _moved(training),
    }
    if worn is not None:
        kinds["clothing"] = worn[torch.randperm(len(worn), generator=rng)[:EACH]]
    kinds |= {name: _stack(draw, rng) for name, draw in DRAWN.items()}
    rest = others[3 * EACH :]
    half = PROBES if worn is None else PROBES // 2
    probes = [rest[:half]]
    if worn is not None:
        probes.append(worn[torch.randperm(len(worn), generator=rng)[: PROBES - half]])
    shuffled = torch.randperm(PROBES, generator=rng)
    return Inputs(training, kinds, torch.cat(probes)[shuffled], _missing(worn))


def _missing(worn: Tensor | None) -> str:
    if worn is not None:
        return ""
    return (
        "clothing is left out, and layers are measured on digits alone: Fashion-MNIST is not here"
        " (install dataset-fashion-mnist on Debian, or pass clothing=FOLDER)"
    )


def _read(file: str) -> Tensor:
    try:
        with Image.open(file) as opened:
            grey = opened.convert("L").resize((SIDE, SIDE), Image.Resampling.LANCZOS)
    except (OSError, ValueError) as error:
        raise CensusError(f"image must be an image file. {file} cannot be read: {error}.") from error
    x = torch.tensor(list(grey.tobytes()), dtype=torch.float32).div(255).reshape(1, 1, SIDE, SIDE)
    if float(x.std()) < 1e-3:
        raise CensusError(f"image must show something. Got one of a single grey: {file}.")
    return x


def _moved(x: Tensor) -> Tensor:
    """By four pixels in each of the eight directions, cut at the edge."""
    far = 4
    padded = torch.nn.functional.pad(x, (far,) * 4)
    steps = [(down, right) for down in (0, far, 2 * far) for right in (0, far, 2 * far) if (down, right) != (far, far)]
    return torch.cat([padded[:, :, down : down + SIDE, right : right + SIDE] for down, right in steps])


def _stack(draw: Draw, rng: torch.Generator) -> Tensor:
    return torch.stack([draw(rng)[None] for _ in range(EACH)]).float() * GREY


def _between(low: float, high: float, rng: torch.Generator) -> float:
    return low + (high - low) * float(torch.rand((), generator=rng))


def _grid() -> tuple[Tensor, Tensor]:
    """Rows and columns of the pixels' centres."""
    line = torch.arange(SIDE) + 0.5
    return line.unsqueeze(1).expand(SIDE, SIDE), line.unsqueeze(0).expand(SIDE, SIDE)


def _square(rng: torch.Generator) -> Tensor:
    down, right = _grid()
    top, left, side = (_between(low, high, rng) for low, high in ((4, 16), (4, 16), (6, 9)))
    return (down > top) & (down < top + side) & (right > left) & (right < left + side)


def _stripes(period: float) -> Draw:
    def draw(rng: torch.Generator) -> Tensor:
        down, right = _grid()
        angle, phase = _between(0, torch.pi, rng), _between(0, 1, rng)
        across = down * torch.cos(torch.tensor(angle)) + right * torch.sin(torch.tensor(angle))
        return (across / period + phase) % 1 < 0.5

    return draw


def _ramp(rng: torch.Generator) -> Tensor:
    down, right = _grid()
    angle = torch.tensor(_between(0, 2 * torch.pi, rng))
    across = (down - SIDE / 2) * torch.cos(angle) + (right - SIDE / 2) * torch.sin(angle)
    return ((across - across.min()) / (across.max() - across.min())).float()


def _dots(rng: torch.Generator) -> Tensor:
    down, right = _grid()
    apart, a, b = 6.0, _between(0, 6, rng), _between(0, 6, rng)
    near = ((down + a) % apart - apart / 2) ** 2 + ((right + b) % apart - apart / 2) ** 2
    return near < 1.7**2


def _ellipse(long: tuple[float, float], ratio: tuple[float, float]) -> Draw:
    def draw(rng: torch.Generator) -> Tensor:
        down, right = _grid()
        angle = torch.tensor(_between(0, torch.pi, rng))
        middle = [_between(11, 17, rng) for _ in range(2)]
        a = _between(*long, rng)
        b = a * _between(*ratio, rng)
        u = (down - middle[0]) * torch.cos(angle) + (right - middle[1]) * torch.sin(angle)
        v = (right - middle[1]) * torch.cos(angle) - (down - middle[0]) * torch.sin(angle)
        return (u / a) ** 2 + (v / b) ** 2 < 1

    return draw


DRAWN: dict[str, Draw] = {
    "small square": _square,
    "thin stripes": _stripes(4),
    "thick stripes": _stripes(10),
    "ramp": _ramp,
    "dot grid": _dots,
    "disc": _ellipse((5, 8), (1, 1)),
    "ellipse": _ellipse((8, 11), (0.4, 0.6)),
}
