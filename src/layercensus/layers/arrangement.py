"""How a layer's output is handed on: which axis its units come to lie on once the examples are on axis 0."""

from __future__ import annotations

from dataclasses import dataclass, field

import torch

from ..errors import CensusError
from .layer import View
from .unit_axis import Units


@dataclass(frozen=True)
class Arrangement:
    """What the fields of the same names in `Layer` say; as it stands, that of a layer that cannot be counted."""

    unit_axis: int = 1
    width: int = 0
    shape: tuple[int, ...] = ()
    axis_from: str = ""
    view: View = field(default_factory=View)


def arrange(
    raw: tuple[int, ...], units: Units | None, view: View, examples: int, *, user: int | None = None, name: str = ""
) -> Arrangement:
    """The arrangement of an output of this shape, given its units and its examples.

    raw: the shape as the net made it. units: None where they are guessed from it. user: the axis that the user named
    for the layer `name`, counted with the examples on axis 0.

    Raises:
        CensusError: `user` is no axis of the output behind that of the examples.

    >>> arrange((2, 8, 5), Units((1,), "conv1d"), View(), 2)
    Arrangement(unit_axis=1, width=8, shape=(8, 5), axis_from='conv1d', view=View(batch_axis=0, fold='', join=()))
    """
    axes, source = _unit_axes(raw, units, view)
    if len(axes) > 1:
        view = View(view.batch_axis, view.fold, tuple(view.moved(axis) for axis in axes))
    shape = tuple(view.apply(torch.empty(raw, device="meta"), examples).shape[1:])
    axis = len(shape) if len(axes) > 1 else view.moved(axes[0])
    if user is not None:
        axis, source = _checked(user, len(shape) + 1, name), "user"
    return Arrangement(axis, shape[axis - 1], shape, source, view)


def _unit_axes(shape: tuple[int, ...], units: Units | None, view: View) -> tuple[tuple[int, ...], str]:
    """Axes of the units in the output as the net made it, and what decided them."""
    if units and view.batch_axis not in units.axes:
        return units.axes, units.source
    free = [axis for axis in range(len(shape)) if axis != view.batch_axis]
    if len(shape) == 2:
        return (free[0],), "2-D output"
    if len(shape) == 3:
        return (free[-1],), "guess: 3-D output, last axis"
    return (free[0],), f"guess: {len(shape)}-D output, axis {free[0]}"


def _checked(axis: int, axes: int, name: str) -> int:
    positive = axis + axes if axis < 0 else axis
    if not 1 <= positive < axes:
        allowed = f"between 1 and {axes - 1} (axis 0 holds the examples)"
        raise CensusError(f"unit_axis of layer {name!r} must be {allowed}. Got {axis}.")
    return positive
