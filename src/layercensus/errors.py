"""The one exception that this library raises for what a user can mend, and other exceptions in one line."""

from __future__ import annotations

from collections.abc import Sequence


class CensusError(ValueError):
    """One clear line: what must be, what was found, and what to do about it.

    >>> import layercensus as lc
    >>> lc.Settings(tau=2)
    Traceback (most recent call last):
    layercensus.errors.CensusError: tau must be between 0.01 and 1. Got 2.0.
    """


class OutOfMemoryError(CensusError):
    """The memory of the machine or the device did not suffice; less at a time may."""


class NotFiniteError(CensusError):
    """A net's activations are NaN or inf, in `layer` first."""

    def __init__(self, says: str, layer: str) -> None:
        super().__init__(says)
        self.layer = layer


def first_line(error: BaseException) -> str:
    """An exception in one line: its class and the first line of what it says.

    >>> first_line(KeyError("conv"))
    "KeyError: 'conv'"
    """
    says = next((line.strip() for line in str(error).splitlines() if line.strip()), "")
    return f"{type(error).__name__}: {says[:200]}" if says else type(error).__name__


NO_MEMORY = ("not enough memory", "allocate memory", "out of memory", "Unable to allocate")  # as torch and numpy say it


def out_of_memory(error: BaseException) -> bool:
    """Whether an exception says that the memory of the machine or the device did not suffice.

    >>> out_of_memory(RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 8 bytes"))
    True
    """
    says = str(error)
    return isinstance(error, MemoryError) or (
        isinstance(error, RuntimeError) and any(word in says for word in NO_MEMORY)
    )  # fmt: skip


def some_of(names: Sequence[str], most: int = 4) -> str:
    """The first names, and how many more there are.

    >>> some_of(["a", "b", "c"], most=2)
    'a, b and 1 more'
    """
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")
