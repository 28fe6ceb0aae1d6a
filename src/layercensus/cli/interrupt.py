"""Ctrl-C and SIGTERM: both end a command the same way, and say what is kept."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import NoReturn


class Terminated(KeyboardInterrupt):
    """SIGTERM, treated like Ctrl-C."""


@contextmanager
def terminable() -> Iterator[None]:
    """SIGTERM raises `Terminated` inside the block."""
    before = signal.signal(signal.SIGTERM, _terminate)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before or signal.SIG_DFL)


def _terminate(number: int, frame: FrameType | None) -> NoReturn:
    raise Terminated


@contextmanager
def kept(what: str, folder: str | Path, again: str = "the same command and --resume") -> Iterator[None]:
    """An interrupt of the block says that what is finished is kept in `folder`, and how to resume."""
    try:
        yield
    except KeyboardInterrupt as stop:
        stop.add_note(f"what is {what} is kept, resume with {again} (in {folder})")
        raise
