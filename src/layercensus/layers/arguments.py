"""Whether a net's forward takes the inputs that the data give."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

from torch import nn

from ..errors import CensusError


def check_arguments(net: nn.Module, inputs: Any) -> None:
    """Refuse inputs that do not fit the parameters of `net.forward`; their shapes are the net's own affair.

    Raises:
        CensusError: there are too few, too many, or some of another name; how to write what the net takes.

    >>> import torch
    >>> check_arguments(nn.Linear(2, 3), torch.zeros(1, 2))
    """
    try:
        signature = inspect.signature(net.forward)
    except (TypeError, ValueError):  # not written in Python
        return
    given = dict(inputs) if isinstance(inputs, Mapping) else {}
    args = () if given else tuple(inputs) if isinstance(inputs, (tuple, list)) else (inputs,)
    try:
        signature.bind(*args, **given)
    except TypeError as error:
        wanted = [p.name for p in signature.parameters.values() if p.default is p.empty and p.kind < p.VAR_POSITIONAL]
        several = f"(({', '.join(wanted)}), None)" if len(wanted) > 1 else "{'inputs': x}"
        got = f"those named {', '.join(given)}" if given else f"{len(args)}"
        raise CensusError(
            f"The model takes {len(wanted)} inputs ({', '.join(wanted)}). Got {got}: {error}. "
            f"Pass each batch as {several}; the second of a pair is read as labels."
        ) from error
