"""Versions of what the numbers depend on."""

from __future__ import annotations

import platform
from importlib.metadata import PackageNotFoundError, version

NAMES = ("layercensus", "torch", "numpy", "scipy", "pandas")


def versions() -> dict[str, str]:
    """Version of Python and of each package that computes; "unknown" for one that is not installed as a package."""
    by_name = {"python": platform.python_version()}
    for name in NAMES:
        try:
            by_name[name] = version(name)
        except PackageNotFoundError:
            by_name[name] = "unknown"
    return by_name
