"""Every layer of a net, as a few examples that pass through it show them."""

from __future__ import annotations

import difflib
import fnmatch
from collections.abc import Mapping, Sequence

from torch import nn

from ..errors import CensusError
from .arrangement import Arrangement, arrange
from .example_axis import find_view
from .layer import ITSELF, Layer, View
from .net import Inputs, count_examples, map_examples, modules_by_name, unwrap, with_two
from .nonlinearities import Key
from .outputs import MISSING
from .roles import counted, roles
from .trace import Output, Trace, trace


def survey(net: nn.Module, inputs: Inputs, *, unit_axis: Mapping[str, int] | None = None) -> tuple[Layer, ...]:
    """Every module call and functional nonlinearity of a forward pass, in the order of their outputs.

    inputs: a few examples as the net takes them, the examples on axis 0.
    unit_axis: layer glob -> axis of the units in what is handed on (examples on axis 0), where inferred wrongly.

    Cost: two forward passes of `inputs`: as given, and with every example replaced by the first, which shows where
    each output holds the examples. One example alone is joined by its reverse.

    Raises:
        CensusError: the net cannot be traced or does not take the inputs; `unit_axis` names no layer or no such axis.

    >>> import torch
    >>> layers = survey(nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2)), torch.randn(5, 3))
    >>> [(layer.name, layer.role, layer.width, layer.axis_from) for layer in layers]
    [('0', 'other', 4, 'linear'), ('1', 'neurons', 4, 'linear'), ('2', 'output', 2, 'linear')]
    """
    net = unwrap(net)
    inputs = _differing(net, inputs)
    first = _traced(net, inputs)
    same = map_examples(inputs, lambda t: t[:1].expand_as(t).clone())
    second = _traced(net, same, facts=False) if first.examples > 1 else None
    return _layers(net, first, second, unit_axis or {})


def _differing(net: nn.Module, inputs: Inputs) -> Inputs:
    """Inputs of at least two examples where the net can take them."""
    if count_examples(inputs) > 1:
        return inputs
    two: Inputs = with_two(inputs)
    try:
        trace(net, two, facts=False)
    except Exception:  # whatever a net raises at two examples, it may still take the one it was given
        return inputs
    return two


def _traced(net: nn.Module, inputs: Inputs, facts: bool = True) -> Trace:
    try:
        return trace(net, inputs, facts=facts)
    except CensusError:
        raise
    except Exception as error:
        text = " ".join(str(error).split())
        kind = type(error).__name__
        raise CensusError(f"The model must accept the data. Got {kind} from its forward pass: {text}") from error


def _layers(net: nn.Module, first: Trace, second: Trace | None, unit_axis: Mapping[str, int]) -> tuple[Layer, ...]:
    modules = modules_by_name(net)
    outputs = list(first.outputs.values())
    views = [_view(key, first, second) for key in first.outputs]
    problems = [_problem(output, view) for output, view in zip(outputs, views, strict=True)]
    named = roles(net, first)
    default = counted(outputs, named, problems)
    names = [_name(output, modules) for output in outputs]
    bare = {before for before, _ in first.unseen}
    axes = _user_axes(names, unit_axis)
    arranged = [
        _arranged(output, view, problem, first, axes.get(name), name)
        for output, view, problem, name in zip(outputs, views, problems, names, strict=True)
    ]
    return tuple(
        Layer(
            name=names[order], kind=output.kind, role=named[order], module=output.module, call=output.call,
            function=output.function, unit_axis=handed_on.unit_axis, width=handed_on.width, shape=handed_on.shape,
            order=order, axis_from=handed_on.axis_from, also=output.also, default=default[order],
            problem=problems[order], view=handed_on.view, bare=output.function is None and output.module in bare,
        )
        for order, (output, handed_on) in enumerate(zip(outputs, arranged, strict=True))
    )  # fmt: skip


def _arranged(
    output: Output, view: View | str, problem: str | None, traced: Trace, user: int | None, name: str
) -> Arrangement:
    if problem is not None or isinstance(view, str) or output.shape is None:
        return Arrangement()
    return arrange(
        output.shape, output.units, view, traced.examples, reader=traced.readers.get(output.bit), user=user, name=name,
        nonlinear=output.nonlinear,
    )  # fmt: skip


def _view(key: Key, first: Trace, second: Trace | None) -> View | str:
    output = first.outputs[key]
    if output.prints is None or output.shape is None:
        return View()
    again = second.outputs.get(key) if second else None
    other = again.prints if again and again.shape == output.shape else None
    return find_view(output.prints, other, output.shape, first.examples, output.time_first, output.examples)


def _problem(output: Output, view: View | str) -> str | None:
    if output.shape is None or output.dtype is None:
        return MISSING
    if not output.strided:
        return "its output is not a dense tensor"
    if not output.dtype.is_floating_point:
        return f"its output is not floating-point: {str(output.dtype).removeprefix('torch.')}"
    if isinstance(view, str):
        return view
    if len(output.shape) + bool(view.fold) < 2:
        return f"its output has no axis for units: shape {output.shape}"
    return None


def _name(output: Output, modules: Mapping[str, nn.Module]) -> str:
    name = output.module or (ITSELF if output.function is None else "")
    if output.function is not None:
        name = f"{name}.{output.function}" if name else output.function
        name += "()" if name in modules else ""
    return f"{name}@{output.call}" if output.call else name


def _user_axes(names: Sequence[str], unit_axis: Mapping[str, int]) -> dict[str, int]:
    axes: dict[str, int] = {}
    for pattern, axis in unit_axis.items():
        hits = [name for name in names if name == pattern] or fnmatch.filter(names, pattern)
        if not hits:
            near = difflib.get_close_matches(pattern, names, n=3, cutoff=0.4)
            hint = f" Did you mean {' or '.join(map(repr, near))}?" if near else ""
            raise CensusError(f"unit_axis must name layers. Got {pattern!r}, which no layer matches.{hint}")
        axes.update(dict.fromkeys(hits, axis))
    return axes
