"""Counts the steps of whichever torch optimiser trains a net."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import nn
from torch.optim import Optimizer
from torch.optim.optimizer import register_optimizer_step_post_hook

Stepped = Callable[[float | None], None]  # is given the learning rate


def on_steps(net: nn.Module, stepped: Stepped) -> Callable[[], None]:
    """Call `stepped` after each step of an optimiser that holds a parameter of the net; what ends that."""
    own = {id(parameter) for parameter in net.parameters()}

    def hook(optimiser: Optimizer, args: Any, kwargs: Any) -> None:
        if any(id(p) in own for group in optimiser.param_groups for p in group["params"]):
            stepped(rate_of(optimiser))

    return register_optimizer_step_post_hook(hook).remove


def rate_of(optimiser: Any) -> float | None:
    """The learning rate of its first group of parameters; None where it names none."""
    groups = getattr(optimiser, "param_groups", None) or [{}]
    rate = groups[0].get("lr")
    return None if rate is None else float(rate)
