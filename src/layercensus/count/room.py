"""Whether a panel fits on the disk and in the machine's memory, asked before the first example is read."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..errors import CensusError
from ..measures.measure import Measure
from ..settings import Settings
from .forecast import Forecast, forecast, in_bytes
from .nets import Nets

CGROUP = Path("/sys/fs/cgroup/memory.max")  # what a container may take


def foresee(
    nets: Nets, examples: int | None, measures: Sequence[Measure], settings: Settings, folder: Path
) -> dict[str, Any]:  # fmt: skip
    """The forecast as provenance, and on standard error where it is worth saying; {} where it is not.

    Raises:
        CensusError: as for `check_room`.
    """
    needed = forecast(nets, examples, measures, settings)
    check_room(needed, folder, settings.panel)
    if needed.worth_saying and settings.progress:
        print(f"forecast: {needed}", file=sys.stderr)
    return needed.as_json()


def check_room(needed: Forecast, folder: Path, panel: int) -> None:
    """Refuse a panel that cannot fit. folder: of the checkpoints. panel: examples asked for.

    Raises:
        CensusError: the panel of all layers is larger than the free disk, or one layer's larger than the memory.
    """
    free, memory = _free(folder), memory_of_machine()
    if needed.disk > free:
        raise CensusError(
            f"The panel must fit on the disk of {folder}. Got {in_bytes(needed.disk)} to write and {in_bytes(free)} "
            f"free. {_instead(panel, free / needed.disk)}."
        )
    if memory is not None and needed.panel > memory:
        raise CensusError(
            f"The panel of layer {needed.layer!r} ({needed.width:,} units) must fit in memory. Got "
            f"{in_bytes(needed.panel)} to hold and {in_bytes(memory)} in this machine. "
            f"{_instead(panel, memory / needed.panel)}."
        )


def memory_of_machine() -> int | None:
    """Bytes of memory that the machine, or the container, has; None where the system does not say."""
    try:
        whole = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):
        return None
    try:
        return min(whole, int(CGROUP.read_text()))
    except (OSError, ValueError):
        return whole


def _free(folder: Path) -> int:
    """Bytes for checkpoints in a folder: what is free, and what an unfinished count has written there already."""
    there = next(part for part in (folder, *folder.absolute().parents) if part.exists())
    return shutil.disk_usage(there).free + sum(file.stat().st_size for file in folder.glob("panel-*"))


def _instead(panel: int, fits: float) -> str:
    """A panel that fits with a tenth to spare, in two digits."""
    most = int(0.9 * panel * fits)
    most -= most % 10 ** max(0, len(str(most)) - 2)
    return f"Pass a smaller panel, as in Settings(panel={most}), or fewer layers" if most >= 4 else "Pass fewer layers"
