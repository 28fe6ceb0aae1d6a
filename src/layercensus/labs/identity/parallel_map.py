"""Many nets beside each other, each on one thread, so that results are the same for any number of workers."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from pathlib import Path
from threading import Event
from typing import Any, TypeVar

import torch
from torch import Tensor

from ...models.threads import one_thread
from ...progress import tqdm
from .nets import Shape
from .options import Options
from .train import Trained, train

T = TypeVar("T")
Key = tuple[str, int]  # name of the shape, seed


def trained_nets(options: Options, image: Tensor, folder: Path) -> dict[Key, Trained]:
    """Every net of `how.runs`, kept in `folder` one by one; those that are there already are not trained again.

    On a GPU they take turns. On an interrupt every net in training is kept as far as it is.

    Raises:
        KeyboardInterrupt: after the checkpoints are written.
        CensusError: the folder cannot be written, or training does not stay finite.
    """
    work = sum(shape.depth for shape, _ in options.runs) * options.recipe.steps
    stop = Event()
    with tqdm(total=work, desc="training", unit="layer step", unit_scale=True, disable=not options.progress) as bar:

        def trained_net(shape: Shape, seed: int) -> Trained | None:
            taken = 0

            def step() -> None:
                nonlocal taken
                taken += 1
                bar.update(shape.depth)

            file = folder / f"{shape.name}-s{seed}.safetensors"
            if stop.is_set():
                return None
            trained = train(
                shape, seed, image=image, recipe=options.recipe, file=file, device=options.device, stop=stop.is_set,
                step=step,
            )  # fmt: skip
            bar.update(shape.depth * (options.recipe.steps - taken) if trained else 0)
            return trained

        with _pool(options.workers if options.device == "cpu" else 1) as pool:
            jobs = {(shape.name, seed): pool.submit(trained_net, shape, seed) for shape, seed in options.runs}
            try:
                _settle(jobs)
            except BaseException:
                stop.set()
                raise
    return {key: trained for key, job in jobs.items() if (trained := job.result()) is not None}


def parallel_map(work: Sequence[Callable[[], T]], options: Options, title: str) -> list[T]:
    """What each piece of work gives, in order."""
    with (
        tqdm(total=len(work), desc=title, unit="net", disable=not options.progress) as bar,
        _pool(options.workers) as pool,
    ):

        def done(piece: Callable[[], T]) -> T:
            result = piece()
            bar.update()
            return result

        jobs = {number: pool.submit(done, piece) for number, piece in enumerate(work)}
        try:
            _settle(jobs)
        except BaseException:
            for job in jobs.values():
                job.cancel()
            raise
    return [job.result() for job in jobs.values()]


@contextmanager
def _pool(workers: int) -> Iterator[ThreadPoolExecutor]:
    with one_thread(), ThreadPoolExecutor(workers, initializer=torch.set_num_threads, initargs=(1,)) as pool:
        yield pool


def _settle(jobs: Mapping[Any, Future[Any]]) -> None:
    """Wait in turns, so that an interrupt is noticed; the first error is raised at once."""
    left = set(jobs.values())
    while left:
        done, left = wait(left, timeout=0.5, return_when=FIRST_COMPLETED)
        for job in done:
            job.result()
