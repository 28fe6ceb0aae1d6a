"""How good a made picture is, by numbers that need no human eye."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ..layers.layer import Layer
from .filters import blur
from .input_space import Palette, slope
from .natural import Natural, activations
from .objectives import Objective
from .transforms import REFERENCE, moved

HELD_OUT = 16  # transforms that no picture was made under
LEAST_PERCENTILE = 95.0  # of the data's examples that a picture must excite its unit more than
FEWEST = 20  # examples from which on a percentile is one
FRAGILE = "failed: only"  # how the status of a picture begins that works as it is and not when it is changed
LEAST_KEPT = 0.5  # of what is left of the best example's activation under held-out transforms; of 1 without examples


@dataclass(frozen=True)
class Score:
    """Numbers about one picture; None where they cannot be known, with the reason in `missing`.

    activation: what the objective says of the picture. data_max: the highest that it says of the data's examples, of
    which `examples` were read. ratio: activation / data_max, where data_max is positive. percentile: share of examples
    below the picture, 0..100; None for fewer than FEWEST. kept: share of what the activation is above that of a blank
    picture (the data's mean colour) that is left, on average, under held-out transforms; data_kept: the same of the
    example with the highest activation. transfer: percentile, among the same examples, of the picture for the matching
    unit of another training run; transfer_match: the correlation by
    which that unit was matched. slope, data_slope: of log amplitude over log frequency. status: "" or why it failed.
    """

    activation: float
    data_max: float | None = None
    ratio: float | None = None
    percentile: float | None = None
    kept: float | None = None
    data_kept: float | None = None
    transfer: float | None = None
    transfer_match: float | None = None
    slope: float | None = None
    data_slope: float | None = None
    examples: int = 0
    status: str = ""

    @property
    def fragile(self) -> bool:
        """Whether the picture failed for nothing but what is kept."""
        return self.status.startswith(FRAGILE)


def held_out(x: Tensor, seed: int = 0) -> Tensor:
    """Pictures (n, channels, height, width) of 0..1 under HELD_OUT changes: (HELD_OUT, n, ...), the same for each.

    Shear, shift by parts of a pixel, blur, contrast, brightness and pixel noise together: other kinds or amounts than
    those under which the default's pictures are made.
    """
    random = torch.Generator().manual_seed(seed + 77_003)

    def draw(low: float, high: float) -> float:
        return low + (high - low) * float(torch.rand((), generator=random))

    n, _, h, w = x.shape
    small = min(h, w) / REFERENCE
    fill = x.mean((0, 2, 3)).view(-1, 1, 1)
    out = []
    for _ in range(HELD_OUT):
        shift = torch.tensor([draw(-1, 1) * max(0.5, 6 * h / REFERENCE), draw(-1, 1) * max(0.5, 6 * w / REFERENCE)])
        lean = torch.full((n,), draw(-0.1, 0.1))
        still = torch.zeros(n)
        seen = moved(x, shift.expand(n, 2), still, torch.ones(n), fill, lean)
        seen = blur(seen, draw(0, max(0.3, 1.0 * small)))
        middle = seen.mean((1, 2, 3), keepdim=True)
        seen = middle + (seen - middle) * draw(0.8, 1.1) + draw(-0.05, 0.05)
        noise = torch.randn(x.shape[1:], generator=random) * draw(0, 0.05)
        out.append((seen + noise).clamp(0, 1))
    return torch.stack(out)


def kept(
    net: nn.Module, layers: Sequence[Layer], objectives: Sequence[Objective], x: Tensor, palette: Palette
) -> Tensor:
    """(n,) mean activation of pictures (n, ...) of 0..1 under held-out transforms; an objective for each picture."""
    total = torch.zeros(len(x), dtype=torch.float64)
    for seen in held_out(x):
        total += torch.from_numpy(_own(net, layers, objectives, palette.to_net(seen))).double()
    return total / HELD_OUT


def score(
    net: nn.Module, layers: Sequence[Layer], objectives: Sequence[Objective], x: Tensor, palette: Palette,
    natural: Natural | None, matches: Sequence[Match | None] | None = None, best: Tensor | None = None,
) -> list[Score]:  # fmt: skip
    """A score for each picture (n, channels, height, width) of 0..1; objectives: the one that it was made for.

    natural: what these objectives say of the data. matches: the units of another training run. best: for each objective
    the example, (n, channels, height, width) of 0..1, that it responds to most.
    """
    own = _own(net, layers, objectives, palette.to_net(x))
    blank = _of_blank(net, layers, objectives, palette)
    share_of = _shares(own, kept(net, layers, objectives, x, palette), blank)
    best_of = (
        [None] * len(x)
        if best is None
        else _shares(
            _own(net, layers, objectives, palette.to_net(best)), kept(net, layers, objectives, best, palette), blank
        )
    )
    faint = None if natural is not None else _of_noise(net, layers, objectives, palette)
    found = []
    for at, picture in enumerate(x):
        value, share = float(own[at]), share_of[at]
        data = None if natural is None else natural.value[at]
        top = None if data is None else float(data.max())
        percent = None if data is None or len(data) < FEWEST else 100 * float((data < value).mean())
        match = None if matches is None else matches[at]
        noise = None if faint is None else float(faint[at].max())
        found.append(
            Score(
                activation=value,
                data_max=top,
                ratio=value / top if top is not None and top > 0 else None,
                percentile=percent,
                kept=share,
                data_kept=best_of[at],
                transfer=None if match is None else match.percentile(palette.to_net(picture[None])),
                transfer_match=None if match is None else match.correlation,
                slope=_known(slope(picture[None])),
                data_slope=_known(palette.slope),
                examples=0 if data is None else len(data),
                status=_status(picture, value, percent, share, best_of[at], noise),
            )
        )
    return found


def _shares(own: NDArray[np.float32], left: Tensor, blank: NDArray[np.float32]) -> list[float | None]:
    """Which share is left of what is above the response to a blank picture; None where nothing is."""
    return [
        (float(under) - float(base)) / (float(value) - float(base)) if value > base else None
        for value, under, base in zip(own, left, blank, strict=True)
    ]


def _status(
    picture: Tensor, value: float, percent: float | None, share: float | None, best: float | None, noise: float | None
) -> str:
    if not math.isfinite(value):
        return "failed: the activation is not finite"
    if float(picture.std()) < 1e-4:
        return "failed: the picture is of one colour"
    if value == 0:
        return "failed: the unit does not respond"
    if percent is not None and percent < LEAST_PERCENTILE:
        return f"failed: {100 - percent:.0f} % of the examples excite it at least as much"
    if noise is not None and value <= noise:
        return "failed: noise excites it as much"
    least = LEAST_KEPT * (1.0 if best is None else min(1.0, max(best, 0.0)))
    if share is not None and share < least:
        return f"{FRAGILE} {max(share, 0):.0%} of the activation is left when the picture is changed a little"
    return ""


def _own(net: nn.Module, layers: Sequence[Layer], objectives: Sequence[Objective], x: Tensor) -> NDArray[np.float32]:
    """(n,): what each picture's own objective says of it."""
    parameter = next(net.parameters(), None)
    x = x if parameter is None else x.to(parameter.device, parameter.dtype)
    return activations(net, layers, objectives, x).diagonal().copy()


def _of_blank(
    net: nn.Module, layers: Sequence[Layer], objectives: Sequence[Objective], palette: Palette
) -> NDArray[np.float32]:
    """(objectives,): what objectives say of a picture that is nothing but the data's mean colour."""
    x = palette.mean.view(-1, 1, 1).expand(len(objectives), *palette.shape)
    return _own(net, layers, objectives, palette.to_net(x))


def _of_noise(
    net: nn.Module, layers: Sequence[Layer], objectives: Sequence[Objective], palette: Palette
) -> NDArray[np.float32]:
    """(objectives, pictures): what objectives say of pictures of noise of the strongest contrast."""
    random = torch.Generator().manual_seed(5)
    x = torch.rand(16, *palette.shape, generator=random)
    parameter = next(net.parameters(), None)
    shown = palette.to_net(x)
    return activations(
        net, layers, objectives, shown if parameter is None else shown.to(parameter.device, parameter.dtype)
    )


def _known(value: float) -> float | None:
    return None if math.isnan(value) else value


@dataclass(frozen=True)
class Match:
    """The unit of another training run that responds to the examples most like the objective's own unit."""

    net: nn.Module
    layers: Sequence[Layer]
    objective: Objective
    correlation: float
    data: NDArray[np.float32]  # (examples,) what the unit says of them

    def percentile(self, x: Tensor) -> float:
        """Share of the examples below a picture, given as the net takes it; 0..100."""
        return 100 * float((self.data < _own(self.net, self.layers, [self.objective], x)[0]).mean())


__all__ = ["Match", "Score", "held_out", "kept", "score"]
