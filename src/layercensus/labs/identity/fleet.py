"""All nets of a run, trained beside each other."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from contextlib import contextmanager
from pathlib import Path
from threading import Event

import torch
from torch import Tensor
from tqdm import tqdm

from .how import How
from .nets import Shape
from .train import Trained, train

Key = tuple[str, int]  # name of the shape, seed


def fleet(how: How, image: Tensor, folder: Path) -> dict[Key, Trained]:
    """Every net of `how.runs`, kept in `folder` one by one; those that are there already are not trained again.

    Each net has one thread to itself, so that it is the same for any number of workers; on a GPU they take turns. On an
    interrupt every net in training is kept as far as it is.

    Raises:
        KeyboardInterrupt: after the checkpoints are written.
        CensusError: the folder cannot be written, or training does not stay finite.
    """
    workers = how.workers if how.device == "cpu" else 1
    work = sum(shape.depth for shape, _ in how.runs) * how.recipe.steps
    stop = Event()
    with (
        _one_thread(how.device),
        ThreadPoolExecutor(workers, initializer=torch.set_num_threads, initargs=(1,)) as pool,
        tqdm(total=work, desc="training", unit="layer step", unit_scale=True, disable=not how.progress) as bar,
    ):

        def one(shape: Shape, seed: int) -> Trained | None:
            taken = 0

            def step() -> None:
                nonlocal taken
                taken += 1
                bar.update(shape.depth)

            file = folder / f"{shape.name}-s{seed}.safetensors"
            trained = (
                None if stop.is_set() else train(shape, seed, image, how.recipe, file, how.device, stop.is_set, step)
            )
            bar.update(shape.depth * (how.recipe.steps - taken) if trained else 0)
            return trained

        jobs = {(shape.name, seed): pool.submit(one, shape, seed) for shape, seed in how.runs}
        try:
            left = set(jobs.values())
            while left:  # in turns, so that an interrupt is heard
                done, left = wait(left, timeout=0.5, return_when=FIRST_COMPLETED)
                for job in done:
                    job.result()
        except BaseException:
            stop.set()
            raise
    return {key: trained for key, job in jobs.items() if (trained := job.result()) is not None}


@contextmanager
def _one_thread(device: str) -> Iterator[None]:
    threads = torch.get_num_threads()
    if device == "cpu":
        torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)
