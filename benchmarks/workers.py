"""Jobs of a benchmark on several processes, for so many minutes; the rows of finished jobs are kept in a file.

A job is anything whose repr says what is asked, such as a tuple or a frozen dataclass; the work makes rows of it. Rows
that the file holds already are not made again, so that a run that was stopped goes on where it was.
"""

from __future__ import annotations

import argparse
import json
import math
import multiprocessing
import os
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from pathlib import Path
from typing import Any

import torch

Rows = list[dict[str, Any]]
Work = Callable[[Any], Rows]


def options(parser: argparse.ArgumentParser) -> None:
    """What every benchmark that works through jobs can be asked for."""
    parser.add_argument("--processes", type=int, default=1, help="jobs at a time, each on one thread")
    parser.add_argument("--minutes", type=float, default=math.inf, help="after which no further job is begun")
    parser.add_argument("--out", type=Path, help="a JSON file for the rows; what it holds already is not done again")
    parser.add_argument("--read", type=Path, nargs="+", help="JSON files of earlier runs: nothing is run")


def rows_of(asked: argparse.Namespace, work: Work, jobs: Sequence[Any]) -> Rows:
    """The rows of all jobs, in the order of the jobs; of --read where that is given.

    work: a function of a module, made to rows that JSON can hold; each row gets its job, and the job's CPU seconds.
    """
    if asked.read:
        return [row for file in asked.read for row in json.loads(file.read_text())]
    known: Rows = json.loads(asked.out.read_text()) if asked.out and asked.out.exists() else []
    done = {row["job"] for row in known}
    names = [repr(job) for job in jobs]
    left = [job for job, name in zip(jobs, names, strict=True) if name not in done]
    begun, finished = time.time(), 0
    for found in _finished(left, work, asked.processes, begun + 60 * asked.minutes):
        known, finished = known + found, finished + 1
        if asked.out:
            _write(asked.out, known)
    place = {name: at for at, name in enumerate(names)}
    mine = sorted((row for row in known if row["job"] in place), key=lambda row: place[row["job"]])
    print(f"{len(done & set(names)) + finished} of {len(jobs)} jobs: {time.time() - begun:.0f} s, of a processor "
          f"{cpu(mine):.0f} s\n", flush=True)  # fmt: skip
    return mine


def cpu(some: Rows) -> float:
    """Seconds of a processor that these rows took."""
    return sum({row["job"]: row["cpu"] for row in some}.values())


def _finished(jobs: Iterable[Any], work: Work, processes: int, until: float) -> Iterator[Rows]:
    """The rows of each job as it ends; a job that fails is named and passed over."""
    os.environ["OMP_NUM_THREADS"] = "1"  # read by what a worker imports
    waiting = iter(jobs)
    with ProcessPoolExecutor(processes, mp_context=multiprocessing.get_context("spawn")) as pool:
        running: dict[Future[Rows], Any] = {}
        while True:
            while len(running) < processes and time.time() < until and (job := next(waiting, None)) is not None:
                running[pool.submit(_one, work, job)] = job
            if not running:
                return
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                job, error = running.pop(future), future.exception()
                if error is None:
                    yield future.result()
                else:
                    print(f"not counted: {job}: {error!r}", flush=True)


def _one(work: Work, job: Any) -> Rows:
    torch.set_num_threads(1)
    start = time.process_time()
    found = work(job)
    seconds = round(time.process_time() - start, 2)
    return [row | {"job": repr(job), "cpu": seconds} for row in found]


def _write(file: Path, known: Rows) -> None:
    """Whole or not at all, whenever the run is ended."""
    half = file.with_suffix(".half")
    half.write_text(json.dumps(known))
    half.replace(file)
