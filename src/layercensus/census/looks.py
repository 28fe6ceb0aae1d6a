"""The findings that a net's weights, or its running statistics, look as if it never was trained."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
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


def unestimated(names: Sequence[str]) -> Iterator[Finding]:
    """The finding for normalisation layers that normalise nothing; `names` is what `models.unestimated` gave."""
    if names:
        which = "its" if len(names) == 1 else "their"
        yield Finding(
            None, (),
            f"The running statistics of {some_of(names)} were never estimated: {which} means are 0 and variances 1, so "
            "that nothing is normalised there. Pass examples through it in train mode, or load them with the weights.",
            {"layers": list(names)},
        )  # fmt: skip
