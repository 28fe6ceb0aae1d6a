"""What a picture is made to do: objectives that add, subtract and scale (Olah et al. 2017, "The objective")."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from numbers import Real

import torch
import torch.nn.functional as F
from torch import Tensor

from ..errors import CensusError

Read = Callable[[Tensor], Tensor]  # (faces, units, *map) -> (faces,)
LAST = ""  # stands for the net's last layer


@dataclass(frozen=True)
class Term:
    """One number read of one layer for each picture.

    natural: how the same is read of an example, where the pattern may lie anywhere. couples: the number depends on the
    other pictures of its group, and says nothing about one alone. unit: the highest unit that is read, to be checked;
    single: no other is read. local: it is read at one place, not of a whole map.
    """

    layer: str  # dotted name, or LAST
    name: str
    read: Read
    natural: Read
    before: bool = False  # read of what goes into the layer
    couples: bool = False
    local: bool = False
    unit: int | None = None
    single: bool = False

    def of(self, unit: int) -> Term:
        """The same of another unit; of terms that read a single one."""
        assert self.single
        return replace(self, unit=unit, read=self.read.of(unit), natural=self.natural.of(unit))  # type: ignore[attr-defined]


@dataclass(frozen=True)
class Objective:
    """A weighted sum of terms, the higher the better, for a group of pictures ("faces") made together.

    Objectives add, subtract and are scaled by numbers. weights: one for every term, or one for each of its faces.
    """

    terms: tuple[Term, ...]
    weights: tuple[float | tuple[float, ...], ...]
    name: str
    faces: int = 1

    def __add__(self, other: Objective) -> Objective:
        if not isinstance(other, Objective):
            return NotImplemented
        faces = _faces(self, other)
        return Objective(self.terms + other.terms, self.weights + other.weights, f"{self.name} + {other.name}", faces)

    def __sub__(self, other: Objective) -> Objective:
        return self + -1 * other if isinstance(other, Objective) else NotImplemented

    def __mul__(self, factor: float) -> Objective:
        if not isinstance(factor, Real):
            return NotImplemented
        number = float(factor)
        weights = tuple(_scaled(weight, number) for weight in self.weights)
        return replace(self, weights=weights, name=f"{number:g} ({self.name})")

    __rmul__ = __mul__

    def __neg__(self) -> Objective:
        return self * -1

    def named(self, name: str) -> Objective:
        """The same under another name."""
        return replace(self, name=name)

    def with_faces(self, faces: int) -> Objective:
        """The same for a group of so many pictures."""
        if self.faces not in (1, faces):
            raise CensusError(f"{self.name} must have {self.faces} faces. Got {faces}.")
        return replace(self, faces=faces)

    def alone(self) -> tuple[Objective, ...]:
        """What each face is judged by on its own: its weights, without the terms that couple faces."""
        kept = [(t, w) for t, w in zip(self.terms, self.weights, strict=True) if not t.couples]
        terms = tuple(term for term, _ in kept)
        found = []
        for face in range(self.faces):
            weights = tuple(w[face] if isinstance(w, tuple) else w for _, w in kept)
            name = self.name if self.faces == 1 else f"{self.name} ({face + 1} of {self.faces})"
            found.append(Objective(terms, weights, name))
        return tuple(found)

    @property
    def lone(self) -> tuple[Term, float] | None:
        """The only term that does not couple, with its weight, where there is just one and it reads a single unit."""
        kept = [(t, w) for t, w in zip(self.terms, self.weights, strict=True) if not t.couples]
        if len(kept) != 1 or not kept[0][0].single or isinstance(kept[0][1], tuple):
            return None
        return kept[0][0], kept[0][1]

    @property
    def layer(self) -> str:
        """The layer of the first term that does not couple."""
        return next((term for term in self.terms if not term.couples), self.terms[0]).layer

    @property
    def local(self) -> bool:
        """Whether all of it is read at one place of a map."""
        return all(term.local for term in self.terms if not term.couples)


def _faces(a: Objective, b: Objective) -> int:
    if a.faces != b.faces and 1 not in (a.faces, b.faces):
        raise CensusError(f"Objectives that are added must have as many faces. Got {a.faces} and {b.faces}.")
    return max(a.faces, b.faces)


def _scaled(weight: float | tuple[float, ...], factor: float) -> float | tuple[float, ...]:
    return tuple(w * factor for w in weight) if isinstance(weight, tuple) else weight * factor


def _one(term: Term) -> Objective:
    return Objective((term,), (1.0,), term.name)


def channel(layer: str, unit: int, *, before: bool = False) -> Objective:
    """The mean of one unit over its map. before: of what goes into the layer, such as the input of a ReLU."""
    name = f"{layer}:{unit}" + (" before" if before else "")
    return _one(Term(layer, name, Mean(unit), Mean(unit), before, unit=unit, single=True))


def neuron(layer: str, unit: int, *, place: Sequence[int] | None = None, before: bool = False) -> Objective:
    """One unit at one position of its map: what pattern it responds to. On examples it is read where it is highest.

    place: an index for each axis of the map; None: where it is highest in the middle third, so that a picture that is
    moved about while it is made need not be the same everywhere.
    """
    where = "" if place is None else f" at {', '.join(map(str, place))}"
    name = f"{layer}:{unit}{where}" + (" before" if before else "")

    where_read = Highest(unit) if place is None else At(unit, tuple(place))
    return _one(Term(layer, name, where_read, Anywhere(unit), before, local=True, unit=unit, single=True))


@dataclass(frozen=True)
class Mean:
    """The mean of one unit over its map."""

    unit: int

    def __call__(self, x: Tensor) -> Tensor:
        return _map(x, self.unit).mean(1)

    def of(self, unit: int) -> Mean:
        return replace(self, unit=unit)


@dataclass(frozen=True)
class Anywhere:
    """One unit where it is highest."""

    unit: int

    def __call__(self, x: Tensor) -> Tensor:
        return _map(x, self.unit).amax(1)

    def of(self, unit: int) -> Anywhere:
        return replace(self, unit=unit)


@dataclass(frozen=True)
class Highest:
    """One unit where it is highest in the middle third of its map."""

    unit: int

    def __call__(self, x: Tensor) -> Tensor:
        found = x[:, self.unit]
        for axis, n in enumerate(x.shape[2:], 1):
            some = max(1, round(n / 3))
            found = found.narrow(axis, (n - some) // 2, some)
        return found.reshape(len(found), -1).amax(1)

    def of(self, unit: int) -> Highest:
        return replace(self, unit=unit)


@dataclass(frozen=True)
class At:
    """One unit at one position of its map."""

    unit: int
    place: tuple[int, ...]

    def __call__(self, x: Tensor) -> Tensor:
        shape = x.shape[2:]
        if len(self.place) != len(shape) or not all(-n <= i < n for i, n in zip(self.place, shape, strict=True)):
            raise CensusError(f"place must lie in a map of {' x '.join(map(str, shape))}. Got {self.place}.")
        found = x[:, self.unit]
        for at in self.place:
            found = found.select(1, at)
        return found

    def of(self, unit: int) -> At:
        return replace(self, unit=unit)


def _map(x: Tensor, unit: int) -> Tensor:
    """One unit at all its positions: (faces, positions)."""
    return x[:, unit].reshape(len(x), -1)


def layer(layer: str) -> Objective:
    """The mean square of a whole layer (DeepDream, Mordvintsev et al. 2015): whatever the layer says, say it louder."""

    def loud(x: Tensor) -> Tensor:
        return x.flatten(1).square().mean(1)

    return _one(Term(layer, f"{layer} (all units)", loud, loud))


def logit(number: int, layer: str = LAST) -> Objective:
    """The score of a class before the softmax (Simonyan et al. 2013). layer: the class layer; "" for the last."""
    return _one(Term(layer, f"class {number}", Mean(number), Mean(number), unit=number, single=True))


def probability(number: int, layer: str = LAST) -> Objective:
    """The probability of a class. Often worse than its logit: it is as well raised by lowering all others."""

    def share(x: Tensor) -> Tensor:
        return torch.softmax(x.reshape(*x.shape[:2], -1).mean(2), dim=1)[:, number]

    return _one(Term(layer, f"probability of class {number}", share, share, unit=number))


def direction(layer: str, vector: Sequence[float] | Tensor, *, power: float = 1.0, name: str = "") -> Objective:
    """A direction in the space of a layer's units: dot product x cosine^power, mean over the map (Olah et al. 2017).

    vector: (units,). power: 0 for the dot product alone; the higher, the more the angle counts beside the length. A
    cosine below .1 counts as .1.
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

    return _one(Term(layer, name or f"{layer} (direction)", along, along))


