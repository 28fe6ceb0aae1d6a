"""Other damaged files than those of CI: `python -m tests.fuzz.files --from 10000 --count 500 [--kind census]`."""

from __future__ import annotations

import argparse
import tempfile
import time
from collections import Counter
from pathlib import Path

from .samples import KINDS, make
from .trial import run


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--from", dest="first", type=int, default=0, help="the first seed")
    parser.add_argument("--count", type=int, default=100, help="how many inputs")
    parser.add_argument("--kind", choices=list(KINDS), help="files of this kind alone")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        make(Path(folder))
        start = time.perf_counter()
        outcomes = run(range(asked.first, asked.first + asked.count), Path(folder), asked.kind)
    print(f"{len(outcomes)} inputs in {time.perf_counter() - start:.0f} s", Counter((o.kind, o.end) for o in outcomes))
    wrong = [o for o in outcomes if o.end not in ("fine", "refused")]
    for end, times in Counter((o.kind, o.end) for o in wrong).most_common():
        print(times, next(o for o in wrong if (o.kind, o.end) == end))
    return min(1, len(wrong))


if __name__ == "__main__":
    raise SystemExit(main())
