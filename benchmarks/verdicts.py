"""How often the verdict is right, undecided or wrong on nets whose answer is known.

python benchmarks/verdicts.py --seeds 100       # planted nets whose counts rise, fall, stay or bend over depth
python benchmarks/verdicts.py --untrained 20    # digits nets that were never trained, beside another untrained twin
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from pathlib import Path

import layercensus as lc

sys.path.insert(0, str(Path(__file__).parents[1]))
from layercensus.data.digits import Digits
from layercensus.models.digits import factory
from layercensus.models.twin import calibrate
from layercensus.testing.stacks import RIGHT, TRENDS, stack

DESIGNS = {"equal widths": (32,) * 6, "rising": (12, 16, 24, 32, 48, 64), "falling": (64, 48, 32, 24, 16, 12)}


def planted(seeds: int) -> None:
    settings = lc.Settings(progress=False, batch=128, resamples=60, spots=1, dimension=False)
    print("| planted trend | right answer | right | undecided | wrong |\n|---|---|---|---|---|")
    for course in TRENDS:
        said: Counter[str] = Counter()
        for seed in range(seeds):
            p = stack(course, seed)
            census = lc.take(p.net, p.data, layers="layers.*", twin=False, views=p.views, settings=settings)
            answer = census.verdict.answer
            said["right" if answer == RIGHT[course] else "undecided" if answer == "undecided" else "wrong"] += 1
        print(f"| {course} | {RIGHT[course]} | {said['right']} | {said['undecided']} | {said['wrong']} |", flush=True)


def untrained(seeds: int, twins: int) -> None:
    """Every learned measure of an untrained net must be undecided or even."""
    digits = Digits()
    print("| untrained net | seeds with nothing learned | answers | what the others claim |\n|---|---|---|---|")
    for design, widths in DESIGNS.items():
        clean, answers, claims = 0, Counter[str](), []
        for seed in range(seeds):
            net = factory(seed, widths)
            calibrate(net, digits.inputs[:256].split(32))
            model = lc.Model(net, "untrained", fresh=lambda s, w=widths: factory(s, w))
            settings = lc.Settings(progress=False, twins=twins, dimension=False)
            census = lc.take(model, digits.inputs, labels=digits.labels, seed=seed, settings=settings)
            table = census.verdict.table
            learned = table[table["correction"].str.contains("minus twin")]
            wrong = learned[~learned["says"].isin(["even", "undecided"])]
            clean += not len(wrong)
            answers[census.verdict.answer] += 1
            claims += [f"{seed}: {row.measure} {row.correction} {row['shape']}" for _, row in wrong.iterrows()]
        counted = ", ".join(f"{n} {answer}" for answer, n in answers.items())
        print(f"| {design} | {clean} of {seeds} | {counted} | {'; '.join(claims) or 'none'} |", flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=100)
    parser.add_argument("--untrained", type=int, metavar="SEEDS")
    parser.add_argument("--twins", type=int, default=5, help="1: without the spread of untrained nets")
    arguments = parser.parse_args()
    if arguments.untrained:
        untrained(arguments.untrained, arguments.twins)
    else:
        planted(arguments.seeds)
