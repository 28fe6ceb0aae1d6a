"""An objective: a weighted sum of what is read of layers. Objectives add, subtract and scale."""

from __future__ import annotations

from dataclasses import dataclass, replace
from numbers import Real

from ..errors import CensusError
from .terms import Term

Weight = float | tuple[float, ...]  # one for all faces, or one for each


@dataclass(frozen=True)
class Objective:
    """A weighted sum of terms, the higher the better, for a group of images ("faces") that are optimised together.

    Objectives add, subtract and are scaled by numbers. weights: one for every term, or one for each of its faces.

    >>> from layercensus import objectives
    >>> (objectives.neuron("act.2", 7) - 0.5 * objectives.neuron("act.2", 3)).name
    'act.2:7 + -1 (0.5 (act.2:3))'
    """

    terms: tuple[Term, ...]
    weights: tuple[Weight, ...]
    name: str
    faces: int = 1

    def __add__(self, other: Objective) -> Objective:
        if not isinstance(other, Objective):
            return NotImplemented
        faces = _common_faces(self, other)
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
        """The same for a group of so many images.

        Raises:
            CensusError: it is for another number of faces already.
        """
        if self.faces not in (1, faces):
            raise CensusError(f"{self.name} must have {self.faces} faces. Got {faces}.")
        return replace(self, faces=faces)

    def single_faces(self) -> tuple[Objective, ...]:
        """What each face is judged by on its own: its weights, without the terms that couple faces."""
        terms = tuple(term for term, _ in self._uncoupled)
        objectives = []
        for face in range(self.faces):
            weights = tuple(w[face] if isinstance(w, tuple) else w for _, w in self._uncoupled)
            name = self.name if self.faces == 1 else f"{self.name} ({face + 1} of {self.faces})"
            objectives.append(Objective(terms, weights, name))
        return tuple(objectives)

    @property
    def _uncoupled(self) -> list[tuple[Term, Weight]]:
        return [(t, w) for t, w in zip(self.terms, self.weights, strict=True) if not t.couples]

    @property
    def only_term(self) -> tuple[Term, float] | None:
        """The only term that does not couple, with its weight, where there is just one and it reads a single unit."""
        if len(self._uncoupled) != 1:
            return None
        term, weight = self._uncoupled[0]
        return None if not term.single or isinstance(weight, tuple) else (term, weight)

    @property
    def layer(self) -> str:
        """The layer of the first term that does not couple."""
        return next((term for term in self.terms if not term.couples), self.terms[0]).layer

    @property
    def local(self) -> bool:
        """Whether all of it is read at one position of a map."""
        return all(term.local for term in self.terms if not term.couples)


def _common_faces(a: Objective, b: Objective) -> int:
    if a.faces != b.faces and 1 not in (a.faces, b.faces):
        raise CensusError(f"Objectives that are added must have as many faces. Got {a.faces} and {b.faces}.")
    return max(a.faces, b.faces)


def _scaled(weight: Weight, factor: float) -> Weight:
    return tuple(w * factor for w in weight) if isinstance(weight, tuple) else weight * factor
