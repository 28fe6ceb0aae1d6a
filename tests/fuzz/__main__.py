"""Other nets than those of CI: `python -m tests.fuzz --from 2000 --count 500`; one of them: `--from 7 --show`."""

from __future__ import annotations

import argparse
import time
from collections import Counter

import torch

from .check import Result, check
from .grammar.net import random_net


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--from", dest="first", type=int, default=0, help="the first seed")
    parser.add_argument("--count", type=int, default=1, help="how many nets")
    parser.add_argument("--show", action="store_true", help="print each failing net's source")
    parser.add_argument("--whole", action="store_true", help="count each by lc.take")
    asked = parser.parse_args()
    torch.set_num_threads(1)
    start, refusals, kinds = time.perf_counter(), Counter[str](), Counter[str]()
    results: list[Result] = []
    for seed in range(asked.first, asked.first + asked.count):
        result = check(seed, True if asked.whole else None)
        results.append(result)
        refusals[result.refused[:70]] += bool(result.refused)
        if result.wrong:
            print(f"seed {seed}: " + "\n    ".join(result.wrong[:3]), flush=True)
            kinds.update(set(random_net(seed).operations))
        if asked.show and (result.wrong or asked.count == 1):
            net = random_net(seed)
            print(net.plain, f"\n{net}\n{result}".replace(net.plain, "").replace(net.taped, "")[-3000:])
    wrong = sum(bool(result.wrong) for result in results)
    print(
        f"{len(results)} nets in {time.perf_counter() - start:.0f} s: {wrong} wrong, "
        f"{sum(bool(r.refused) for r in results)} refused, {sum(r.compared for r in results)} layers compared, "
        f"{sum(r.declared for r in results)} of them read otherwise and said so, "
        f"{sum(r.skipped for r in results)} of chance"
    )
    for line, times in refusals.most_common(8):
        print(f"  {times} x {line}") if line else None
    return min(1, wrong)


if __name__ == "__main__":
    raise SystemExit(main())
