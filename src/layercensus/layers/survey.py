"""Every layer of a net, from looking at a few examples pass through it."""

from __future__ import annotations

import difflib
import fnmatch
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import nn

from ..errors import CensusError
from .example_axis import find_view
from .layer import Layer, View
from .net import Inputs, count_examples, map_examples, modules_by_name, unwrap, with_two
from .outputs import MISSING
from .roles import counted, roles
from .trace import Pass, Record, probe


def survey(net: nn.Module, inputs: Inputs, *, unit_axis: Mapping[str, int] | None = None) -> tuple[Layer, ...]:
    """Every module call and functional nonlinearity of a forward pass, in the order of their outputs.

    inputs: a few examples as the net takes them, the examples on axis 0.
    unit_axis: layer glob -> axis of the units in what is handed on (examples on axis 0), where inferred wrongly.

    Cost: two forward passes of `inputs`: as given, and with every example replaced by the first, which shows where each
    output holds the examples. One example alone is looked at beside its reverse.

    Raises:
        CensusError: the net cannot be watched or does not take the inputs; `unit_axis` names no layer or no such axis.
    """
    net = unwrap(net)
    inputs = _differing(net, inputs)
    first = _probed(net, inputs)
    same = map_examples(inputs, lambda t: t[:1].expand_as(t).clone())
    second = _probed(net, same) if first.examples > 1 else None
    return _layers(net, first, second, unit_axis or {})


def _differing(net: nn.Module, inputs: Inputs) -> Inputs:
    """Inputs of at least two examples where the net can take them."""
    if count_examples(inputs) > 1:
        return inputs
    two: Inputs = with_two(inputs)
    try:
        probe(net, two)
    except Exception:  # whatever a net raises at two examples, it may still take the one it was given
        return inputs
    return two


def _probed(net: nn.Module, inputs: Inputs) -> Pass:
    try:
        return probe(net, inputs)
    except CensusError:
        raise
    except Exception as error:
        text = " ".join(str(error).split())
        kind = type(error).__name__
        raise CensusError(f"The model must accept the data. Got {kind} from its forward pass: {text}") from error


def _layers(net: nn.Module, first: Pass, second: Pass | None, unit_axis: Mapping[str, int]) -> tuple[Layer, ...]:
    records = list(first.records.items())
    modules = modules_by_name(net)
    views = [_view(key, first, second) for key, _ in records]
    problems = [_problem(record, view) for (_, record), view in zip(records, views, strict=True)]
    found = roles(net, first)
    default = counted([record for _, record in records], found, problems)
    names = [_name(record, modules) for _, record in records]
    chosen = _user_axes(names, unit_axis)
    layers = []
    for place, (_, record) in enumerate(records):
        seen = _seen(record, views[place], problems[place], first.examples, chosen.get(names[place]), names[place])
        layers.append(
            Layer(
                name=names[place], kind=record.kind, role=found[place], module=record.module, call=record.call,
                function=record.function, order=place, also=record.also, default=default[place], **seen,
            )
        )  # fmt: skip
    return tuple(layers)


def _view(key: tuple[str, str | None, int], first: Pass, second: Pass | None) -> View | str:
    record = first.records[key]
    if record.rows is None or record.shape is None:
        return View()
    again = second.records.get(key) if second else None
    other = again.rows if again and again.shape == record.shape else None
    return find_view(record.rows, other, record.shape, first.examples, record.time_first)


def _problem(record: Record, view: View | str) -> str | None:
    if record.shape is None or record.dtype is None:
        return MISSING
    if not record.strided:
        return "its output is not a dense tensor"
    if not record.dtype.is_floating_point:
        return f"its output is not floating: {str(record.dtype).removeprefix('torch.')}"
    if isinstance(view, str):
        return view
    if len(record.shape) + bool(view.fold) < 2:
        return f"its output has no axis for units: shape {record.shape}"
    return None


def _name(record: Record, modules: Mapping[str, nn.Module]) -> str:
    name = record.module
    if record.function is not None:
        name = f"{name}.{record.function}" if name else record.function
        name += "()" if name in modules else ""
    return f"{name}@{record.call}" if record.call else name


def _user_axes(names: Sequence[str], unit_axis: Mapping[str, int]) -> dict[str, int]:
    chosen: dict[str, int] = {}
    for pattern, axis in unit_axis.items():
        hits = [name for name in names if name == pattern] or fnmatch.filter(names, pattern)
        if not hits:
            near = difflib.get_close_matches(pattern, names, n=3, cutoff=0.4)
            hint = f" Did you mean {' or '.join(map(repr, near))}?" if near else ""
            raise CensusError(f"unit_axis must name layers. Got {pattern!r}, which no layer matches.{hint}")
        chosen.update(dict.fromkeys(hits, axis))
    return chosen


def _seen(
    record: Record, view: View | str, problem: str | None, examples: int, user: int | None, name: str
) -> dict[str, Any]:
    """The fields of a layer that say how its output is looked at."""
    if problem is not None or isinstance(view, str) or record.shape is None:
        return {"unit_axis": 1, "width": 0, "shape": (), "axis_from": "", "problem": problem, "view": View()}
    axes, source = _unit_axes(record, view)
    if len(axes) > 1:
        view = View(view.batch_axis, view.fold, tuple(view.moved(a) for a in axes))
    shape = _shape(record.shape, view, examples)
    axis = len(shape) if len(axes) > 1 else view.moved(axes[0])
    if user is not None:
        axis, source = _checked(user, len(shape) + 1, name), "user"
    return {
        "unit_axis": axis, "width": shape[axis - 1], "shape": shape, "axis_from": source, "problem": None, "view": view,
    }  # fmt: skip


def _unit_axes(record: Record, view: View) -> tuple[tuple[int, ...], str]:
    """Axes of the units in the output as the net made it, and what decided them."""
    shape = record.shape or ()
    units = record.units
    if units and view.batch_axis not in units.axes:
        return units.axes, units.source
    free = [axis for axis in range(len(shape)) if axis != view.batch_axis]
    if len(shape) == 2:
        return (free[0],), "2-D output"
    if len(shape) == 3:
        return (free[-1],), "guess: 3-D output, last axis"
    return (free[0],), f"guess: {len(shape)}-D output, axis {free[0]}"


def _shape(raw: tuple[int, ...], view: View, examples: int) -> tuple[int, ...]:
    return tuple(view.apply(torch.empty(raw, device="meta"), examples).shape[1:])


def _checked(axis: int, axes: int, name: str) -> int:
    positive = axis + axes if axis < 0 else axis
    if not 1 <= positive < axes:
        reach = f"between 1 and {axes - 1} (axis 0 holds the examples)"
        raise CensusError(f"unit_axis of layer {name!r} must be {reach}. Got {axis}.")
    return positive