def mean_of(layer: str, units: Sequence[int]) -> Objective:
    """The mean of several units over their maps: what a concept's units have in common."""
    if not len(units):
        raise CensusError("mean_of must name at least one unit. Got none.")
    chosen = [int(unit) for unit in units]
    shown = ",".join(map(str, chosen[:6])) + (", ..." if len(chosen) > 6 else "")

    def read(x: Tensor) -> Tensor:
        return x[:, chosen].flatten(1).mean(1)

    return _one(Term(layer, f"{layer}:mean of {shown}", read, read, unit=max(chosen)))


def joint(*objectives: Objective) -> Objective:
    """The sum of several objectives: one picture for all of them."""
    if not objectives:
        raise CensusError("joint must be given at least one objective. Got none.")
    total = objectives[0]
    for other in objectives[1:]:
        total = total + other
    return total


def diversity(layer: str) -> Objective:
    """Minus the mean cosine between Gram matrices of the pictures of a group: several faces of one unit.

    Add it to what the faces share (Olah et al. 2017, "Diversity"): `channel(l, 3) + 2 * diversity(l)`, faces=4.
    """

    def apart(x: Tensor) -> Tensor:
        return -gram_cosines(x)

    return _one(Term(layer, f"diversity of {layer}", apart, apart, couples=True))


