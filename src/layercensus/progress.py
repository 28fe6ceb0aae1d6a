"""Bars of progress: a notebook's own where it can draw them, else lines of characters on standard error."""

from __future__ import annotations

import sys
from importlib.util import find_spec
from typing import Any

from tqdm import tqdm as _characters


def bars() -> Any:
    """The kind of bar that fits where this process runs: a notebook draws its own where ipywidgets is installed."""
    ipython = sys.modules.get("IPython")
    shell = None if ipython is None else ipython.get_ipython()
    if not hasattr(shell, "kernel") or find_spec("ipywidgets") is None:
        return _characters
    from tqdm.notebook import tqdm as drawn

    return drawn


def tqdm(*args: Any, **kwargs: Any) -> Any:
    """A bar as `tqdm.tqdm` makes it."""
    return bars()(*args, **kwargs)
