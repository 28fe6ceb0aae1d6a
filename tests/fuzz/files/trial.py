"""One damaged input after another, in processes whose memory and time are limited; what came of each."""

from __future__ import annotations

import faulthandler
import multiprocessing
import resource
import shutil
import signal
import tempfile
import traceback
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from layercensus import CensusError

from .damage import damage
from .samples import KINDS, Kind

MEMORY = 2 * 2**30  # beyond what the process has at its start
SECONDS = 20  # a hang; most inputs take milliseconds


@dataclass(frozen=True)
class Outcome:
    seed: int
    kind: str
    how: str
    end: str  # "fine", "refused", or what went wrong
    line: str = ""


def run(seeds: Sequence[int], originals: Path, kind: str | None = None) -> list[Outcome]:
    """The outcome of every seed; a process that dies costs the seed on which it died.

    Where a command draws, its process is a fresh one: the chart engine hangs in the copy of a process that has used it.
    """
    draws = any(KINDS[kind_of(seed, kind)].draws for seed in seeds)
    context = multiprocessing.get_context("spawn" if draws else "fork")
    outcomes, waiting = list[Outcome](), list(seeds)
    while waiting:
        ours, theirs = context.Pipe(duplex=False)
        process = context.Process(target=_work, args=(waiting, originals, kind, theirs))
        process.start()
        theirs.close()
        done = _gathered(ours, outcomes)
        process.join(5)
        if process.is_alive():
            process.kill()
            process.join()
        if done < len(waiting):
            end = f"the process died ({process.exitcode})"
            outcomes.append(Outcome(waiting[done], kind_of(waiting[done], kind), "", end))
        waiting = waiting[done + 1 :]
    return outcomes


def _gathered(ours: Any, outcomes: list[Outcome]) -> int:
    done = 0
    while True:
        try:
            if not ours.poll(2 * SECONDS):
                return done
            outcomes.append(ours.recv())
        except EOFError:
            return done
        done += 1


def kind_of(seed: int, kind: str | None = None) -> str:
    """Which kind of file a seed damages."""
    names = [name for name, each in KINDS.items() for _ in range(each.weight)]
    return kind or names[int(np.random.default_rng([seed, 1]).integers(len(names)))]


def _work(seeds: Sequence[int], originals: Path, kind: str | None, theirs: Any) -> None:
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    limited = not any(KINDS[kind_of(seed, kind)].draws for seed in seeds)
    resource.setrlimit(resource.RLIMIT_AS, (used + MEMORY, used + MEMORY) if limited else (-1, -1))
    faulthandler.disable()
    signal.signal(signal.SIGALRM, _too_long)
    with tempfile.TemporaryDirectory() as folder:
        if not limited:  # a fresh process: its imports are no part of the first input's time
            _warmed(KINDS[kind_of(seeds[0], kind)], originals, Path(folder) / "whole")
        for seed in seeds:
            theirs.send(trial(seed, originals, Path(folder), kind))


def _warmed(kind: Kind, originals: Path, folder: Path) -> None:
    torch.set_num_threads(1)  # small work on a busy machine waits for its own threads
    shutil.copytree(originals / kind.folder, folder)
    kind.read(folder)


class Hang(BaseException):
    """An input took too long."""


def _too_long(*_: object) -> None:
    raise Hang


def trial(seed: int, originals: Path, scratch: Path, only: str | None = None) -> Outcome:
    """Damage one file of one kind and read them all."""
    rng, kind = np.random.default_rng([seed, 2]), KINDS[kind_of(seed, only)]
    folder = scratch / kind.folder
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(originals / kind.folder, folder)
    files = sorted(file for file in folder.rglob("*") if file.is_file())
    if kind.name in ("arrays", "pictures"):  # one of them alone: the first damaged one would end the reading
        files = [files[int(rng.integers(len(files)))]]
        for file in folder.iterdir():
            file.unlink() if file != files[0] else None
    how = damage(files[int(rng.integers(len(files)))], rng)
    end, line = _read(kind.read, folder)
    return Outcome(seed, kind.name, how, end, line)


def _read(read: Any, folder: Path) -> tuple[str, str]:
    signal.alarm(SECONDS)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # a warning is a second line
            warnings.simplefilter("ignore", DeprecationWarning)  # but for those that Python shows to no user
            read(folder)
        return "fine", ""
    except CensusError as error:
        line = str(error)
        return ("refused" if "\n" not in line and len(line) < 1500 else "more than one line", line)
    except BaseException as error:
        where = [f for f in traceback.extract_tb(error.__traceback__) if "layercensus" in f.filename]
        at = f"{Path(where[-1].filename).name}:{where[-1].lineno}" if where else "?"
        return f"{type(error).__name__} at {at}", str(error)[:300]
    finally:
        signal.alarm(0)
