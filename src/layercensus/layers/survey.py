"""Every layer of a net, as a few examples that pass through it show them."""

from __future__ import annotations

import difflib
import fnmatch
from collections.abc import Mapping, Sequence
from dataclasses import replace

from torch import nn

from ..errors import CensusError
from .arrangement import Arrangement, arrange
from .layer import ITSELF, Layer
from .net import Inputs, count_examples, modules_by_name, unwrap, with_two
from .nonlinearities import Key
from .outputs import MISSING
from .passes import Passes, followed_alone, passes
from .roles import counted, roles
from .rows import WAVERS, Rows, rows_of
from .state import kept_state
from .torch_state import whole_products
from .trace import Output, Trace, trace


@whole_products()
def survey(net: nn.Module, inputs: Inputs, *, unit_axis: Mapping[str, int] | None = None) -> tuple[Layer, ...]:
    """Every module call and functional nonlinearity of a forward pass, in the order of their outputs.

    inputs: a few examples as the net takes them, the examples on axis 0.
    unit_axis: layer glob -> axis of the units in what is handed on (examples on axis 0), where inferred wrongly.

    Which axis of an output holds the examples, and that each example has its own row whatever company it is in, is
    shown by passing them together, in reverse, all replaced by the first, once more, and each alone. One example alone
    is joined by its reverse.

    Cost: four to six forward passes of `inputs` and one of each example alone; up to three of each alone where examples
    must pass alone.

    Raises:
        CensusError: the net cannot be traced or does not take the inputs; `unit_axis` names no layer or no such axis.

    >>> import torch
    >>> layers = survey(nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2)), torch.randn(5, 3))
    >>> [(layer.name, layer.role, layer.width, layer.axis_from) for layer in layers]
    [('0', 'other', 4, 'linear'), ('1', 'neurons', 4, 'linear'), ('2', 'output', 2, 'linear')]
    """
    net = unwrap(net)
    inputs = _differing(net, inputs)
    traced = passes(net, inputs)
    rows = rows_of(net, traced)
    if any(each.alone for each in rows.values()):
        traced, wavering = followed_alone(net, inputs, traced)
        rows = {key: replace(each, problem=WAVERS) if key in wavering else each for key, each in rows.items()}
    shown = _surveyed(traced, rows)
    modules = modules_by_name(net)
    axes = _user_axes([_name(output, modules) for one in shown for output in one.outputs.values()], unit_axis or {})
    return _merged([_layers(net, one, traced, rows, axes) for one in shown])


def _differing(net: nn.Module, inputs: Inputs) -> Inputs:
    """Inputs of at least two examples where the net can take them."""
    if count_examples(inputs) > 1:
        return inputs
    two: Inputs = with_two(inputs)
    with kept_state(net):
        try:
            trace(net, two, facts=False)
        except Exception:  # whatever a net raises at two examples, it may still take the one it was given
            return inputs
    return two


def _surveyed(traced: Passes, rows: Mapping[Key, Rows]) -> list[Trace]:
    """The passes that show all layers: the one of all examples, and those of single ones that show others."""
    shown, known = [traced.main], set(traced.main.outputs)
    for one in traced.alone:
        if (rows.keys() & one.outputs.keys()) - known:
            shown.append(replace(one, outputs={key: output for key, output in one.outputs.items() if key in rows}))
            known |= one.outputs.keys()
    return shown


def _merged(surveys: Sequence[Sequence[Layer]]) -> tuple[Layer, ...]:
    """The layers of several passes, those that the first did not reach behind the layer that came before them."""
    layers = list(surveys[0])
    for others in surveys[1:]:
        place, names = 0, {layer.name for layer in layers}
        for layer in others:
            if layer.name in names:
                place = next(n for n, known in enumerate(layers) if known.name == layer.name) + 1
            else:
                layers.insert(place, layer)
                place += 1
    return tuple(replace(layer, order=order) for order, layer in enumerate(layers))


def _layers(
    net: nn.Module, traced: Trace, passes: Passes, rows: Mapping[Key, Rows], axes: Mapping[str, int]
) -> tuple[Layer, ...]:
    modules = modules_by_name(net)
    outputs = list(traced.outputs.values())
    shown = [_shown(key, traced, passes, rows[key]) for key in traced.outputs]
    problems = [_problem(output, rows[key]) for key, (output, _) in zip(traced.outputs, shown, strict=True)]
    named = roles(net, traced)
    default = counted(outputs, named, problems)
    names = [_name(output, modules) for output in outputs]
    bare = {before for before, _ in traced.unseen}
    arranged = [
        _arranged(output, rows[key], problem, one, axes.get(name), name)
        for key, (output, one), problem, name in zip(traced.outputs, shown, problems, names, strict=True)
    ]
    return tuple(
        Layer(
            name=names[order], kind=output.kind, role=named[order], module=output.module, call=output.call,
            function=output.function, unit_axis=handed_on.unit_axis, width=handed_on.width, shape=handed_on.shape,
            order=order, axis_from=handed_on.axis_from, also=output.also, default=default[order],
            problem=problems[order], view=handed_on.view, alone=rows[key].alone,
            bare=output.function is None and output.module in bare,
        )
        for order, (key, output, handed_on) in enumerate(zip(traced.outputs, outputs, arranged, strict=True))
    )  # fmt: skip


def _shown(key: Key, traced: Trace, passes: Passes, rows: Rows) -> tuple[Output, Trace]:
    """The output as it will be read, and the pass that gives it: this one, or the first example that reaches it."""
    alone = (one for one in passes.alone if rows.alone and key in one.outputs)
    one = next(alone, traced)
    return one.outputs[key], one


def _arranged(
    output: Output, rows: Rows, problem: str | None, traced: Trace, user: int | None, name: str
) -> Arrangement:
    if problem is not None or output.shape is None:
        return Arrangement()
    return arrange(
        output.shape, output.units, rows.view, 1 if rows.alone else traced.examples,
        reader=traced.readers.get(output.bit), user=user, name=name, nonlinear=output.nonlinear,
    )  # fmt: skip


def _problem(output: Output, rows: Rows) -> str | None:
    if output.shape is None or output.dtype is None:
        return MISSING
    if output.mapped:
        return "it is called under torch.vmap, where no number of an output can be read: call it on the whole batch"
    if not output.strided:
        return "its output is not a dense tensor"
    if not output.dtype.is_floating_point:
        return f"its output is not floating-point: {str(output.dtype).removeprefix('torch.')}"
    if rows.problem is not None:
        return rows.problem
    if len(output.shape) + bool(rows.view.fold) < 2:
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
