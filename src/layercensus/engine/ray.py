"""Shards as tasks of Ray's, given to another worker where one dies."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..errors import CensusError, first_line
from ..settings import Settings
from .one_shard import Take, count_shard

ATTEMPTS = 4  # further ones at a shard whose worker dies


def by_tasks(take: Take, parts: Sequence[Settings], gpus: float) -> None:
    """Count every shard in a task; those that are done stay done, whatever becomes of the others.

    Joins the cluster that the environment names (RAY_ADDRESS), else starts one on this machine, for as long as it
    takes.

    Raises:
        CensusError: Ray is not installed; or what a shard raised.
    """
    ray = _ray()
    mine = not ray.is_initialized()
    if mine:
        ray.init(log_to_driver=False, include_dashboard=False, logging_level="error")
    try:
        task = ray.remote(_counted).options(max_retries=ATTEMPTS, num_cpus=1, num_gpus=gpus)
        waiting = [task.remote(take, part) for part in parts]
        while waiting:
            done, waiting = ray.wait(waiting, num_returns=1)
            _result(ray, done[0])
    finally:
        if mine:
            ray.shutdown()


def _counted(take: Take, settings: Settings) -> str:
    """In a worker: count a shard; what must be changed where something must, else ""."""
    try:
        count_shard(take, settings)
    except CensusError as error:  # as text: an error of a user's class may not be there on the driver
        return str(error)
    return ""


def _result(ray: Any, done: Any) -> None:
    try:
        refused = ray.get(done)
    except ray.exceptions.RayError as error:
        raise CensusError(
            f"Each shard must be counted by a worker. Got {first_line(error)}. What is counted is kept: run again with "
            "resume=True."
        ) from error
    if refused:
        raise CensusError(refused)


def _ray() -> Any:
    try:
        import ray
    except ImportError as error:
        raise CensusError("engine='ray' needs the package ray: pip install 'layercensus[ray]'.") from error
    return ray
