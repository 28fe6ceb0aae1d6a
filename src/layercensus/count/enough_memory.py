"""What the machine's memory does not hold ends in one line, not in an allocator's own words."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from ..errors import CensusError, OutOfMemoryError, first_line, out_of_memory

KEPT = "With a results folder, what is counted so far is kept."


@contextmanager
def enough_memory(what: str, instead: str) -> Iterator[None]:
    """Inside, too little memory is an error of one line. what: that needs it. instead: what would change it.

    Raises:
        OutOfMemoryError: the memory of the machine or the device did not suffice.
    """
    try:
        yield
    except CensusError:
        raise
    except Exception as error:
        if not out_of_memory(error):
            raise
        raise OutOfMemoryError(f"{what} must fit in memory. Got {first_line(error)}. {instead}. {KEPT}") from error
