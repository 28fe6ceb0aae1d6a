"""What stands around the token to which a unit responds most, as text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

AROUND = 7  # tokens shown on either side of the peak


@dataclass(frozen=True)
class Words:
    """What stands around the token to which a unit responds most."""

    id: str
    before: str
    peak: str
    after: str


def around(id: str, tokens: Sequence[str], position: int) -> Words:
    """The tokens beside the peak as text; pieces of one word joined, as the usual tokenizers mark them."""
    pieces = [_piece(token) for token in tokens]
    if not 0 <= position < len(pieces):
        return Words(id, "".join(pieces[: 2 * AROUND]).strip(), "", "")
    first, last = max(0, position - AROUND), position + 1 + AROUND
    before, after = "".join(pieces[first:position]).lstrip(), "".join(pieces[position + 1 : last])
    before = ("… " if any(pieces[:first]) else "") + before + (" " if pieces[position].startswith(" ") else "")
    return Words(id, before, pieces[position].strip(), after + (" …" if any(pieces[last:]) else ""))


def _piece(token: str) -> str:
    """A token with the space before it, if it begins a word."""
    if token.startswith("##") and len(token) > 2:
        return token[2:]
    return f" {token.lstrip('Ġ▁')}" if token else ""
