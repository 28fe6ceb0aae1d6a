"""The finding that a net's weights look as if they never were trained."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ..errors import some_of
from .record import Finding


def untrained(looks: Mapping[str, Any]) -> Iterator[Finding]:
    """The finding, where there is something to say; `looks` is what `models.untrained_looks` gave."""
    if not looks:
        return
    names = looks["names"]
    some = some_of(names)
    drawn = " and ".join(f"{kind} in {number}" for kind, number in looks["drawn"].items())
    also = "".join(f"; {fact}" for fact in looks["as_made"])
    numbers = {name: looks[name] for name in ("tensors", "judged", "entries", "of_entries")}
    how = f"as an initialiser draws them ({drawn} of {looks['judged']:,} weight tensors"
    if looks["whole"]:
        text = f"These weights look untrained: {how}{also}). Were the trained ones loaded?"
    else:
        text = f"The weights of {some} look untrained: {how}{also}). Were the trained ones loaded there?"
    yield Finding(None, (), text, numbers | {"names": list(names)})
