"""Memory that one forward pass frees serves the next, instead of going back to the system and being asked for again."""

from __future__ import annotations

import ctypes
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

TRIM_THRESHOLD, MMAP_THRESHOLD, MMAP_MAX = -1, -3, -4  # names of mallopt's parameters in glibc's malloc.h
KEPT = {TRIM_THRESHOLD: 2**31 - 1, MMAP_MAX: 0}  # nothing below 2 GB goes back, no block is mapped by itself
USUAL = {TRIM_THRESHOLD: 64 * 2**20, MMAP_THRESHOLD: 32 * 2**20, MMAP_MAX: 65536}  # where large blocks move glibc's own
GROWN = 64 * 2**20  # bytes by which the heap grows before its holes go back to the system
_lock, _open = threading.Lock(), [0]  # how many blocks are open: the last to leave puts things back


@contextmanager
def kept_memory() -> Iterator[None]:
    """As long as the block lasts, freed memory stays with the process; afterwards it is given back.

    glibc maps every block beyond 32 MB anew, and the system clears each of its pages at the first access: a feature map
    then costs more to get than to fill. Afterwards glibc's thresholds are where its own rule puts them once large
    blocks were freed, and stay there. With musl, macOS or Windows nothing changes.
    """
    libc = _glibc()
    if libc is None:
        yield
        return
    with _lock:
        _open[0] += 1
        _set(libc, KEPT)
    try:
        yield
    finally:
        with _lock:
            _open[0] -= 1
            if not _open[0]:
                _set(libc, USUAL)
                libc.malloc_trim(0)


def tidied(size: int = 0) -> int:
    """The heap's size in bytes, after its unused pages were given back where it has grown by GROWN since `size`.

    Scratch memory of several sizes leaves holes that nothing fits into: they stay in the heap, with no memory behind
    them. A pass that uses the heap as the one before did gives nothing back and asks for nothing. 0 where the system's
    allocator does not say.
    """
    libc = _glibc()
    if libc is None or not hasattr(libc, "mallinfo2"):
        return 0
    libc.mallinfo2.restype = _Heap
    now = int(libc.mallinfo2().arena)
    if now > size + GROWN:
        libc.malloc_trim(0)
    return now if now > size + GROWN else size


class _Heap(ctypes.Structure):
    """What glibc's mallinfo2 returns."""

    _fields_ = tuple((name, ctypes.c_size_t) for name in ("arena", *map(str, range(9))))


def _glibc() -> ctypes.CDLL | None:
    if not sys.platform.startswith("linux"):
        return None
    libc = ctypes.CDLL(None)
    return libc if hasattr(libc, "gnu_get_libc_version") and hasattr(libc, "mallopt") else None


def _set(libc: ctypes.CDLL, values: Mapping[int, int]) -> None:
    for parameter, value in values.items():
        libc.mallopt(parameter, value)
