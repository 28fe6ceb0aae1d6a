"""Memory that one forward pass frees serves the next, instead of going back to the system and being asked for again."""

from __future__ import annotations

import ctypes
import os
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import torch
from torch import nn

TRIM_THRESHOLD, MMAP_THRESHOLD, MMAP_MAX = -1, -3, -4  # names of mallopt's parameters in glibc's malloc.h
KEPT = {TRIM_THRESHOLD: 2**31 - 1, MMAP_MAX: 0}  # nothing below 2 GB goes back, no block is mapped by itself
USUAL = {TRIM_THRESHOLD: 64 * 2**20, MMAP_THRESHOLD: 32 * 2**20, MMAP_MAX: 65536}  # where large blocks move glibc's own
FREED = {TRIM_THRESHOLD: 2**20, MMAP_THRESHOLD: 2**20, MMAP_MAX: 65536}  # whatever is large is mapped by itself
LARGE = 256 * 2**20  # bytes of a layer's readings from which on memory is returned while it is measured
GROWN = 64 * 2**20  # bytes by which a process grows before its holes go back to the system
_lock, _open = threading.Lock(), [0]  # how many blocks are open: the last to leave puts things back
_usual = [0]  # bytes in memory after the first pass since pages were given back; 0: no pass since


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
                _usual[0] = 0


@contextmanager
def freed_memory(net: nn.Module) -> Iterator[None]:
    """Within `kept_memory`, large blocks of a float64 net go back at once again.

    Its convolutions take scratch memory of every size for each pass, and where other things are kept from pass to pass
    none fits into another's hole: the heap grew to three times what it held. In float32 the kernels need none.
    """
    libc = _glibc() if _open[0] and any(x.dtype is torch.float64 for x in net.parameters()) else None
    if libc is None:
        yield
        return
    with _meanwhile(libc, FREED):
        yield


@contextmanager
def returned_memory(bytes: int) -> Iterator[None]:
    """Within `kept_memory`, what is measured of readings of so many bytes takes no more than it holds at a time.

    What was kept goes back, and blocks beyond 32 MB do at once, as they do outside of it: copies of a wide layer come
    in many sizes, few of which fit into the hole of another. Below LARGE that would cost more than it spares.
    """
    libc = _glibc() if _open[0] and bytes >= LARGE else None
    if libc is None:
        yield
        return
    with _meanwhile(libc, USUAL):
        yield


@contextmanager
def _meanwhile(libc: ctypes.CDLL, values: Mapping[int, int]) -> Iterator[None]:
    """Other parameters as long as the block lasts, from a heap that holds nothing unused."""
    _set(libc, values)
    libc.malloc_trim(0)
    try:
        yield
    finally:
        with _lock:
            if _open[0]:
                _set(libc, USUAL | KEPT)


def tidy() -> None:
    """Give unused pages back where they are GROWN more than the first pass left; called after each pass.

    Scratch memory of several sizes leaves holes that nothing fits into, each with the pages that were once written. A
    pass that uses the heap as the one before did gives nothing back and asks for nothing. Outside of `kept_memory`,
    and with other systems' allocators, nothing happens.
    """
    libc = _glibc() if _open[0] else None
    if libc is None:
        return
    now = _resident()
    if not _usual[0]:
        _usual[0] = now
    elif now > _usual[0] + GROWN:
        libc.malloc_trim(0)
        _usual[0] = 0


def _resident() -> int:
    """Bytes of the process's memory that have pages behind them."""
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def _glibc() -> ctypes.CDLL | None:
    if not sys.platform.startswith("linux"):
        return None
    libc = ctypes.CDLL(None)
    return libc if hasattr(libc, "gnu_get_libc_version") and hasattr(libc, "mallopt") else None


def _set(libc: ctypes.CDLL, values: Mapping[int, int]) -> None:
    for parameter, value in values.items():
        libc.mallopt(parameter, value)
