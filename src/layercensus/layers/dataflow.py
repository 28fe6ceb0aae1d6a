"""One forward pass followed call by call: what each set of rules says of every tensor that a function gives."""

from __future__ import annotations

from collections.abc import Callable, Mapping, MutableMapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from torch import Tensor
from torch.nn.parameter import is_lazy
from torch.overrides import TorchFunctionMode
from torch.utils.weak import WeakTensorKeyDictionary

from .functions import WRITES, function_name, tensor_arguments

INPUT = "input of the net"  # names of the calls that stand for no function
CONSTANT = "constant of the net"
MODULE = "module"
Fact = TypeVar("Fact")


@dataclass(frozen=True)
class Call:
    """One call of a torch function that has returned."""

    name: str  # without underscores around it: F.relu, torch.relu_ and Tensor.relu_ are all "relu"
    function: Callable[..., Any]
    args: tuple[Any, ...]  # with the first argument, also where it was given as input=
    kwargs: Mapping[str, Any]
    inputs: tuple[Tensor, ...]  # all tensors among the arguments, also those in lists
    shape: tuple[int, ...] | None  # of the first argument before the call; None where it is no tensor
    outs: tuple[Tensor, ...]  # what it gave or, for "setitem", wrote into
    number: int = 0  # how many outputs the calls before it gave in this pass

    def argument(self, index: int, name: str, default: Any = None) -> Any:
        """The argument at this index or of this name."""
        return self.kwargs.get(name, self.args[index] if len(self.args) > index else default)

    def axes(self, index: int, default: Any = None) -> Any:
        """The argument `dim` or `axis`, at this index where it has no name."""
        return self.kwargs.get("axis", self.argument(index, "dim", default))


Rules = Callable[[Call, Sequence[Fact | None]], Sequence[Fact | None]]
"""From a call and what is known of its `inputs`, one by one, to what holds of its `outs`; None: nothing is known.

A pure function. It is also asked about calls named INPUT (a tensor that the net is given), CONSTANT (one that it owns)
and MODULE (outputs of a module that no function was seen to give; the first is the one that matters).
"""


class Facts(Generic[Fact]):
    """What one set of rules says of the tensors of a forward pass, as long as they live."""

    def __init__(self, rules: Rules[Fact]) -> None:
        self._rules = rules
        self._known: MutableMapping[Tensor, Fact] = WeakTensorKeyDictionary()

    def get(self, x: Tensor) -> Fact | None:
        """What is known of a tensor, if anything."""
        return self._known.get(x)

    def put(self, x: Tensor, fact: Fact) -> None:
        """Note what holds of a tensor from here on."""
        self._known[x] = fact

    def follow(self, call: Call) -> None:
        """Note what holds of a call's outputs. What was known of a tensor that it overwrote is forgotten."""
        known = [self._known.get(x) for x in call.inputs]
        for out, fact in zip(call.outs, self._rules(call, known), strict=True):
            if fact is not None:
                self._known[out] = fact
            elif out in self._known:
                del self._known[out]

    def complete(self, call: Call) -> None:
        """Note what holds of those outputs of which nothing is known yet."""
        if all(out in self._known for out in call.outs):
            return
        known = [self._known.get(x) for x in call.inputs]
        for out, fact in zip(call.outs, self._rules(call, known), strict=True):
            if fact is not None and out not in self._known:
                self._known[out] = fact


class Walker(TorchFunctionMode):
    """While entered, sees every torch function that is called and lets each set of rules follow it.

    facts: one for each set of rules. listener: is handed every call with outputs once all rules have followed it.
    begun: is told the function and the arguments of every call before it is made, also where it gives no tensor.
    What a function calls in its turn is not seen, nor what runs under torch._C.DisableTorchFunction.

    >>> import torch
    >>> depth = Facts(lambda call, known: [1 + max((k or 0 for k in known), default=0) for _ in call.outs])
    >>> with Walker(depth):
    ...     y = torch.ones(2).relu() + 1
    >>> depth.get(y)
    3
    """

    def __init__(
        self, *facts: Facts[Any], listener: Callable[[Call], None] | None = None,
        begun: Callable[[Callable[..., Any], tuple[Any, ...], Mapping[str, Any]], None] | None = None,
    ) -> None:  # fmt: skip
        super().__init__()
        self._facts, self._listener, self._begun, self._number = facts, listener, begun, 0

    def begin(self, x: Tensor, name: str = INPUT) -> None:
        """Say that a tensor enters the pass without a function: an INPUT, or a CONSTANT of the net."""
        self._follow(Call(name, _nothing, (), {}, (), None, (x,), self._number))

    def complete(self, inputs: Sequence[Tensor], outs: Sequence[Tensor]) -> None:
        """Let the rules say what holds of a module's outputs that no function was seen to give."""
        shape = tuple(inputs[0].shape) if inputs else None
        call = Call(MODULE, _nothing, tuple(inputs), {}, tuple(inputs), shape, tuple(outs), self._number)
        self._number += len(outs)
        for facts in self._facts:
            facts.complete(call)

    def __torch_function__(self, func: Callable[..., Any], types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        given, named = _first_by_position(args, kwargs)
        shape = _shape(given[0]) if given else None  # an in-place call changes it
        if self._begun is not None:
            self._begun(func, given, named)
        out = func(*args, **kwargs)
        name = function_name(func)
        outs = _outputs(out) or (given[:1] if name == WRITES else ())
        if outs:
            inputs = tuple(tensor_arguments(given, named))
            self._follow(Call(name, func, given, named, inputs, shape, outs, self._number))
        return out

    def _follow(self, call: Call) -> None:
        self._number += len(call.outs)
        for facts in self._facts:
            facts.follow(call)
        if self._listener is not None:
            self._listener(call)


def _shape(x: Any) -> tuple[int, ...] | None:
    return tuple(x.shape) if isinstance(x, Tensor) and not is_lazy(x) else None


def _first_by_position(args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """The same arguments with `input` first, however it was given."""
    if args or "input" not in kwargs:
        return args, kwargs
    return (kwargs["input"],), {name: value for name, value in kwargs.items() if name != "input"}


def _outputs(out: Any) -> tuple[Tensor, ...]:
    if isinstance(out, Tensor):
        return (out,)
    return tuple(t for t in out if isinstance(t, Tensor)) if isinstance(out, (tuple, list)) else ()


def _nothing() -> None:
    """Stands for the function of a call that has none."""
