"""What goes wrong while somebody else's code reads data, as one line."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from ..errors import CensusError


def one_line(error: BaseException) -> str:
    """The error in one line of at most 200 characters; of a worker process's traceback, its last line."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    if not lines:
        return type(error).__name__
    told = lines[-1] if lines[0].startswith("Caught ") else lines[0]
    return told.rstrip(".")[:200]


@contextmanager
def reading(what: str) -> Iterator[None]:
    """Turn whatever reading `what` raises into a CensusError that names it."""
    try:
        yield
    except CensusError:
        raise
    except Exception as error:
        raise CensusError(f"{what} cannot be read. {type(error).__name__}: {one_line(error)}.") from error
