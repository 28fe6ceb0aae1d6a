"""Several training runs of the digits net side by side, each on one thread, with the weights of runs one by one."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import torch
from torch import nn

from .digits import EPOCHS, Split, factory, fit

Process = subprocess.Popen[bytes]
Trained = tuple[nn.Module, float]  # and the accuracy on the held-out digits, 0..1


def fit_runs(seeds: Sequence[int], data: Split, *, epochs: int = EPOCHS, progress: bool = False) -> list[Trained]:
    """A trained net for each seed, as `fit` gives it; other processes take their share where there are processors.

    A run whose process fails is trained here.
    """
    away = set(seeds[1::2] if processors() == 2 else seeds[1:] if processors() > 2 else ())
    found: dict[int, Trained | None] = {}
    with _started(sorted(away), data, epochs) as others:
        for seed in seeds:
            if seed not in away:
                found[seed] = fit(seed, data, epochs=epochs, progress=progress)
        found |= {seed: _read(process, file) for seed, (process, file) in others.items()}
    return [found[seed] or fit(seed, data, epochs=epochs, progress=progress) for seed in seeds]


def processors() -> int:
    """How many this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


@contextmanager
def _started(seeds: Sequence[int], data: Split, epochs: int) -> Iterator[dict[int, tuple[Process | None, Path]]]:
    """By seed a process that trains the run, and the file in which it puts it; none outlives this."""
    found: dict[int, tuple[Process | None, Path]] = {}
    with tempfile.TemporaryDirectory(prefix="layercensus-") as name:
        folder = Path(name)
        torch.save(vars(data) | {"epochs": epochs, "mkldnn": torch.backends.mkldnn.enabled}, folder / "asked")
        try:
            for seed in seeds:
                found[seed] = _process(seed, folder), folder / str(seed)
            yield found
        finally:
            for process, _ in found.values():
                if process is not None:
                    process.kill()
                    process.wait()


def _process(seed: int, folder: Path) -> Process | None:
    """None where the system starts none."""
    package = str(Path(__file__).parents[2])
    path = os.pathsep.join([package, *filter(None, [os.environ.get("PYTHONPATH")])])
    try:
        return subprocess.Popen(
            [sys.executable, "-P", "-m", "layercensus.models.digits_runs", str(seed), str(folder)],
            env=os.environ | {"PYTHONPATH": path},
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
    except OSError:
        return None


def _read(process: Process | None, file: Path) -> Trained | None:
    """What a process trained; None where it failed."""
    if process is None or process.wait() != 0:
        return None
    saved = torch.load(file, weights_only=True)
    net = factory()
    net.load_state_dict(saved["weights"])
    return net.eval(), float(saved["accuracy"])


def _train(seed: int, folder: Path) -> None:
    """What the other process does."""
    asked = torch.load(folder / "asked", weights_only=True)
    torch.backends.mkldnn.enabled, epochs = asked.pop("mkldnn"), asked.pop("epochs")
    net, accuracy = fit(seed, Split(**asked), epochs=epochs)
    torch.save({"weights": net.state_dict(), "accuracy": accuracy}, folder / str(seed))


if __name__ == "__main__":
    _train(int(sys.argv[1]), Path(sys.argv[2]))
