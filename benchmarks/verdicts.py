"""How often the verdict is right, undecided or wrong on planted nets whose counts rise, fall, stay or bend over depth.

python benchmarks/verdicts.py --seeds 100
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from pathlib import Path

import layercensus as lc

sys.path.insert(0, str(Path(__file__).parents[1]))
from tests.stacks import COURSES, RIGHT, stack

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=100)
    arguments = parser.parse_args()
    settings = lc.Settings(progress=False, batch=128, resamples=60, spots=1)
    print("| planted course | right answer | right | undecided | wrong |\n|---|---|---|---|---|")
    for course in COURSES:
        said: Counter[str] = Counter()
        for seed in range(arguments.seeds):
            p = stack(course, seed)
            census = lc.take(p.net, p.data, layers="layers.*", twin=False, views=p.views, settings=settings)
            answer = census.verdict.answer
            said["right" if answer == RIGHT[course] else "undecided" if answer == "undecided" else "wrong"] += 1
        print(f"| {course} | {RIGHT[course]} | {said['right']} | {said['undecided']} | {said['wrong']} |", flush=True)
