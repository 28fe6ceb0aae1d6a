"""Files decoded ahead of their turn, by threads of this process or by processes of their own."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import DataLoader, default_collate

from ..errors import CensusError
from .reading import one_line

THREADS = 2
AHEAD = 2  # batches under way, of each process: the one that is waited for and the next
Read = Callable[[str], Tensor | str]  # an id's contents, or why they cannot be read
Item = tuple[str, Tensor | str]


def decoded(read: Read, chunks: Sequence[Sequence[str]], workers: int) -> Generator[list[Item], None, None]:
    """Each chunk of ids with what `read` makes of them, in order, up to AHEAD chunks (a worker) before they are due.

    workers: processes; 0 for two threads. `read` must raise nothing but MemoryError.
    """
    return _by_processes(read, chunks, workers) if workers else _by_threads(read, chunks)


def _by_threads(read: Read, chunks: Sequence[Sequence[str]]) -> Generator[list[Item], None, None]:
    pool = ThreadPoolExecutor(THREADS)
    coming: list[list[tuple[str, Future[Tensor | str]]]] = []
    try:
        for number in range(len(chunks)):
            for chunk in chunks[number + len(coming) : number + AHEAD]:
                coming.append([(id, pool.submit(read, id)) for id in chunk])
            yield [(id, future.result()) for id, future in coming.pop(0)]
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _by_processes(read: Read, chunks: Sequence[Sequence[str]], workers: int) -> Generator[list[Item], None, None]:
    generator = torch.Generator().manual_seed(0)  # else the caller's random state would move
    numbers = [range(n, n + 1) for n in range(len(chunks))]
    loader: DataLoader[Any] = DataLoader(
        _Chunks(read, chunks), batch_sampler=numbers, collate_fn=_only, num_workers=workers,  # type: ignore[arg-type]
        prefetch_factor=AHEAD, generator=generator,
    )  # fmt: skip
    coming = iter(loader)
    for chunk in chunks:
        try:
            stacked, others = next(coming)
        except RuntimeError as error:  # a process has died
            raise CensusError(
                f"Files must be decoded by {workers} processes. Got {one_line(error)}. Pass fewer workers."
            ) from error
        rows = iter(() if stacked is None else stacked.unbind())
        yield [(id, others[at]) if at in others else (id, next(rows)) for at, id in enumerate(chunk)]


class _Chunks:
    """What a process reads: a chunk at a time, its pictures as one tensor, so that few blocks of memory are shared."""

    def __init__(self, read: Read, chunks: Sequence[Sequence[str]]) -> None:
        self._read, self._chunks = read, chunks

    def __getitem__(self, number: int) -> tuple[Tensor | None, dict[int, Tensor | str]]:
        """Those of one shape, stacked, and by place the others, which may only be reasons."""
        found = [self._read(id) for id in self._chunks[number]]
        shape = next((x.shape for x in found if isinstance(x, Tensor)), None)
        alike = [x for x in found if isinstance(x, Tensor) and x.shape == shape]
        others = {at: x for at, x in enumerate(found) if isinstance(x, str) or x.shape != shape}
        return default_collate(alike) if alike else None, others  # which stacks in memory that processes share


def _only(items: list[Any]) -> Any:
    return items[0]
