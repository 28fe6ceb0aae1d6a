"""Memory that one forward pass frees serves the next, instead of going back to the system and being asked for again."""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Iterator
from contextlib import contextmanager

TRIM_THRESHOLD, MMAP_MAX = -1, -4  # names of mallopt's parameters in glibc's malloc.h
KEPT = (2**31 - 1, 0)  # their values while memory is kept: nothing below 2 GB goes back, no block is mapped by itself
USUAL = (64 * 2**20, 65536)  # where glibc's own thresholds end after large blocks were freed


@contextmanager
def kept_memory() -> Iterator[None]:
    """As long as the block lasts, freed memory stays with the process; afterwards it is given back.

    glibc maps every block beyond 32 MB anew, and the system clears each of its pages at the first touch: a feature map
    then costs more to get than to fill. With musl, macOS or Windows nothing changes.
    """
    libc = _glibc()
    if libc is None:
        yield
        return
    _set(libc, KEPT)
    try:
        yield
    finally:
        _set(libc, USUAL)
        libc.malloc_trim(0)


def _glibc() -> ctypes.CDLL | None:
    if not sys.platform.startswith("linux"):
        return None
    libc = ctypes.CDLL(None)
    return libc if hasattr(libc, "gnu_get_libc_version") and hasattr(libc, "mallopt") else None


def _set(libc: ctypes.CDLL, values: tuple[int, int]) -> None:
    for parameter, value in zip((TRIM_THRESHOLD, MMAP_MAX), values, strict=True):
        libc.mallopt(parameter, value)
