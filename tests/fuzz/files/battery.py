"""A quarter of CI's damaged files; each test file runs one, so that several processes share them."""

from __future__ import annotations

import os
from pathlib import Path

from .samples import make
from .trial import Outcome, run

INPUTS = int(os.environ.get("LAYERCENSUS_FUZZ_FILES", 10_000))
PARTS = 4


def check_part(part: int, folder: Path) -> list[Outcome]:
    """The outcomes of one part; fails with each input that is neither read nor refused in one line."""
    make(folder)
    outcomes = run(range(part, INPUTS, PARTS), folder)
    wrong = [outcome for outcome in outcomes if outcome.end not in ("fine", "refused")]
    assert not wrong, "\n".join(map(str, wrong[:20]))
    return outcomes
