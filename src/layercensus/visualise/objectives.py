"""What an image is optimised for, each objective by its name in the literature (Olah et al. 2017, "The objective").

`layercensus.objectives` is this file; objectives add, subtract and are scaled.

>>> import layercensus as lc
>>> (lc.objectives.channel("conv2", 7) + 2 * lc.objectives.diversity("conv2")).name
'conv2:7 + 2 (diversity of conv2)'
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from ..census.directions import LayerDirections
from ..errors import CensusError
from .objective import Objective
from .terms import LAST, AtPosition, Mean, MiddlePeak, Peak, Term

__all__ = [
    "Objective",
    "alignment",
    "channel",
    "direction",
    "diversity",
    "interpolation",
    "joint",
    "layer",
    "logit",
    "mean_of",
    "neuron",
    "of_direction",
    "probability",
]


def channel(layer: str, unit: int, *, before: bool = False) -> Objective:
    """The mean of one unit over its map. before: of what goes into the layer, such as the input of a ReLU.

    >>> channel("conv2", 7).name
    'conv2:7'
    """
    name = f"{layer}:{unit}" + (" before" if before else "")
    return _objective(Term(layer, name, Mean(unit), Mean(unit), before, unit=unit, single=True))


def neuron(layer: str, unit: int, *, position: Sequence[int] | None = None, before: bool = False) -> Objective:
    """One unit at one position of its map: what pattern it responds to. On examples it is read where it is highest.

    position: an index for each axis of the map; None: where it is highest in the middle third, so that an image that
    is moved about while it is optimised need not be the same everywhere. before: of what goes into the layer.

    >>> neuron("conv2", 7, position=(3, 4)).name
    'conv2:7 at 3, 4'
    """
    where = "" if position is None else f" at {', '.join(map(str, position))}"
    name = f"{layer}:{unit}{where}" + (" before" if before else "")
    read = MiddlePeak(unit) if position is None else AtPosition(unit, tuple(position))
    return _objective(Term(layer, name, read, Peak(unit), before, local=True, unit=unit, single=True))


def layer(layer: str) -> Objective:
    """The mean square of a whole layer (DeepDream, Mordvintsev et al. 2015): whatever the layer says, say it louder.

    >>> layer("conv2").name
    'conv2 (all units)'
    """

    def loud(x: Tensor) -> Tensor:
        return x.flatten(1).square().mean(1)

    return _objective(Term(layer, f"{layer} (all units)", loud, loud))


def logit(number: int, layer: str = LAST) -> Objective:
    """The score of a class before the softmax (Simonyan et al. 2013). layer: the class layer; "" for the last.

    >>> logit(3).name
    'class 3'
    """
    return _objective(Term(layer, f"class {number}", Mean(number), Mean(number), unit=number, single=True))


def probability(number: int, layer: str = LAST) -> Objective:
    """The probability of a class, 0..1. Often worse than its logit: it is as well raised by lowering all others.

    >>> probability(3).name
    'probability of class 3'
    """

    def of_class(x: Tensor) -> Tensor:
        return torch.softmax(x.reshape(*x.shape[:2], -1).mean(2), dim=1)[:, number]

    return _objective(Term(layer, f"probability of class {number}", of_class, of_class, unit=number))


def direction(layer: str, vector: Sequence[float] | Tensor, *, power: float = 1.0, name: str = "") -> Objective:
    """A direction in the space of a layer's units: dot product x cosine^power, mean over the map (Olah et al. 2017).

    vector: (units,) of any length. power: 0 for the dot product alone; the higher, the more the angle counts beside the
    length. A cosine below .1 counts as .1.

    Raises:
        CensusError: the vector is not finite or zero; on use, the layer has another number of units.

    >>> direction("conv2", [0, 1, 0, -1]).name
    'conv2 (direction)'
    """
    v = torch.as_tensor(vector, dtype=torch.float32).detach().flatten()
    if not bool(torch.isfinite(v).all()) or float(v.norm()) == 0:
        raise CensusError("A direction must be finite and not zero.")
    v = v / v.norm()

    def along(x: Tensor) -> Tensor:
        if x.shape[1] != len(v):
            raise CensusError(f"A direction must have a value for each of {x.shape[1]} units. Got {len(v)}.")
        dot = torch.einsum("fu...,u->f...", x, v.to(x.device, x.dtype))
        cosine = dot / x.square().sum(1).clamp(min=1e-12).sqrt()
        value = dot * cosine.clamp(min=0.1) ** power if power else dot
        return value.flatten(1).mean(1) if value.ndim > 1 else value

    return _objective(Term(layer, name or f"{layer} (direction)", along, along))


def of_direction(found: LayerDirections, number: int, *, learned: bool = False, lowest: bool = False) -> Objective:
    """The score of a direction that the answers rest on, mean over the map: what `census.directions(layer)` ranks by.

    The score rises fastest along the reader's column, so that is the vector, with power 0: an image is held to the
    score alone, and not to the angle. learned: of the learned directions. lowest: the other end, minus the score.

    Raises:
        CensusError: there is no direction of this number.

    >>> of_direction(census.directions("1"), 0).name
    '1 (direction 0)'
    """
    reader, kind = (found.learned_reader, "learned direction") if learned else (found.reader, "direction")
    most = 0 if reader is None else reader.shape[1]
    if reader is None or not 0 <= number < most:
        raise CensusError(f"Layer {found.layer!r} must have a {kind} of this number: it has {most}. Got {number}.")
    sign, end = (-1, ", lowest") if lowest else (1, "")
    vector = torch.from_numpy(sign * reader[:, number])
    return direction(found.layer, vector, power=0, name=f"{found.layer} ({kind} {number}{end})")


def mean_of(layer: str, units: Sequence[int]) -> Objective:
    """The mean of several units over their maps: what a concept's units have in common.

    Raises:
        CensusError: no unit is named.

    >>> mean_of("conv2", [1, 5]).name
    'conv2:mean of 1,5'
    """
    if not len(units):
        raise CensusError("mean_of must name at least one unit. Got none.")
    chosen = [int(unit) for unit in units]
    listed = ",".join(map(str, chosen[:6])) + (", ..." if len(chosen) > 6 else "")

    def read(x: Tensor) -> Tensor:
        return x[:, chosen].flatten(1).mean(1)

    return _objective(Term(layer, f"{layer}:mean of {listed}", read, read, unit=max(chosen)))


def joint(*objectives: Objective) -> Objective:
    """The sum of several objectives: one image for all of them.

    Raises:
        CensusError: there is none; or their numbers of faces differ.

    >>> joint(neuron("conv2", 1), logit(3)).name
    'conv2:1 + class 3'
    """
    if not objectives:
        raise CensusError("joint must be given at least one objective. Got none.")
    total = objectives[0]
    for other in objectives[1:]:
        total = total + other
    return total


def diversity(layer: str) -> Objective:
    """Minus the mean cosine between Gram matrices of the images of a group: several faces of one unit.

    Add it to what the faces have in common and ask for several (Olah et al. 2017, "Diversity"). It counts while the
    images form and fades before they are finished, so that none of them is given up for the others' sake.

    >>> (channel("conv2", 3) + 2 * diversity("conv2")).with_faces(4).faces
    4
    """

    def apart(x: Tensor) -> Tensor:
        return -gram_cosines(x)

    return _objective(Term(layer, f"diversity of {layer}", apart, apart, couples=True, fades=True))


def gram_cosines(x: Tensor) -> Tensor:
    """(faces, units, *map) -> (faces,): mean cosine of each image's Gram matrix with the others'.

    >>> gram_cosines(torch.eye(2).reshape(2, 2, 1))
    tensor([0., 0.])
    """
    if x.shape[0] < 2:
        return x.new_zeros(x.shape[0])
    flat = x.reshape(*x.shape[:2], -1)
    gram = torch.einsum("fup,fvp->fuv", flat, flat).flatten(1)
    cosines = F.normalize(gram, dim=1) @ F.normalize(gram, dim=1).T
    return (cosines.sum(1) - cosines.diagonal()) / (x.shape[0] - 1)


def alignment(layer: str) -> Objective:
    """Minus the squared distance between neighbouring images in a layer, relative to the layer's own mean square.

    >>> alignment("conv2").name
    'alignment in conv2'
    """

    def close(x: Tensor) -> Tensor:
        if x.shape[0] < 2:
            return x.new_zeros(x.shape[0])
        scale = x.detach().square().mean().clamp(min=1e-12)
        steps = (x[1:] - x[:-1]).flatten(1).square().mean(1) / scale
        return -(F.pad(steps, (0, 1)) + F.pad(steps, (1, 0))) / 2

    return _objective(Term(layer, f"alignment in {layer}", close, close, couples=True))


def interpolation(a: Objective, b: Objective, faces: int = 5) -> Objective:
    """From one objective to another in even steps: the first image is for `a` alone, the last for `b` alone.

    Add `alignment(layer)` and use the option `shared` so that neighbours look alike.

    Raises:
        CensusError: fewer than two faces; `a` or `b` is for several images.

    >>> interpolation(logit(3), logit(5), faces=3).weights
    ((1.0, 0.5, 0.0), (0.0, 0.5, 1.0))
    """
    if faces < 2:
        raise CensusError(f"An interpolation must have at least two faces. Got {faces}.")
    if a.faces > 1 or b.faces > 1:
        raise CensusError("An interpolation must be between objectives of one image each.")
    steps = [face / (faces - 1) for face in range(faces)]
    weights = [tuple(float(w) * (1 - step) for step in steps) for w in a.weights if not isinstance(w, tuple)]
    weights += [tuple(float(w) * step for step in steps) for w in b.weights if not isinstance(w, tuple)]
    return Objective(a.terms + b.terms, tuple(weights), f"{a.name} to {b.name}", faces)


def _objective(term: Term) -> Objective:
    return Objective((term,), (1.0,), term.name)
