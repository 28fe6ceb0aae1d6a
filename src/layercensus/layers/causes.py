"""What in a net is likely to be why its rows are not its examples, in words."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from torch import nn
from torch.nn.modules.batchnorm import _NormBase
from torch.nn.modules.instancenorm import _InstanceNorm

from ..errors import some_of
from .net import modules_by_name
from .passes import Passes
from .telling import in_words


def cause(net: nn.Module, passes: Passes) -> str:
    """What in the net is likely to be why, in brackets behind a space; "" where nothing tells."""
    if passes.refused and passes.together is None:
        return f" ({passes.refused})"
    if passes.kept:
        return f" (the model keeps {', '.join(passes.kept[:3])} from pass to pass)"
    causes: Sequence[Callable[[], str]] = (
        lambda: _without_statistics(net),
        lambda: _scaled_by_the_batch(net),
        lambda: _heard("draws at random", _drawn(passes)),
        lambda: _heard("takes the rows that the data say", in_words(passes.told, "ragged")),
        lambda: _heard("sorts", in_words(passes.told, "sorts")),
        lambda: _heard("goes a way that the data decides", in_words(passes.told, "branches")),
    )
    found = next((text for text in (each() for each in causes) if text), "")
    return f" ({found})" if found else ""


def _drawn(passes: Passes) -> str:
    unsteady = passes.together is not None and any(passes.unsteady(key) for key in passes.together.outputs)
    return in_words(passes.told, "random") if unsteady else ""


def _heard(what: str, calls: str) -> str:
    return f"the model {what}: {calls}" if calls else ""


def _without_statistics(net: nn.Module) -> str:
    """The normalisations whose statistics are those of the batch."""
    names = [
        f"{type(m).__name__} {name!r}"
        for name, m in modules_by_name(net).items()
        if isinstance(m, _NormBase) and not isinstance(m, _InstanceNorm) and m.running_mean is None
    ]
    return f"{some_of(names)} without running statistics" if names else ""


def _scaled_by_the_batch(net: nn.Module) -> str:
    """The modules that quantise their input on a scale which the whole batch sets."""
    dynamic = [(n, m) for n, m in modules_by_name(net).items() if ".quantized.dynamic." in type(m).__module__]
    names = [f"{type(m).__name__} {name!r}" for name, m in dynamic]
    return f"{some_of(names)} quantised by the range of the batch" if names else ""
