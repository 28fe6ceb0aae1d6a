"""What was done to inputs before the net was given them, in one line."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def in_words(about: Mapping[str, Any]) -> str:
    """What data say of themselves was done to each input: the model's own preparation, scaling, and what was mended.

    >>> in_words({"values": "bytes divided by 255", "mended": "grey repeated for three channels"})
    'bytes divided by 255; grey repeated for three channels'
    """
    steps = (about.get("inputs"), about.get("values"), about.get("mended"))
    return "; ".join(str(step) for step in steps if step) or "as they are"
