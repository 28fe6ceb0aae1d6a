"""What runs before a layer is not run again: in later passes its modules give back what they gave in the first."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from copy import copy
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor, nn

from ..count.nets import Net
from ..data.batch import Batch, tensors
from ..layers.layer import Layer
from ..layers.net import modules_by_name
from ..layers.outputs import tensors as outputs
from ..layers.tap import tap
from ..tally.slab import set_aside
from .passes import passed


@dataclass
class _Call:
    """One call of a module in a pass, in the order of events."""

    module: str
    inside: tuple[int, ...]  # numbers of the calls under way
    end: float = float("inf")


@dataclass
class _Watch:
    """The calls of a pass, and when each layer gave its output."""

    calls: list[_Call] = field(default_factory=list)
    running: list[int] = field(default_factory=list)
    given: dict[str, tuple[int, int]] = field(default_factory=dict)  # layer -> when, and the call it ended
    now: int = 0

    def start(self, name: str) -> Callable[..., None]:
        def hook(module: nn.Module, args: Any) -> None:
            self.now += 1
            self.calls.append(_Call(name, tuple(self.running)))
            self.running.append(len(self.calls) - 1)

        return hook

    def end(self, module: nn.Module, args: Any, output: Any) -> None:
        self.now += 1
        self.calls[self.running.pop()].end = self.now

    def layer(self, layer: Layer, x: Tensor) -> None:
        self.now += 1
        self.given[layer.name] = self.now, len(self.calls) - 1 if layer.function is None else -1


def modules_before(net: Net, layers: Sequence[Layer], batch: Batch) -> dict[str, tuple[str, ...]]:
    """By layer, the outermost modules that are called once and done when the layer has given its output.

    One forward pass of a single example. None for a layer of a net that is read example by example.
    """
    if any(layer.alone is not None for layer in net.layers):
        return {layer.name: () for layer in layers}
    watch = _Watch()
    with ExitStack() as stack:
        stack.enter_context(tap(net.net, layers, watch.layer))
        for name, module in modules_by_name(net.net).items():
            stack.callback(module.register_forward_pre_hook(watch.start(name)).remove)
            stack.callback(module.register_forward_hook(watch.end, always_call=True).remove)
        passed(net, batch.first(1))
    return {layer.name: _outermost(watch, layer) for layer in layers}


def _outermost(watch: _Watch, layer: Layer) -> tuple[str, ...]:
    when, own = watch.given.get(layer.name, (0, -1))
    times = Counter(call.module for call in watch.calls)
    own_name = layer.module if own >= 0 else None
    done = {
        number
        for number, call in enumerate(watch.calls)
        if call.module and times[call.module] == 1 and (call.end < when or call.module == own_name)
    }
    return tuple(watch.calls[n].module for n in sorted(done) if not done & set(watch.calls[n].inside))


class Prefix:
    """Gives back, in every pass over a batch but the first, what the modules before a layer gave in the first.

    limit: bytes that may be kept; beyond them everything runs again.
    """

    def __init__(self, net: Net, names: Sequence[str], limit: float) -> None:
        modules = modules_by_name(net.net)
        self._modules = [modules[name] for name in names]
        self._kept: dict[int, dict[nn.Module, Any]] = {}
        self._left = limit
        self.on = bool(names)
        self._checked = False

    @contextmanager
    def of_batch(self, number: int) -> Iterator[None]:
        """A pass over the batch of this number."""
        if not self.on:
            yield
        elif number in self._kept:
            with self._given_back(self._kept[number]):
                yield
        else:
            kept: dict[nn.Module, Any] = {}
            with ExitStack() as stack:
                for module in self._modules:
                    stack.callback(module.register_forward_hook(self._keep(kept), prepend=True).remove)
                yield
            if self.on and len(kept) == len(self._modules):
                self._kept[number] = kept

    @property
    def fresh(self) -> bool:
        """Whether it has kept something, and nobody has seen yet that it gives the same answers."""
        return self.on and bool(self._kept) and not self._checked

    def check(self, same: bool) -> None:
        """Go on only where a pass with what was kept gave the same answers."""
        self._checked = True
        if not same:
            self.forget()

    def forget(self) -> None:
        """Run everything in every pass from now on."""
        self._kept, self.on = {}, False

    def _keep(self, kept: dict[nn.Module, Any]) -> Callable[..., None]:
        def hook(module: nn.Module, args: Any, output: Any) -> None:
            self._left -= sum(x.numel() * x.element_size() for _, x in outputs(output))
            if self._left < 0 or not _plain(output):
                self.forget()
            elif self.on:
                kept[module] = _same_form(output, set_aside)

        return hook

    @contextmanager
    def _given_back(self, kept: dict[nn.Module, Any]) -> Iterator[None]:
        with ExitStack() as stack:
            for module, output in kept.items():
                before = module.__dict__.get("forward")
                stack.callback(_put_back, module, before)
                module.__dict__["forward"] = _giving(output)
            yield


def _plain(output: Any) -> bool:
    """Whether an output is made of tensors, tuples, lists and dicts alone, and so can be given back whole."""
    return len(tensors(output)) == len(list(outputs(output))) > 0 and isinstance(output, (Tensor, tuple, list, dict))


def _same_form(output: Any, change: Callable[[Tensor], Tensor]) -> Any:
    """The output with every tensor changed, in containers of the same classes: the net may read them by name."""
    if isinstance(output, Tensor):
        return change(output)
    if isinstance(output, dict):
        same = copy(output)
        for name, part in output.items():
            same[name] = _same_form(part, change)
        return same
    if isinstance(output, (tuple, list)):
        parts = [_same_form(part, change) for part in output]
        return type(output)(*parts) if hasattr(output, "_fields") else type(output)(parts)
    return output


def _giving(output: Any) -> Callable[..., Any]:
    """A forward that gives copies, since what comes next may write into them."""
    return lambda *args, **kwargs: _same_form(output, Tensor.clone)


def _put_back(module: nn.Module, before: Any) -> None:
    if before is None:
        module.__dict__.pop("forward", None)
    else:
        module.__dict__["forward"] = before
