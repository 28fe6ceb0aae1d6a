"""What each layer of a random net answers to each example, from running the examples one at a time with plain hooks.

Nothing of the library is used. A module's outputs are copied by hooks; what a function gave, and which axes of every
output hold units, is said by the net's own source, whose `tape(...)` lines were written together with it.
"""

from __future__ import annotations

import copy
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from .grammar.net import WORDS, Random
from .layout import Layout, by_unit, readings


@dataclass
class Rows:
    """Answers; an example that did not reach the layer is in none of the dicts."""

    mean: dict[int, Tensor] = field(default_factory=dict)  # example -> (units,) float64
    peak: dict[int, Tensor] = field(default_factory=dict)
    scale: float = 0.0  # the largest absolute value at any position


@dataclass
class Layer:
    """One layer's answers by what is called a unit of it."""

    readings: dict[str, Rows] = field(default_factory=dict)
    drawn: bool = False  # chance went into it


@dataclass(frozen=True)
class Reference:
    layers: Mapping[str, Layer]  # by the name that the library gives them
    errors: Mapping[int, str]  # example -> what its pass raised
    modules: frozenset[str]


def build(source: str, random: Random, tape: Callable[..., None]) -> nn.Module:
    """The net that a source describes, the same for the plain and the taped one."""
    scope: dict[str, Any] = {"tape": tape, "__name__": f"net{random.seed}"}
    exec(compile(source, f"<net {random.seed}>", "exec"), scope)
    torch.manual_seed(random.seed)
    net: nn.Module = scope["Net"]().eval()
    return net.double() if random.double else net


def data_of(random: Random) -> dict[str, Tensor]:
    """The arguments of the net for all examples."""
    generator = torch.Generator().manual_seed(random.seed + 1_000_003)
    size = (random.examples, *random.shape)
    if random.data == "tokens":
        x, number = torch.randint(0, WORDS, size, generator=generator), torch.arange(random.examples)
        x[:, 0], x[:, 1] = number % WORDS, x[:, 1] // 3 * 3 + number // WORDS  # no two alike: copies count once
        return {"x": x}
    x = torch.randn(size, generator=generator, dtype=torch.float64).float()  # as data are read, also for a double net
    inputs = {"x": x.double() if random.double else x}
    if random.data == "lengths":
        inputs["length"] = torch.randint(1, random.shape[0] + 1, (random.examples,), generator=generator)
    return inputs


def reference(random: Random, inputs: Mapping[str, Tensor]) -> Reference:
    """Every layer's answer to each example, each alone, by a net that has seen no other."""
    recorder = Recorder(random.layouts)
    net = build(random.taped, random, recorder.tape)
    layers: dict[str, Layer] = defaultdict(Layer)
    errors: dict[int, str] = {}
    memory = "remembering" in random.operations
    for example in range(random.examples):
        fresh = copy.deepcopy(net) if memory else net
        alone = {name: x[example : example + 1].clone() for name, x in inputs.items()}
        try:
            recorder.run(fresh, alone)
        except Exception as error:
            errors[example] = f"{type(error).__name__}: {error}"
        for name, (x, noted) in recorder.outputs.items():
            if noted is not None:
                _add(layers[name], example, x, *noted)
    return Reference(dict(layers), errors, frozenset(recorder.modules))


def _add(layer: Layer, example: int, x: Tensor, layout: Layout, drawn: bool) -> None:
    layer.drawn |= drawn
    for reading in readings(layout):
        rows, each = layer.readings.setdefault(reading, Rows()), by_unit(x, layout, reading)
        if each is not None:
            each = each.double()
            rows.mean[example], rows.peak[example] = each.mean(1), each.amax(1)
            rows.scale = max(rows.scale, float(each.abs().max()))


class Recorder:
    """Copies every output the moment it comes, under the name of its layer."""

    def __init__(self, layouts: Sequence[tuple[Layout, bool]]) -> None:
        self.layouts = layouts
        self.outputs: dict[str, tuple[Tensor, tuple[Layout, bool] | None]] = {}
        self.modules: set[str] = set()
        self._calls: Counter[tuple[str, str]] = Counter()
        self._names: dict[int, str] = {}

    def run(self, net: nn.Module, inputs: Mapping[str, Tensor]) -> None:
        self.outputs, self._calls = {}, Counter()
        named = dict(net.named_modules())
        self._names = {id(module): name for name, module in named.items()}
        self.modules = set(named)
        handles = [module.register_forward_hook(self._hook(name)) for name, module in named.items() if name]
        handles += [
            module.register_forward_pre_hook(self._given(name))
            for name, module in named.items()
            if _in_block(name, named)
        ]
        try:
            with torch.no_grad(), torch.random.fork_rng():
                net(**inputs)
        finally:
            for handle in handles:
                handle.remove()

    def tape(self, owner: nn.Module, what: str, value: Tensor | None, number: int) -> None:
        """The source says: this is the layer that just answered, or a function that did, and what its axes hold."""
        around = self._names[id(owner)]
        start = f"{around}." if around else ""
        if value is not None:
            self._keep(around, what, value, self.layouts[number])
            return
        path = _inside(start + what)
        last = self._last(path)
        if last in self.outputs:
            self.outputs[last] = (self.outputs[last][0], self.layouts[number])

    def _hook(self, name: str) -> Callable[..., None]:
        def hook(module: nn.Module, args: Any, output: Any) -> None:
            x = first(output)
            if x is not None:
                self._put(name, "", x, None)

        return hook

    def _given(self, name: str) -> Callable[..., None]:
        def hook(module: nn.Module, args: Any) -> None:
            self._put(name.rpartition(".")[0], "relu", args[0], None)

        return hook

    def _keep(self, around: str, function: str, x: Tensor, noted: tuple[Layout, bool]) -> None:
        self._put(around, function, x, noted)

    def _put(self, module: str, function: str, x: Tensor, noted: tuple[Layout, bool] | None) -> None:
        self.outputs[self._name(module, function, self._calls[module, function])] = (x.detach().clone(), noted)
        self._calls[module, function] += 1

    def _last(self, path: str) -> str:
        module, _, function = path.partition("\0")
        return self._name(module, function, self._calls[module, function] - 1)

    def _name(self, module: str, function: str, call: int) -> str:
        name = module
        if function:
            name = f"{module}.{function}" if module else function
            name += "()" if name in self.modules else ""
        return f"{name}@{call}" if call else name


def _inside(path: str) -> str:
    """The name of a transformer layer's own relu is written as what its dropout is given."""
    block, found, _ = path.partition(".<dropout:relu")
    return f"{block}\0relu" if found else path + "\0"


def _in_block(name: str, named: Mapping[str, nn.Module]) -> bool:
    parent, _, own = name.rpartition(".")
    return own == "dropout" and isinstance(named[parent], nn.TransformerEncoderLayer)


def first(output: Any) -> Tensor | None:
    """The first tensor of an output; of packed sequences their data."""
    if isinstance(output, nn.utils.rnn.PackedSequence):
        return output.data
    if isinstance(output, Tensor):
        return output
    parts = output.values() if isinstance(output, Mapping) else output if isinstance(output, (tuple, list)) else ()
    return next((x for x in map(first, parts) if x is not None), None)
