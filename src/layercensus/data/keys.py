"""A number for an example's id: it decides the panel, breaks ties and seeds all randomness of that example."""

from __future__ import annotations

from functools import lru_cache
from hashlib import blake2b


@lru_cache(maxsize=65_536)
def key(id: str) -> int:
    """64-bit signed hash of an id, the same on every machine."""
    return int.from_bytes(blake2b(id.encode("utf-8"), digest_size=8).digest(), "big", signed=True)
