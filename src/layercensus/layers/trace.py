"""One forward pass written down: every module call and functional nonlinearity, in the order of their outputs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from .chance import draw_from, kept_chance
from .dataflow import Call, Facts, Walker
from .example_axis import example_axes
from .functions import LISTED, NONLINEAR, REDUCTIONS, is_activation, makes_units
from .layer import View
from .markers import is_structural
from .modes import evaluating
from .net import Inputs, call, count_examples, modules_by_name
from .nonlinearities import Key, Nonlinearities
from .opaque import completing
from .origins import Origin, origins
from .outputs import first_tensor, others, tensors
from .prints import Prints, prints_of
from .readers import Reader, paths, reader
from .recurrent import inner_layers
from .telling import Telling, telling
from .torch_state import as_called, neutral
from .unit_axis import Units, leaves_fewer, unit_axes


@dataclass(frozen=True)
class Output:
    """What one call gave, as it was the moment it came back."""

    module: str
    kind: str
    function: str | None
    call: int
    shape: tuple[int, ...] | None = None  # None where there is no tensor
    dtype: torch.dtype | None = None
    strided: bool = True
    mapped: bool = False  # under torch.vmap, which gives it without the axis over which it maps
    also: tuple[str, ...] = ()  # the other tensors of the same call
    units: Units | None = None
    examples: View | None = None  # followed, where every call before it could be
    origin: Origin | None = None
    prints: Prints | None = None  # None where it is not floating-point
    nonlinear: bool = False
    time_first: bool = False  # inside a module with batch_first=False
    parameters: bool = False  # the module has some of its own
    residual: bool = False  # the module's own forward added two activations

    @property
    def bit(self) -> int:
        """The bit that stands for this tensor in what was computed from it; 0 where it depends on no input."""
        return self.origin.bit if self.origin else 0


@dataclass(frozen=True)
class Trace:
    """A forward pass: its outputs by (module, function, call), in the order in which they came."""

    outputs: dict[Key, Output]
    returned: Origin | None  # of the tensor that the net returned
    examples: int
    readers: dict[int, Reader] = field(default_factory=dict)  # by the bit of what they read
    told: frozenset[Telling] = frozenset()  # calls that tell how the net treats its examples
    unseen: tuple[tuple[str, str], ...] = ()  # modules with weights between which no nonlinearity was seen


@dataclass
class _Frame:
    """A module call that is under way."""

    module: str
    inputs: list[Tensor]
    sums: list[int] = field(default_factory=list)  # sizes of residual sums
    nonlinear: bool = False
    makes_units: bool = False
    functions: list[Key] = field(default_factory=list)


def trace(net: nn.Module, inputs: Inputs, *, facts: bool = True, seed: int = 0) -> Trace:
    """The net's outputs in one forward pass. Cost: the pass and one read of every output.

    facts: whether units, examples and origins are followed; without, `units`, `examples` and `origin` stay None. The
    net runs in eval mode without gradients, with all random numbers from `seed`, and keeps its own mode.

    Raises:
        CensusError: the inputs are of no known kind. Whatever the net raises passes through.

    >>> traced = trace(nn.Sequential(nn.Linear(3, 4), nn.ReLU()), torch.randn(2, 3))
    >>> [(output.module, output.kind, output.nonlinear) for output in traced.outputs.values()]
    [('0', 'Linear', False), ('1', 'ReLU', True)]
    >>> traced.outputs["1", None, 0].units
    Units(axes=(1,), source='linear')
    """
    tracer = _Tracer(modules_by_name(net), count_examples(inputs), facts)
    for _, tensor in tensors(inputs):
        tracer.walker.begin(tensor)
    with evaluating(net) as stack, kept_chance():
        draw_from(seed)
        stack.enter_context(tracer.hooked())
        stack.enter_context(tracer.walker)
        stack.enter_context(completing(tracer.walker))
        returned = first_tensor(call(net, inputs))
    origin = tracer.origins.get(returned) if returned is not None else None
    outputs = tracer.settled() if facts else tracer.outputs  # a pass without facts keeps all that may be layers
    told, unseen = frozenset(tracer.told), tuple(tracer.nonlinear.unseen)
    return Trace(outputs, origin, tracer.examples, tracer.readers, told, unseen)


class _Tracer:
    """Hears of functions from the walker, of modules from hooks."""

    def __init__(self, modules: dict[str, nn.Module], examples: int, facts: bool) -> None:
        self.modules, self.examples, self.facts = modules, examples, facts
        self.outputs: dict[Key, Output] = {}
        self.units, self.origins = Facts(unit_axes), Facts(origins)
        self.views = Facts(partial(example_axes, examples))
        self.paths, self.readers = Facts(paths), dict[int, Reader]()
        self.nonlinear, self.maxout = Nonlinearities(), dict[Key, bool]()
        self.told: set[Telling] = set()
        every = (self.units, self.views, self.origins, self.paths)
        followed = (self.nonlinear.facts, *(every if facts else ()))
        self.walker = Walker(*followed, listener=self._note, begun=self._hear)
        self._frames: list[_Frame] = []
        self._calls: Counter[tuple[str, str | None]] = Counter()

    def _hear(self, function: Callable[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> None:
        told = telling(function, args, kwargs, self._frames[-1].module if self._frames else "")
        if told is not None:
            self.told.add(told)

    def _note(self, function: Call) -> None:
        if not self._frames:
            return
        frame, name, out = self._frames[-1], function.name, function.outs[0]
        read = reader(function)
        if read is not None:
            for number in self.paths.get(function.inputs[0]) or ():
                self.readers.setdefault(1 << number, read)
        frame.makes_units |= makes_units(name)
        frame.nonlinear |= name in NONLINEAR
        origin = self.origins.get(out)
        if origin is not None and origin.residual:
            frame.sums.append(out.numel())
        self.nonlinear.read(function, frame.module)
        key = self._next(frame.module, name)  # every call is counted, as the tap counts them
        candidate = self.nonlinear.note(key, function)
        if name in LISTED or candidate:
            self.outputs[key] = replace(self._output(key, name, out), nonlinear=name in NONLINEAR)
            frame.functions.append(key)
        if candidate and name in REDUCTIONS and is_structural(function):
            fewer = leaves_fewer(self.units.get(function.inputs[0]), self.units.get(out), function)
            self.maxout[key] = fewer or self.nonlinear.compares(function)

    def settled(self) -> dict[Key, Output]:
        """The outputs with what the whole pass says of them."""
        yes, none, rest = self.nonlinear.settle(self.maxout)
        kept = {key: output for key, output in self.outputs.items() if key not in rest or key[1] is None}
        return {key: replace(o, nonlinear=key in yes or (o.nonlinear and key not in none)) for key, o in kept.items()}

    @contextmanager
    def hooked(self) -> Iterator[None]:
        """With hooks on every module, as long as this is open."""
        with ExitStack() as stack:
            for name, module in self.modules.items():
                enter, leave = self._hooks(name)
                stack.callback(module.register_forward_pre_hook(enter, with_kwargs=True).remove)
                stack.callback(module.register_forward_hook(leave, with_kwargs=True, always_call=True).remove)
            yield

    def _hooks(self, name: str) -> tuple[Callable[..., None], Callable[..., None]]:
        def enter(module: nn.Module, args: Any, kwargs: Any) -> None:
            with torch._C.DisableTorchFunction(), neutral():
                self._frames.append(_Frame(name, [t for _, t in tensors((args, kwargs))]))

        def leave(module: nn.Module, args: Any, kwargs: Any, output: Any) -> None:
            with torch._C.DisableTorchFunction(), neutral():
                frame = self._frames.pop()
                self._leave(module, frame, output)
                self._inside(module, frame.module, (args, kwargs), output)

        return enter, leave

    def _leave(self, module: nn.Module, frame: _Frame, output: Any) -> None:
        chosen = first_tensor(output)
        if chosen is not None:
            rest = [t for _, t in tensors(output) if t is not chosen]
            self.walker.complete(frame.inputs, [chosen, *rest])
        if not frame.module and self._has_parts():
            return  # the net itself is not a layer
        nonlinear = is_activation(module) or (frame.nonlinear and _acts_alone(module, frame, chosen))
        own = _acts_alone(module, frame, chosen) and self.nonlinear.ends_with(chosen, frame.functions)
        for inner in frame.functions if nonlinear or own else ():  # they are how this module does its work
            del self.outputs[inner]
        key = self._next(frame.module, None)
        if chosen is not None and (nonlinear or own):
            self.nonlinear.rename(chosen, key)
        self.outputs[key] = replace(
            self._output(key, type(module).__name__, output),
            nonlinear=nonlinear,
            parameters=any(True for _ in module.parameters(recurse=False)),
            residual=not nonlinear and chosen is not None and chosen.numel() in frame.sums,
        )

    def _has_parts(self) -> bool:
        """Whether modules of the net were called; those that only make a weight are none."""
        return any(one.module and "parametrizations" not in one.module.split(".") for one in self.outputs.values())

    def _inside(self, module: nn.Module, name: str, given: tuple[Any, Any], output: Any) -> None:
        """The layers within a recurrent module, in front of its own output."""
        whole, own = first_tensor(output), (name, None, self._calls[name, None] - 1)
        if whole is None or own not in self.outputs:
            return
        with as_called():
            inner = list(inner_layers(module, *given))
        for part, y in inner:
            self.walker.complete([t for _, t in tensors(given)], [y])
            self.units.put(y, Units((y.ndim - 1,), type(module).__name__.lower()))
            view = self.views.get(whole)
            if view is not None:
                self.views.put(y, view)
            key = self._next(name, part)
            self.outputs[key] = replace(self._output(key, type(module).__name__, y), nonlinear=True)
            self.outputs[own] = self.outputs.pop(own)

    def _next(self, module: str, function: str | None) -> Key:
        number = self._calls[module, function]
        self._calls[module, function] += 1
        return module, function, number

    def _output(self, key: Key, kind: str, output: Any) -> Output:
        module, function, number = key
        x = first_tensor(output)
        if x is None:
            return Output(module, kind, function, number)
        mapped = torch._C._functorch.is_batchedtensor(x)
        strided = x.layout == torch.strided and not x.is_nested and not mapped
        around = (module, *(frame.module for frame in self._frames))
        return Output(
            module, kind, function, number, shape=tuple(x.shape), dtype=x.dtype, strided=strided, mapped=mapped,
            also=others(output),
            units=self.units.get(x), examples=self.views.get(x), origin=self.origins.get(x),
            prints=prints_of(x, self.examples, sized=self.facts) if strided and x.is_floating_point() else None,
            time_first=any(_time_first(self.modules[name]) for name in around),
        )  # fmt: skip


def _time_first(module: nn.Module) -> bool:
    """Whether a module says so itself, or a transformer layer by its attention."""
    attention = getattr(module, "self_attn", None)
    return getattr(module, "batch_first", getattr(attention, "batch_first", None)) is False


def _acts_alone(module: nn.Module, frame: _Frame, output: Tensor | None) -> bool:
    """Whether a module that PyTorch does not know may be a nonlinearity: no parts and no new units."""
    parts = any(True for _ in module.children())
    same = output is not None and bool(frame.inputs) and output.ndim == frame.inputs[0].ndim
    return not frame.makes_units and not parts and same
