"""A quarter of CI's random nets; each test file runs one, so that several processes share them."""

from __future__ import annotations

import os

import torch

from .check import ROWS, Result, check
from .grammar.net import random_net

NETS = int(os.environ.get("LAYERCENSUS_FUZZ_NETS", 2_000))
PARTS = 4


def check_part(part: int, *, rows_move: bool) -> list[Result]:
    """The results of those nets of one part that move rows, or do not; fails with each wrong number, and its source."""
    torch.set_num_threads(1)
    seeds = [seed for seed in range(part, NETS, PARTS) if bool(ROWS & set(random_net(seed).operations)) == rows_move]
    results = [check(seed) for seed in seeds]
    wrong = [result for result in results if result.wrong]
    shown = [f"seed {r.seed}: {r.wrong}\n{random_net(r.seed).plain}" for r in wrong[:3]]
    assert not wrong, "\n\n".join([f"{len(wrong)} of {len(results)}: {[r.seed for r in wrong]}", *shown])
    return results
