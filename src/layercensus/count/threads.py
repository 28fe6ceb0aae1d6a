"""How many of torch's threads the passes of a net are worth."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from math import prod

from ..models.threads import one_thread
from .plan import Plan

SMALL_LAYER = 2**19  # numbers of the largest counted layer in a batch
SMALL_NET = 2**17  # parameters


def worth_their_threads(plan: Plan) -> AbstractContextManager[None]:
    """As long as the block lasts, one thread for nets so small that several only wait for each other.

    Of a net as small as the digits', several threads take no less time than one on idle cores, and up to ten times as
    long where other work has them. Which nets those are follows from their size alone: it is the same each time.
    """
    largest = max((prod(layer.shape) for layer in plan.nets.trained.layers), default=0) * plan.settings.batch
    parameters = sum(p.numel() for p in plan.nets.trained.net.parameters())
    return one_thread() if largest <= SMALL_LAYER and parameters <= SMALL_NET else nullcontext()
