"""How a layer's output is handed on: which axis its units come to lie on once the examples are on axis 0."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import torch

from ..errors import CensusError
from .layer import View
from .markers import flattened
from .readers import Reader
from .unit_axis import GUESS, Units


@dataclass(frozen=True)
class Arrangement:
    """What the fields of the same names in `Layer` say; as it stands, that of a layer that cannot be counted."""

    unit_axis: int = 1
    width: int = 0
    shape: tuple[int, ...] = ()
    axis_from: str = ""
    view: View = field(default_factory=View)


def arrange(
    raw: tuple[int, ...], units: Units | None, view: View, examples: int, *, reader: Reader | None = None,
    user: int | None = None, name: str = "", nonlinear: bool = False,
) -> Arrangement:  # fmt: skip
    """The arrangement of an output of this shape, given its units and its examples.

    raw: the shape as the net made it. units: None where they are guessed from it. reader: the function with weights
    that reads the output; it decides between several axes. user: the axis that the user named for the layer `name`,
    counted with the examples on axis 0; units spread over several axes are then not joined, nor positions split off.
    nonlinear: whether the units of a flattened map are counted as before it: what acts on each element is the same
    layer before and behind a flatten.

    Raises:
        CensusError: `user` is no axis of the output behind that of the examples.

    >>> arrange((2, 8, 5), Units((1,), "conv1d"), View(), 2)
    Arrangement(unit_axis=1, width=8, shape=(8, 5), axis_from='conv1d', view=View(batch_axis=0, fold='', join=()))
    """
    own = view.fold and examples == 1 and units is not None and units.axes == (view.batch_axis,)
    batch_axis = None if own else view.batch_axis  # of one example, every row is its own, and may be a unit
    axes, source = _unit_axes(raw, units, view, batch_axis, reader)
    cube = _flattened(raw, units, view) if nonlinear and units and axes == units.axes else None
    if user is not None:
        axes, cube = axes[:1], None
    if len(axes) > 1:
        view = replace(view, join=tuple(view.moved(axis) for axis in axes))
    elif cube is not None:
        view = replace(view, split=tuple(n for n in cube if n > 1))
        source += f" ({cube[1]} units at {cube[0] * cube[2]} positions, flattened)"
    shape = tuple(view.apply(torch.empty(raw, device="meta"), examples).shape[1:])
    axis = len(shape) if len(axes) > 1 else view.moved(axes[0]) + (cube is not None and cube[0] > 1)
    if user is not None:
        axis, source = _checked(user, len(shape) + 1, name), "user"
    return Arrangement(axis, shape[axis - 1], shape, source, view)


def _unit_axes(
    shape: tuple[int, ...], units: Units | None, view: View, batch_axis: int | None, reader: Reader | None
) -> tuple[tuple[int, ...], str]:
    """Axes of the units in the output as the net made it, and what decided them."""
    guessed = units is not None and units.source.startswith(GUESS) and reader is not None
    if units and not guessed and batch_axis not in units.axes:
        apart = not set(units.axes) & set(units.spread)
        if batch_axis in units.spread:
            return units.axes, f"guess: {units.source}, with units between the examples"
        if (apart and (len(units.axes) == 1 or reader is None)) or _alone(shape, units, reader):
            return units.axes, units.source
    if reader is not None and reader.axis != batch_axis and reader.axis < len(shape):
        made = f"{units.source}, " if units and not guessed else ""
        return (reader.axis,), f"{made}read by {reader.function}"
    free = [axis for axis in range(len(shape)) if axis != view.batch_axis]
    if len(shape) == 2:
        return (free[0],), "guess: 2-D output, last axis" if view.fold else "2-D output"
    single = [axis for axis in free if shape[axis] == 1]
    if units and len(single) == 1:
        return (single[0],), f"guess: {units.source}, spread over all axes but this one"
    if len(shape) == 3:
        return (free[-1],), "guess: 3-D output, last axis"
    first = next((axis for axis in free if shape[axis] > 1), free[0])
    return (first,), f"guess: {len(shape)}-D output, axis {first}"


def _alone(shape: tuple[int, ...], units: Units, reader: Reader | None) -> bool:
    """Whether one axis that holds units and positions in turn is where the units lie: nothing speaks for another."""
    if len(units.axes) > 1:
        return False
    return (len(shape) == 2 or 1 not in shape) if reader is None else reader.axis == units.axes[0]


def _flattened(shape: tuple[int, ...], units: Units | None, view: View) -> tuple[int, int, int] | None:
    """How a map was flattened into the one axis beside that of the examples; None where it was not."""
    if units is None or units.marker is None or len(shape) != 2 or units.axes == (view.batch_axis,):
        return None
    return flattened(units.marker) if units.marker.shape[units.axes[0]] == shape[units.axes[0]] else None


def _checked(axis: int, axes: int, name: str) -> int:
    positive = axis + axes if axis < 0 else axis
    if not 1 <= positive < axes:
        allowed = f"between 1 and {axes - 1} (axis 0 holds the examples)"
        raise CensusError(f"unit_axis of layer {name!r} must be {allowed}. Got {axis}.")
    return positive
