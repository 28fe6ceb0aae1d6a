"""A third of the zoo's families that this environment has, chosen by the commit's hash, within a limit of time."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from zlib import crc32

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))
import zoo
from zoo_nets import PAIRS, PICTURES, SOUNDS, TEXT, Family, families

ROOT = Path(__file__).parents[2]
TEXTS, OTHERS = TEXT, f"{PICTURES} {SOUNDS} {PAIRS}"
SECONDS, EACH = 40.0, 20  # of the processor's time: of a test file, and at most of one family


def commit() -> str:
    """The hash of the commit that is tested: the variable LAYERCENSUS_COMMIT, or git's word."""
    named = os.environ.get("LAYERCENSUS_COMMIT")
    if named:
        return named
    asked = subprocess.run(["git", "rev-parse", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=False)
    return asked.stdout.strip()


def shuffled(names: str, hash: str) -> list[Family]:
    """The families of transformers with these names, in an order that the commit's hash draws."""
    own = [f for f in families() if f.library == "transformers" and f.name in names.split()]
    return sorted(own, key=lambda family: (crc32(f"{hash}{family.name}".encode()), family.name))


def cases(names: str) -> list[object]:
    """All these families as parameters of a test; those that are not of the third are skipped with the reason."""
    hash = commit()
    every = shuffled(names, hash)
    why = pytest.mark.skip(reason=f"not in the third of the zoo that the commit {hash[:8]} draws")
    third = -(-len(every) // 3)
    return [pytest.param(f, id=f.name, marks=() if n < third else why) for n, f in enumerate(every)]


@dataclass
class Clock:
    """The processor's time that the families of one file have taken."""

    spent: float = 0.0

    def count(self, family: Family) -> None:
        """Count a family and check its numbers against single examples, unless the time is spent."""
        if self.spent > SECONDS:
            pytest.skip(f"the {SECONDS:.0f} s of the zoo are spent")
        start = time.process_time()
        zoo.SECONDS = EACH
        result = zoo.run(family, False)
        self.spent += time.process_time() - start
        if result.state in ("not built", "too slow"):
            pytest.skip(f"{result.state}: {result.line}")
        assert (result.state, result.line) == ("counted", "")
        assert result.counted >= 3
        assert result.twin == "yes"
