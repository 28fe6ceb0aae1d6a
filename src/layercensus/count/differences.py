"""What differs between a count that was begun and the one that is asked for, in words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

LONGEST = 60  # characters of a value in the refusal
UNSAID = {  # of which the values say nothing to a reader
    "weights": "the weights differ",
    "examples": "the examples differ",
    "layers": "the counted layers, or how they are read, differ",
}


def differences(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """One phrase for each part of a count's identity that is not as it was; of the settings only those that differ.

    >>> differences({"settings": {"tau": 0.9, "q": 0.05}, "seed": 0}, {"settings": {"tau": 0.8, "q": 0.05}, "seed": 0})
    ['tau 0.9, not 0.8']
    """
    changed = [name for name in sorted(now) if before.get(name) != now[name]]
    return [phrase for name in changed for phrase in _phrases(name, before.get(name), now[name])]


def _phrases(name: str, before: Any, now: Any) -> Iterator[str]:
    if name in UNSAID:
        yield UNSAID[name]
    elif isinstance(before, Mapping) and isinstance(now, Mapping) and before.keys() == now.keys():
        yield from (f"{key} {_short(before[key])}, not {_short(now[key])}" for key in now if before[key] != now[key])
    else:
        yield f"{name} {_short(before)}, not {_short(now)}"


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= LONGEST else text[: LONGEST - 3] + "..."
