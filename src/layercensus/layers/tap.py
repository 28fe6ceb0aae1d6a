"""Hands each selected layer's output to a function while the net runs, at the moment it comes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from ..errors import CensusError
from .exchange import Exchange, Given, exchanged
from .functions import WRITES, function_name
from .layer import Layer, View
from .modes import evaluating
from .net import count_examples, modules_by_name, unwrap
from .outputs import first_tensor
from .recurrent import INNER, inner_layers, last_layer
from .torch_state import neutral

Sink = Callable[[Layer, Tensor], None]


@contextmanager
def tap(
    net: nn.Module, layers: Sequence[Layer], sink: Sink | None = None, *, before: Sink | None = None,
    exchange: Exchange | None = None, gradients: bool = False,
) -> Iterator[None]:  # fmt: skip
    """While open, each forward pass of `net` hands every layer's output to `sink` as soon as it is there.

    The tensor is the net's own, in its own dtype and memory layout, with the examples on axis 0 and the units on
    `layer.unit_axis`. `sink` must read what it needs at once and not write to it: the next module may overwrite it.
    The net is in eval mode without gradients; on any exit all hooks are gone and every module's own mode is back.

    before: is handed each layer's first input as well, before the layer sees it, as it comes. exchange: is asked what
    to put in the place of each output. gradients: those of the net's inputs are kept. Whatever one of them raises ends
    the forward pass.

    Cost: a hook per layer. If a functional layer is among them, also a hook per module and a check per torch function.

    Raises:
        CensusError: a forward pass of several examples did not reach a layer, or reached one that only passes of a
            single example can tell of; or an output is not as surveyed.

    >>> from layercensus.layers.survey import survey
    >>> net, x = nn.Sequential(nn.Linear(3, 4), nn.ReLU()), torch.randn(5, 3)
    >>> with tap(net, survey(net, x), lambda layer, y: print(layer.name, y.shape)):
    ...     y = net(x)
    0 torch.Size([5, 4])
    1 torch.Size([5, 4])
    """
    net = unwrap(net)
    modules = modules_by_name(net)
    taps = _Taps(layers, sink, before, exchange)
    with evaluating(net, gradients) as stack:
        for name in dict.fromkeys(layer.module for layer in layers if layer.function is None):
            module = _module(modules, name)
            stack.callback(module.register_forward_hook(taps.hook(name)).remove)
            if before is not None or exchange is not None:
                stack.callback(module.register_forward_pre_hook(taps.before_hook(name)).remove)
        for name in dict.fromkeys(layer.module for layer in layers if layer.function and INNER.match(layer.function)):
            module = _module(modules, name)
            stack.callback(module.register_forward_hook(taps.inner_hook(name), with_kwargs=True).remove)
        if taps.functions:
            stack.enter_context(_functions(modules, taps))
        stack.callback(net.register_forward_pre_hook(taps.start, with_kwargs=True, prepend=True).remove)
        stack.callback(net.register_forward_hook(taps.finish).remove)
        yield


@contextmanager
def _functions(modules: dict[str, nn.Module], taps: _Taps) -> Iterator[None]:
    """With functional calls named after the module that runs, as long as this is open."""
    functions = _Functions(taps)
    with ExitStack() as stack:
        for name, module in modules.items():
            stack.callback(module.register_forward_pre_hook(functions.enter(name)).remove)
            stack.callback(module.register_forward_hook(functions.leave, always_call=True).remove)
        stack.enter_context(functions)
        yield


def _module(modules: dict[str, nn.Module], name: str) -> nn.Module:
    if name not in modules:
        raise CensusError(f"The net must have the surveyed layers. Got one without {name!r}.")
    return modules[name]


class _Taps:
    """Counts calls within one forward pass and passes on those that are selected."""

    def __init__(
        self, layers: Sequence[Layer], sink: Sink | None, before: Sink | None, exchange: Exchange | None
    ) -> None:
        self.layers = {(layer.module, layer.function, layer.call): layer for layer in layers}
        self.functions = {x.function for x in layers if x.function and not INNER.match(x.function)}
        self.running: list[str] = []  # names of the modules under way, filled where functions are selected
        self._sink, self._before, self._exchange = sink, before, exchange
        self._argument: dict[tuple[str, str | None], tuple[Tensor, int]] = {}  # of calls under way, as it was
        self._calls: Counter[tuple[str, str | None]] = Counter()
        self._reached: set[str] = set()
        self._examples = 0

    def start(self, module: nn.Module, args: Any, kwargs: Any) -> None:
        """The net begins a forward pass."""
        self._calls.clear()
        self.running.clear()
        self._reached.clear()
        self._examples = count_examples((args, kwargs))

    def finish(self, module: nn.Module, args: Any, output: Any) -> None:
        """The net has ended a forward pass."""
        missed = next((x.name for x in self.layers.values() if x.name not in self._reached), None)
        if missed is not None and self._examples > 1:  # one example may take a way of its own
            raise CensusError(
                f"Each forward pass must reach every counted layer. Got one without {missed!r}. "
                "With Settings(batch=1) a layer may be reached by some examples only."
            )

    def hook(self, name: str) -> Callable[..., Any]:
        """A forward hook for the module of this name."""

        def hook(module: nn.Module, args: Any, output: Any) -> Any:
            return self.after(name, None, output)

        return hook

    def inner_hook(self, name: str) -> Callable[..., None]:
        """A forward hook for the recurrent module of this name, of which layers inside are selected."""

        def hook(module: nn.Module, args: Any, kwargs: Any, output: Any) -> Any:
            if self._exchange is None:
                for part, y in inner_layers(module, args, kwargs):
                    self.after(name, part, y)
                return None
            new, old = last_layer(module, args, kwargs, lambda part, y: self.after(name, part, y)), first_tensor(output)
            return None if new is None or old is None else exchanged(output, old, new)

        return hook

    def before_hook(self, name: str) -> Callable[..., None]:
        """A forward pre-hook for the module of this name."""

        def hook(module: nn.Module, args: Any) -> None:
            self.ahead(name, None, args)

        return hook

    def ahead(self, module: str, function: str | None, args: Any) -> None:
        """A call is about to be made with these arguments."""
        layer = self.layers.get((module, function, self._calls[module, function]))
        x = first_tensor(args)
        if layer is None or x is None:
            return
        if self._exchange is not None:
            self._argument[module, function] = x, _version(x)
        if self._before is not None:
            with torch._C.DisableTorchFunction(), neutral():
                self._before(layer, x)

    def after(self, module: str, function: str | None, output: Any) -> Any:
        """A call has given this output; what takes its place, None where it stays."""
        number = self._calls[module, function]
        self._calls[module, function] += 1
        layer, x = self.layers.get((module, function, number)), first_tensor(output)
        if layer is None or (layer.alone is not None and x is not None and x.numel() == 0):
            return None  # an expert that was called for none of the example's positions is not reached
        self._reached.add(layer.name)
        with torch._C.DisableTorchFunction(), neutral():  # what the sink computes is not part of the net
            handed_on = _handed_on(layer, x, self._examples)
            if self._sink is not None:
                self._sink(layer, handed_on)
            if self._exchange is None or x is None:
                return None
            new = self._exchange(Given(layer, x, self._examples))
            return None if new is None else self._exchanged((module, function), output, x, new)

    def _exchanged(self, call: tuple[str, str | None], output: Any, x: Tensor, new: Tensor) -> Any:
        """The output with the new tensor in it; written into the old one where the call itself wrote in place."""
        argument, version = self._argument.pop(call, (None, 0))
        if argument is None or not _written(argument, version, x):
            return exchanged(output, x, new)
        x.copy_(new)
        return None


def _version(x: Tensor) -> int:
    """How often a tensor was written to; 0 in inference mode, which does not count."""
    return 0 if x.is_inference() else x._version


def _written(argument: Tensor, version: int, x: Tensor) -> bool:
    """Whether a call wrote its output x into its argument, so that others who hold the argument see it."""
    shares = argument.untyped_storage().data_ptr() == x.untyped_storage().data_ptr()
    return shares and (_version(argument) > version or (argument.is_inference() and argument is x))


def _handed_on(layer: Layer, x: Tensor | None, examples: int) -> Tensor:
    if layer.alone is not None and examples != 1:
        raise CensusError(f"Layer {layer.name!r} must be read one example at a time: {layer.alone}. Got {examples}.")
    if x is None or (layer.view.fold and (not x.ndim or not examples or x.shape[0] % examples)):
        raise CensusError(_changed(layer, x, examples))
    if examples == 1 and layer.view == View() and x.ndim == len(layer.shape):
        x = x.unsqueeze(0)  # the net squeezed the axis of its one example
    more = bool(layer.view.fold) + max(len(layer.view.split) - 1, 0) - max(len(layer.view.join) - 1, 0)
    if x.ndim + more != len(layer.shape) + 1:
        raise CensusError(_changed(layer, x, examples))
    handed_on = layer.view.apply(x, examples)
    if handed_on.shape[0] != examples or handed_on.shape[layer.unit_axis :][:1] != (layer.width,):
        raise CensusError(_changed(layer, x, examples))
    return handed_on


def _changed(layer: Layer, x: Tensor | None, examples: int) -> str:
    got = "no tensor" if x is None else f"shape {tuple(x.shape)}"
    return (
        f"Layer {layer.name!r} must give {layer.width} units on axis {layer.unit_axis} for each of {examples} examples "
        f"(as surveyed). Got {got}."
    )


class _Functions(TorchFunctionMode):
    """Knows which module runs, and passes on the functions that it calls.

    Not the walker of the survey: that gathers arguments, shapes and facts of every call, and this one runs in every
    forward pass of a count, where all it needs of a call is the name.
    """

    def __init__(self, taps: _Taps) -> None:
        super().__init__()
        self._taps = taps

    def __torch_function__(self, func: Callable[..., Any], types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name = function_name(func)
        tapped = name in self._taps.functions and bool(self._taps.running)
        if tapped:
            self._taps.ahead(self._taps.running[-1], name, args)
        out = func(*args, **(kwargs or {}))
        if not tapped:
            return out
        new = self._taps.after(self._taps.running[-1], name, args[0] if name == WRITES else out)
        return out if new is None else new

    def enter(self, name: str) -> Callable[..., None]:
        """A forward pre-hook for the module of this name."""
        return lambda module, args: self._taps.running.append(name)

    def leave(self, module: nn.Module, args: Any, output: Any) -> None:
        """A forward hook for every module."""
        self._taps.running.pop()
