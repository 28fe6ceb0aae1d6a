"""Layers in which it is known which concepts a unit tells, and which only several units together."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from ..measures import Evidence
from ..tally import Marks
from .evidence import evidence

LOUD = 40.0  # deviation of what several units share, beside 1 of their own
CLEAR = 2.5  # deviations between examples with and without a concept


@dataclass(frozen=True)
class Told:
    """How many concepts are told in which way, and how many in none."""

    alone: int = 6  # by one unit
    pairs: int = 3  # by the difference of two units, whose common part is loud
    directions: int = 3  # by a direction of six units, each of which shows little of it
    nowhere: int = 12

    @property
    def concepts(self) -> int:
        """All of them."""
        return self.alone + self.pairs + self.directions + self.nowhere


def planted_concepts(
    told: Told, seed: int, *, examples: int = 1000, spots: int = 1, noise: int = 20, same: int = 1
) -> Evidence:
    """A layer that tells these concepts, in the order of `Told`'s fields, beside `noise` units that tell none.

    spots: positions of each example at which concepts are and are not; 1: of whole examples. same: examples of one
    source, which share their concepts and the loud parts of the units.
    """
    draw = torch.Generator().manual_seed(seed)
    sources = -(-examples // same)
    which = torch.arange(sources).repeat_interleave(same)[:examples]
    odds = torch.rand(told.concepts, generator=draw) * 0.4 + 0.15
    has = (torch.rand(sources, spots, told.concepts, generator=draw) < odds).float()[which]
    own = _normal(draw, examples, spots, told.alone + 2 * told.pairs + 6 * told.directions + noise)
    loud = LOUD * _normal(draw, sources, spots, told.pairs + 5 * told.directions)[which]
    x = _layer(has, own, loud, told, draw)
    x = x * torch.exp(_normal(draw, x.shape[-1]))
    key = torch.arange(examples)
    group = key if same == 1 else which + examples
    marks = marks_of(key, has, inputs=_normal(draw, examples, spots, 5))
    return evidence(x, x.mean(1), x.mean(1), group=group, marks=(marks,), seed=seed, rarefy_to=x.shape[-1] // 2)


def _layer(has: Tensor, own: Tensor, loud: Tensor, told: Told, draw: torch.Generator) -> Tensor:
    """(examples, spots, units): own noise of each unit, and the concepts in it."""
    x, unit, at = own, 0, 0
    for concept in range(told.alone):
        x[..., unit] += CLEAR * has[..., concept]
        unit += 1
    for concept in range(told.alone, told.alone + told.pairs):
        x[..., unit : unit + 2] += loud[..., at, None]
        x[..., unit] += 1.4 * CLEAR * has[..., concept]
        unit, at = unit + 2, at + 1
    first = told.alone + told.pairs
    for concept in range(first, first + told.directions):
        turn = torch.linalg.qr(_normal(draw, 6, 6)).Q
        hidden = torch.cat([CLEAR * has[..., concept, None], loud[..., at : at + 5]], -1)
        x[..., unit : unit + 6] += hidden @ turn
        unit, at = unit + 6, at + 5
    return x


def marks_of(key: Tensor, has: Tensor, inputs: Tensor | None = None) -> Marks:
    """The marks of these concepts: has (examples, spots, concepts), 1, 0 or nan."""
    given = has.new_zeros(*has.shape[:2], 1) if inputs is None else inputs
    count = has.shape[2]
    return Marks(key, has, given, torch.arange(count), torch.zeros(count, dtype=torch.bool), torch.tensor(count))


def _normal(draw: torch.Generator, *shape: int) -> Tensor:
    return torch.randn(*shape, generator=draw)
