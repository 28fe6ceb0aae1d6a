"""One forward pass looked at closely: every module call and functional nonlinearity, in the order of their outputs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from .example_axis import Rows, rows
from .functions import ATTENTION, LISTED, NONLINEAR, function_name, is_activation
from .modes import watched
from .net import Inputs, call, count_examples, modules_by_name
from .origins import Origin, Origins
from .outputs import first_tensor, others, tensors
from .unit_axis import UnitAxes, Units, makes_units


@dataclass
class Record:
    """One output, as seen the moment it came."""

    module: str
    kind: str
    function: str | None
    call: int
    nonlinear: bool
    shape: tuple[int, ...] | None = None  # None where there is no tensor
    dtype: torch.dtype | None = None
    strided: bool = True
    units: Units | None = None
    origin: Origin | None = None
    rows: Rows | None = None
    also: tuple[str, ...] = ()
    time_first: bool = False  # inside a module with batch_first=False
    parameters: bool = False  # the module has some of its own
    residual: bool = False  # the module's own forward added two activations


@dataclass
class Pass:
    """A forward pass: its records by (module, function, call) in the order of their outputs."""

    records: dict[tuple[str, str | None, int], Record]
    output: Origin | None  # of the tensor that the net returned
    examples: int


@dataclass
class _Frame:
    """A module call that is under way."""

    module: str
    inputs: list[Tensor]
    sums: list[int] = field(default_factory=list)  # sizes of residual sums
    nonlinear: bool = False
    makes_units: bool = False
    functions: list[tuple[str, str | None, int]] = field(default_factory=list)


def probe(net: nn.Module, inputs: Inputs) -> Pass:
    """Run the net once and record every output. Costs a forward pass and one read of every output."""
    seen = _Probe(modules_by_name(net), count_examples(inputs))
    for _, tensor in tensors(inputs):
        seen.origins.start(tensor)
    with watched(net) as stack, torch.random.fork_rng(devices=_cuda_devices(net)):
        torch.manual_seed(0)  # so that two passes draw the same
        stack.enter_context(seen.hooked())
        stack.enter_context(seen)
        output = first_tensor(call(net, inputs))
    return Pass(seen.records, seen.origins.get(output) if output is not None else None, seen.examples)


def _cuda_devices(net: nn.Module) -> list[int]:
    return sorted({p.device.index or 0 for p in net.parameters() if p.device.type == "cuda"})


class _Probe(TorchFunctionMode):
    """Sees functions by being a torch function mode, modules by hooks."""

    def __init__(self, modules: dict[str, nn.Module], examples: int) -> None:
        super().__init__()
        self.modules = modules
        self.examples = examples
        self.records: dict[tuple[str, str | None, int], Record] = {}
        self.axes, self.origins = UnitAxes(), Origins()
        self._frames: list[_Frame] = []
        self._calls: Counter[tuple[str, str | None]] = Counter()

    def __torch_function__(self, func: Callable[..., Any], types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        name = function_name(func)
        frame = self._frames[-1] if self._frames else None
        residual = self.origins.is_residual_sum(name, args)
        out = func(*args, **kwargs)
        if name == "__get__" or not _holds_tensor(out):
            return out
        self.axes.follow(name, func, args, kwargs, out)
        self.origins.follow(args, kwargs, out)
        if frame is not None:
            self._note(frame, name, residual, out)
        return out

    def _note(self, frame: _Frame, name: str, residual: bool, out: Any) -> None:
        frame.makes_units |= makes_units(name)
        frame.nonlinear |= name in NONLINEAR
        if residual:
            frame.sums.append(out.numel())
        if name in LISTED:
            record = self._record(frame.module, name, name, out)
            record.nonlinear = name != ATTENTION
            frame.functions.append((record.module, record.function, record.call))

    @contextmanager
    def hooked(self) -> Iterator[None]:
        """With hooks on every module, as long as this is open."""
        with ExitStack() as stack:
            for name, module in self.modules.items():
                pre, post = self._hooks(name)
                stack.callback(module.register_forward_pre_hook(pre, with_kwargs=True).remove)
                stack.callback(module.register_forward_hook(post, with_kwargs=True, always_call=True).remove)
            yield

    def _hooks(self, name: str) -> tuple[Callable[..., None], Callable[..., None]]:
        def enter(module: nn.Module, args: Any, kwargs: Any) -> None:
            with torch._C.DisableTorchFunction():
                self._frames.append(_Frame(name, [t for _, t in tensors((args, kwargs))]))

        def leave(module: nn.Module, args: Any, kwargs: Any, output: Any) -> None:
            with torch._C.DisableTorchFunction():
                self._leave(module, self._frames.pop(), output)

        return enter, leave

    def _leave(self, module: nn.Module, frame: _Frame, output: Any) -> None:
        chosen = first_tensor(output)
        for _, tensor in tensors(output):
            self.origins.carry(frame.inputs, tensor)
        if chosen is not None and frame.inputs:
            self.axes.carry(frame.inputs[0], chosen)
        if not frame.module:
            return  # the net itself is not a layer
        record = self._record(frame.module, type(module).__name__, None, output)
        record.parameters = any(True for _ in module.parameters(recurse=False))
        record.nonlinear = is_activation(module) or _acts_alone(module, frame, chosen)
        record.residual = not record.nonlinear and chosen is not None and chosen.numel() in frame.sums
        if record.nonlinear:
            for key in frame.functions:  # they are how this module does its work
                del self.records[key]

    def _record(self, module: str, kind: str, function: str | None, output: Any) -> Record:
        number = self._calls[module, function]
        self._calls[module, function] += 1
        record = Record(module, kind, function, number, nonlinear=False)
        self.records[module, function, number] = record
        x = first_tensor(output)
        if x is None:
            return record
        record.shape, record.dtype = tuple(x.shape), x.dtype
        record.strided = x.layout == torch.strided and not x.is_nested
        record.units, record.origin, record.also = self.axes.get(x), self.origins.get(x), others(output)
        record.time_first = any(_time_first(self.modules[m]) for m in (module, *(f.module for f in self._frames)))
        if record.strided and x.is_floating_point():
            record.rows = rows(x, self.examples)
        return record


def _time_first(module: nn.Module) -> bool:
    """Whether a module says so itself, or a transformer layer by its attention."""
    attention = getattr(module, "self_attn", None)
    return getattr(module, "batch_first", getattr(attention, "batch_first", None)) is False


def _holds_tensor(out: Any) -> bool:
    return isinstance(out, Tensor) or (isinstance(out, (tuple, list)) and any(isinstance(t, Tensor) for t in out))


def _acts_alone(module: nn.Module, frame: _Frame, output: Tensor | None) -> bool:
    """Whether a module of the net's own making is a nonlinearity: no parts, no new units, and it calls one."""
    parts = any(True for _ in module.children())
    same = output is not None and bool(frame.inputs) and output.ndim == frame.inputs[0].ndim
    return frame.nonlinear and not frame.makes_units and not parts and same