def gram_cosines(x: Tensor) -> Tensor:
    """(faces, units, *map) -> (faces,): mean cosine of each picture's Gram matrix with the others'."""
    if x.shape[0] < 2:
        return x.new_zeros(x.shape[0])
    flat = x.reshape(*x.shape[:2], -1)
    gram = torch.einsum("fup,fvp->fuv", flat, flat).flatten(1)
    cosines = F.normalize(gram, dim=1) @ F.normalize(gram, dim=1).T
    return (cosines.sum(1) - cosines.diagonal()) / (x.shape[0] - 1)


def alignment(layer: str) -> Objective:
    """Minus the squared distance between neighbouring pictures in a layer, relative to the layer's own mean square."""

    def close(x: Tensor) -> Tensor:
        if x.shape[0] < 2:
            return x.new_zeros(x.shape[0])
        scale = x.detach().square().mean().clamp(min=1e-12)
        steps = (x[1:] - x[:-1]).flatten(1).square().mean(1) / scale
        return -(F.pad(steps, (0, 1)) + F.pad(steps, (1, 0))) / 2

    return _one(Term(layer, f"alignment in {layer}", close, close, couples=True))


def interpolation(a: Objective, b: Objective, faces: int = 5) -> Objective:
    """From one objective to another in even steps: the first picture is for `a` alone, the last for `b` alone.

    Add `alignment(layer)` and use the shared parameterisation so that neighbours look alike.
    """
    if faces < 2:
        raise CensusError(f"An interpolation must have at least two faces. Got {faces}.")
    if a.faces > 1 or b.faces > 1:
        raise CensusError("An interpolation must be between objectives of one picture each.")
    t = [face / (faces - 1) for face in range(faces)]
    weights = [tuple(float(w) * (1 - s) for s in t) for w in a.weights if not isinstance(w, tuple)]
    weights += [tuple(float(w) * s for s in t) for w in b.weights if not isinstance(w, tuple)]
    return Objective(a.terms + b.terms, tuple(weights), f"{a.name} to {b.name}", faces)
