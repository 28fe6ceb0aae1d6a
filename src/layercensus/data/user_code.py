"""The user's own code that reading data calls: it finds torch as its caller had set it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar

State = Callable[[], AbstractContextManager[None]]
_state: ContextVar[State] = ContextVar("state of user code", default=nullcontext)


@contextmanager
def user_code_in(state: State) -> Iterator[None]:
    """Inside, the user's own code runs in what `state` gives."""
    token = _state.set(state)
    try:
        yield
    finally:
        _state.reset(token)


def user_code() -> AbstractContextManager[None]:
    """To be entered around a call of a Dataset, a collate function, an iterator, views or a factory of the user's."""
    return _state.get()()
