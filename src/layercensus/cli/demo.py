"""layercensus demo: the whole way on data that is already here."""

from __future__ import annotations

from pathlib import Path

from ..settings import check_seed
from .parameters import Device, Long, Out, Quiet, Seed
from .show import show_census

EXAMPLES = """Examples:
  layercensus demo
  layercensus demo --seed 1 --out second"""


def demo(
    *, out: Out = "layercensus-demo", seed: Seed = 0, device: Device = None, long: Long = False, quiet: Quiet = False
) -> None:
    """Train a small net on handwritten digits, count it, write the report."""
    from ..demo import demo as demonstrate

    census = demonstrate(Path(out), seed=check_seed(seed), device=device, progress=not quiet)
    show_census(census, Path(out), quiet=quiet, long=long)
