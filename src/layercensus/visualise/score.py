"""How good an optimised image is, by numbers that need no human eye."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from .distance import distances, layer_means
from .filters import blur
from .input_space import InputSpace, slope
from .matches import Match
from .objective import Objective
from .responses import Responses, activations, own_activations
from .subject import Subject
from .transforms import REFERENCE, moved

HELD_OUT = 16  # transforms that no image was made under
LEAST_PERCENTILE = 95.0  # of the data's examples that an image must excite its unit more than
FEWEST = 20  # examples from which on a percentile is one
FRAGILE = "failed: only"  # how the status of an image begins that works as it is and not when it is changed
FAR = 2.0  # times as far from the data as the furthest example, from which on an image is called off the data
LEAST_CLASSED = 0.5  # of held-out changes under which the net must see the class that an image is of
LEAST_KEPT = 0.5  # of what is left of the best example's activation under held-out transforms; of 1 where nothing is


@dataclass(frozen=True)
class Score:
    """Numbers about one image; None where they cannot be known.

    activation: what the objective says of the image. data_max: the highest that it says of the data's examples, of
        which `examples` were read. ratio: activation / data_max, where data_max is positive.
    percentile: percent of the examples below the image, 0..100; None for fewer than FEWEST.
    kept: fraction of what the activation is above that of a blank image (the data's mean colour) that is left, on
        average, under held-out transforms. data_kept: the same of the example with the highest activation.
    transfer: percentile, among the same examples, of the image for the matching unit of another training run.
        transfer_match: the correlation by which that unit was matched.
    slope, data_slope: of log amplitude over log frequency.
    distance: of the whole layer's response from the data's, as a multiple of the furthest example's (`distances`).
    agreement: correlation of the whole layer's response with that to images from other starts (`agreements`), -1..1.
    status: "" or why it failed. note: "" or what to know of an image that did not.
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
    distance: float | None = None
    agreement: float | None = None
    status: str = ""
    note: str = ""

    @property
    def fragile(self) -> bool:
        """Whether the image failed for nothing but what is kept."""
        return self.status.startswith(FRAGILE)


def held_out(x: Tensor, seed: int = 0) -> Tensor:
    """Images (n, channels, height, width) of 0..1 under HELD_OUT changes: (HELD_OUT, n, ...), the same for each.

    Shear, shift by parts of a pixel, blur, contrast, brightness and pixel noise together: other kinds or amounts than
    those under which the default's images are made.
    """
    rng = torch.Generator().manual_seed(seed + 77_003)

    def between(low: float, high: float) -> float:
        return low + (high - low) * float(torch.rand((), generator=rng))

    n, _, h, w = x.shape
    small = min(h, w) / REFERENCE
    fill = x.mean((0, 2, 3)).view(-1, 1, 1)
    out = []
    for _ in range(HELD_OUT):
        shift = torch.tensor(
            [between(-1, 1) * max(0.5, 6 * h / REFERENCE), between(-1, 1) * max(0.5, 6 * w / REFERENCE)]
        )
        lean = torch.full((n,), between(-0.1, 0.1))
        still = torch.zeros(n)
        changed = moved(x, shift.expand(n, 2), still, torch.ones(n), fill, lean)
        changed = blur(changed, between(0, max(0.3, 1.0 * small)))
        middle = changed.mean((1, 2, 3), keepdim=True)
        changed = middle + (changed - middle) * between(0.8, 1.1) + between(-0.05, 0.05)
        noise = torch.randn(x.shape[1:], generator=rng) * between(0, 0.05)
        out.append((changed + noise).clamp(0, 1))
    return torch.stack(out)


def kept(subject: Subject, objectives: Sequence[Objective], x: Tensor) -> Tensor:
    """(n,) mean activation of images (n, ...) of 0..1 under held-out transforms; an objective for each image."""
    total = torch.zeros(len(x), dtype=torch.float64)
    for changed in held_out(x):
        total += torch.from_numpy(_own(subject, objectives, changed)).double()
    return total / HELD_OUT


def score(
    subject: Subject, objectives: Sequence[Objective], x: Tensor, *, responses: Responses | None = None,
    matches: Sequence[Match | None] | None = None, best: Sequence[Tensor] | None = None,
) -> list[Score]:  # fmt: skip
    """A score for each image (n, channels, height, width) of 0..1; objectives: the one that it was optimised for.

    responses: what these objectives say of the data. matches: the units of another training run. best: for each
    objective the example, (channels, height, width) of 0..1 at its own size, that it responds to most.
    """
    own, fractions = _own(subject, objectives, x), kept_fractions(subject, objectives, x)
    of_best: list[float | None] = [None] * len(x)
    if best is not None:
        of_best = _of_examples(subject, objectives, best)
    far = distances(subject, [objective.layer for objective in objectives], x)
    classed = own_class(subject, objectives, x)
    noise = _of_noise(subject, objectives).max(1) if responses is None else None
    scores = []
    for row, image in enumerate(x):
        measured = _Measured(
            image, float(own[row]), fractions[row], of_best[row],
            None if responses is None else responses.value[row], None if noise is None else float(noise[row]),
            far[row], classed[row],
        )  # fmt: skip
        scores.append(_score(measured, subject.input_space, None if matches is None else matches[row]))
    return scores


@dataclass(frozen=True)
class _Measured:
    """What is known of one image before it is judged."""

    image: Tensor
    activation: float
    kept: float | None
    data_kept: float | None
    data: NDArray[np.float32] | None  # (examples,) what the objective says of them
    noise: float | None = None  # the highest that it says of noise; None where there is data
    distance: float | None = None
    own_class: float | None = None  # fraction of changes under which the net answers with the class; None for others

    @property
    def percentile(self) -> float | None:
        """Percent of the examples below the image; None for fewer than FEWEST."""
        if self.data is None or len(self.data) < FEWEST:
            return None
        return 100 * float((self.data < self.activation).mean())


def _score(measured: _Measured, space: InputSpace, match: Match | None) -> Score:
    data, image = measured.data, measured.image[None]
    top = None if data is None else float(data.max())
    return Score(
        activation=measured.activation,
        data_max=top,
        ratio=measured.activation / top if top is not None and top > 0 else None,
        percentile=measured.percentile,
        kept=measured.kept,
        data_kept=measured.data_kept,
        transfer=None if match is None else match.percentile(space.to_net(image)),
        transfer_match=None if match is None else match.correlation,
        slope=_known(slope(image)),
        data_slope=_known(space.slope),
        examples=0 if data is None else len(data),
        distance=measured.distance,
        status=_status(measured),
        note=_note(measured),
    )


def own_class(subject: Subject, objectives: Sequence[Objective], x: Tensor) -> list[float | None]:
    """Under which fraction of held-out changes each image's own class is what the net answers; None for other units.

    Of objectives for one unit of the net's output, of which there are several.
    """
    out: list[float | None] = [None] * len(x)
    outputs = {layer.name for layer in subject.layers if layer.role == "output" and layer.width > 1}
    for name in outputs & {objective.layer for objective in objectives}:
        rows = [r for r, one in enumerate(objectives) if one.layer == name and one.only_term and one.only_term[1] > 0]
        if not rows:
            continue
        answers = np.stack([layer_means(subject, name, changed).argmax(1) for changed in held_out(x[rows])])
        for index, row in enumerate(rows):
            found = objectives[row].only_term
            assert found is not None
            out[row] = float((answers[:, index] == found[0].unit).mean())
    return out


def kept_fractions(subject: Subject, objectives: Sequence[Objective], x: Tensor) -> list[float | None]:
    """Which fraction is left of what is above the response to a blank image of the same size; None where nothing is."""
    own, left = _own(subject, objectives, x), kept(subject, objectives, x)
    blank = _own(subject, objectives, subject.input_space.mean.view(-1, 1, 1).expand_as(x))
    return [
        (float(under) - float(base)) / (float(value) - float(base)) if value > base else None
        for value, under, base in zip(own, left, blank, strict=True)
    ]


def _of_examples(subject: Subject, objectives: Sequence[Objective], best: Sequence[Tensor]) -> list[float | None]:
    """What each objective's best example keeps; those of one size go through together."""
    out: list[float | None] = [None] * len(best)
    for shape in {x.shape for x in best}:
        rows = [row for row, x in enumerate(best) if x.shape == shape]
        x = torch.stack([best[row] for row in rows])
        for row, value in zip(rows, kept_fractions(subject, [objectives[row] for row in rows], x), strict=True):
            out[row] = value
    return out


def _status(measured: _Measured) -> str:
    """Why an image failed; "" where it did not.

    The best example is the yardstick of `kept`. Where it keeps nothing itself it is none, and the image is judged by
    what it keeps of its own.
    """
    value, percent, data = measured.activation, measured.percentile, measured.data
    if not math.isfinite(value):
        return "failed: the activation is not finite"
    if float(measured.image.std()) < 1e-4:
        return "failed: the image is of one colour"
    if value == 0:
        return "failed: the unit does not respond"
    if percent is not None and percent < LEAST_PERCENTILE:
        return f"failed: {100 - percent:.0f} % of the examples excite it at least as much"
    if data is not None and value < float(data.max()):
        return "failed: the best example excites it more"
    if measured.noise is not None and value <= measured.noise:
        return "failed: noise excites it as much"
    if measured.own_class is not None and measured.own_class < LEAST_CLASSED:
        return f"failed: the net itself sees this class in it under {measured.own_class:.0%} of small changes"
    best = measured.data_kept
    least = LEAST_KEPT * (1.0 if best is None or best <= 0 else min(1.0, best))
    if measured.kept is not None and measured.kept < least:
        return f"{FRAGILE} {max(measured.kept, 0):.0%} of the activation is left when the image is changed a little"
    return ""


def _note(measured: _Measured) -> str:
    if measured.distance is None or measured.distance < FAR:
        return ""
    return f"off the data: the whole layer's response is {measured.distance:.1f} times as far out as any example's"


def _own(subject: Subject, objectives: Sequence[Objective], x: Tensor) -> NDArray[np.float32]:
    """(n,): what each image's own objective says of it."""
    return own_activations(subject.net, subject.layers, objectives, subject.input_space.to_net(x))


def _of_noise(subject: Subject, objectives: Sequence[Objective]) -> NDArray[np.float32]:
    """(objectives, images): what objectives say of images of noise of the strongest contrast."""
    x = torch.rand(16, *subject.input_space.shape, generator=torch.Generator().manual_seed(5))
    return activations(subject.net, subject.layers, objectives, subject.input_space.to_net(x))


def _known(value: float) -> float | None:
    return None if math.isnan(value) else value
