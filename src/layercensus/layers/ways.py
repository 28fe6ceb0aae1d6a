"""Which ways single examples take through a net whose data decide where they go."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from contextlib import ExitStack, suppress

from torch import nn

from .chance import draw_from, kept_chance
from .modes import evaluating
from .net import Inputs, call, modules_by_name
from .state import kept_state
from .trace import trace

Way = frozenset[tuple[str, int]]  # module, number of its call


def decides(net: nn.Module, inputs: Inputs) -> bool:
    """Whether the data may decide which modules run: the net looks at a value, or has weights that no call reached.

    Cost: one forward pass.
    """
    with kept_state(net):
        try:
            traced = trace(net, inputs, facts=False)
        except Exception:  # whatever a net raises, the survey says so
            return True
    called = {module for module, function, _ in traced.outputs if function is None}
    return any(each.kind in ("branches", "ragged") for each in traced.told) or bool(uncalled(net, called))


def uncalled(net: nn.Module, called: Iterable[str]) -> list[str]:
    """Names of the modules with parameters of their own that are not among those that were called."""
    known = set(called)
    return [
        name
        for name, module in modules_by_name(net).items()
        if name and name not in known and any(True for _ in module.parameters(recurse=False))
    ]


def way_of(net: nn.Module, inputs: Inputs) -> Way:
    """Every call that a pass of one example makes; empty where the net does not take it.

    >>> sorted(way_of(nn.Sequential(nn.ReLU()), __import__("torch").zeros(1, 2)))
    [('0', 0)]
    """
    calls: Counter[str] = Counter()
    with ExitStack() as stack:
        stack.enter_context(kept_state(net))
        stack.enter_context(kept_chance())
        stack.enter_context(evaluating(net))
        for name, module in modules_by_name(net).items():
            if name:
                hook = module.register_forward_hook(lambda *_, name=name: calls.update([name]))
                stack.callback(hook.remove)
        draw_from(0)
        with suppress(Exception):
            call(net, inputs)
            return frozenset((name, number) for name, times in calls.items() for number in range(times))
    return frozenset()
