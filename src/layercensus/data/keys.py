"""A number for an example's id: it decides the panel, breaks ties and seeds all randomness of that example."""

from __future__ import annotations

from functools import lru_cache
from hashlib import blake2b


@lru_cache(maxsize=65_536)
def key(id: str) -> int:
    """64-bit signed hash of an id, the same on every machine."""
    return int.from_bytes(_hash(id, 8), "big", signed=True)


def seed_of(seed: int, id: str, view: int) -> int:
    """128-bit seed of one view of one example, from nothing but these three."""
    return int.from_bytes(_hash(f"{seed}\0{view}\0{id}", 16), "big")


def _hash(text: str, size: int) -> bytes:
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=size).digest()
