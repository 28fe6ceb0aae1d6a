"""What the tests of shards count: a small net, and the same whose worker or driver dies on the way."""

from __future__ import annotations

import os
import signal
import sys
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

import layercensus as lc
from layercensus.engine import in_shards

from ..user_models import Small

FATE = {"passes": 10**9, "process": 0}  # how many passes there are until a process is killed


class Mortal(Small):
    def forward(self, x: Tensor) -> Tensor:
        FATE["passes"] -= 1
        if FATE["passes"] < 0:
            os.kill(FATE["process"], signal.SIGKILL)
        return super().forward(x)


def make() -> Mortal:
    torch.manual_seed(0)
    return Mortal()


def data() -> Tensor:
    return torch.randn(90, 1, 8, 8, generator=torch.Generator().manual_seed(3))


def settings(out: Path | None = None, **more: Any) -> lc.Settings:
    return lc.Settings(
        progress=False, needed=False, panel=40, twins=1, batch=4, pictures=0, checkpoint=0, out=out, **more
    )


take = partial(lc.take, make(), data(), twin=False)


def dying(marks: Path, process: int, settings: lc.Settings) -> Any:
    """Counts; the second shard's first attempt kills a process, its own where that is 0, after some checkpoints."""
    number = settings.shard[0] if settings.shard else 0
    mark = marks / f"{number}-{len(list(marks.glob(f'{number}-*')))}"
    mark.write_text(str(settings.resume))
    dies = mark.name == "2-0"
    FATE.update(passes=30 if dies else 10**9, process=process or os.getpid())
    return take(settings=settings)


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    in_shards(partial(dying, folder / "marks", os.getpid()), settings(folder / "out"), shards=2)
