"""Several layers measured at a time, each on one core: small matrices gain nothing from several, and wait for them."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import copy_context
from typing import TypeVar

import torch

T = TypeVar("T")
R = TypeVar("R")

MOST = 8  # threads


def side_by_side(compute: Callable[[T], R], items: Iterable[T]) -> Iterator[R]:
    """What `compute` gives for each item, in their order, on as many threads as torch has and MOST at most.

    As many results as threads are held at a time. compute: writes to nothing that another item's computation reads.
    Where torch has one thread, all is done in the caller's.
    """
    threads = min(torch.get_num_threads(), MOST)
    if threads < 2:
        yield from map(compute, items)
        return
    pool = ThreadPoolExecutor(threads, "side by side", initializer=torch.set_num_threads, initargs=(1,))
    coming: deque[Future[R]] = deque()
    try:
        for item in items:
            coming.append(pool.submit(copy_context().run, compute, item))
            if len(coming) == threads:
                yield coming.popleft().result()
        while coming:
            yield coming.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)
