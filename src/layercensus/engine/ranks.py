"""The processes of `torchrun`, each of which counts one shard."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import timedelta

import torch.distributed as distributed

from ..errors import CensusError

LONGEST = timedelta(days=30)  # that the first process waits for the last


def under_torchrun() -> bool:
    """Whether this process is one of several that torchrun has started."""
    return "TORCHELASTIC_RUN_ID" in os.environ and int(os.environ.get("WORLD_SIZE", "1")) > 1


def ranks() -> tuple[int, int]:
    """The number of this process, from 0, and how many there are.

    Raises:
        CensusError: torchrun has not started it.
    """
    try:
        return int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"])
    except (KeyError, ValueError):
        raise CensusError(
            "engine must be 'torchrun' only in processes that torchrun has started. Got none of its variables. "
            "Start the command with torchrun, as docs/scale.md shows."
        ) from None


def own_device(device: str | None) -> str | None:
    """The GPU of this process among those of its machine, where one was asked for; else what was asked for."""
    if device not in ("auto", "cuda"):
        return device
    import torch

    if not torch.cuda.is_available():
        return device
    return f"cuda:{int(os.environ.get('LOCAL_RANK', '0')) % torch.cuda.device_count()}"


def started_again() -> bool:
    """Whether torchrun has restarted its processes, because one of them had died."""
    return int(os.environ.get("TORCHELASTIC_RESTART_COUNT", "0")) > 0


def by_ranks(before: Callable[[], None], count: Callable[[], None], after: Callable[[], None]) -> None:
    """Count this process's shard. The first process does what comes before and after, while the others wait."""
    distributed.init_process_group("gloo", timeout=LONGEST)
    first = distributed.get_rank() == 0
    try:
        if first:
            before()
        distributed.barrier()
        count()
        distributed.barrier()
        if first:
            after()
        distributed.barrier()
    finally:
        distributed.destroy_process_group()
