"""How often the verdict is right, undecided or wrong on nets whose answer is known.

    python benchmarks/verdicts.py --seeds 100 --processes 2  # planted nets whose counts rise, fall, stay or bend
    python benchmarks/verdicts.py --untrained 20             # digits nets that were never trained
    python benchmarks/verdicts.py --seeds 1 --untrained 1    # does it run?

What is planted is units, without replicas; an untrained net is counted beside other untrained ones.
"""

from __future__ import annotations

import argparse
from collections import Counter
from functools import partial

from workers import Rows, options, rows_of

import layercensus as lc
from layercensus.data.digits import Digits
from layercensus.models.digits import factory
from layercensus.models.twin import calibrate
from layercensus.testing.stacks import RIGHT, TRENDS, stack

DESIGNS = {"equal widths": (32,) * 6, "rising": (12, 16, 24, 32, 48, 64), "falling": (64, 48, 32, 24, 16, 12)}
PLANTED, UNTRAINED = "planted", "untrained"


def counted(job: tuple[str, str, int, int]) -> Rows:
    """A row of what is said of a net. job: planted or untrained, trend or design, seed, twins."""
    kind, name, seed, twins = job
    said = planted(name, seed) if kind == PLANTED else untrained(name, seed, twins)
    return [{"kind": kind, "name": name, "seed": seed} | said]


def planted(trend: str, seed: int) -> dict[str, str]:
    made = stack(trend, seed)
    settings = lc.Settings(progress=False, batch=128, resamples=60, spots=1, dimension=False)
    census = lc.take(made.net, made.data, layers="layers.*", twin=False, views=made.views, settings=settings)
    return {"answer": census.verdict.answer}


def untrained(design: str, seed: int, twins: int) -> dict[str, object]:
    """Every learned measure of an untrained net must be undecided or even."""
    digits, widths = Digits(), DESIGNS[design]
    net = factory(seed, widths)
    calibrate(net, digits.inputs[:256].split(32))
    model = lc.Model(net, "untrained", fresh=partial(_fresh, widths))
    settings = lc.Settings(progress=False, twins=twins, dimension=False)
    census = lc.take(model, digits.inputs, labels=digits.labels, seed=seed, settings=settings)
    table = census.verdict.table
    learned = table[table["correction"].str.contains("minus twin")]
    wrong = learned[~learned["says"].isin(["even", "undecided"])]
    claims = [f"{seed}: {row.measure} {row.correction} {row['shape']}" for _, row in wrong.iterrows()]
    return {"answer": census.verdict.answer, "claims": claims}


def _fresh(widths: tuple[int, ...], seed: int) -> object:
    return factory(seed, widths)


def table_of_planted(rows: Rows) -> None:
    print("| planted trend | right answer | seeds | right | undecided | wrong |\n|---|---|---|---|---|---|")
    for trend in dict.fromkeys(row["name"] for row in rows):
        said = Counter(row["answer"] for row in rows if row["name"] == trend)
        right, undecided, seeds = said[RIGHT[trend]], said["undecided"], said.total()
        print(f"| {trend} | {RIGHT[trend]} | {seeds} | {right} | {undecided} | {seeds - right - undecided} |")


def table_of_untrained(rows: Rows) -> None:
    print("| untrained net | seeds with nothing learned | answers | what the others claim |\n|---|---|---|---|")
    for design in dict.fromkeys(row["name"] for row in rows):
        some = [row for row in rows if row["name"] == design]
        answers = ", ".join(f"{n} {answer}" for answer, n in Counter(row["answer"] for row in some).items())
        claims = "; ".join(claim for row in some for claim in row["claims"]) or "none"
        print(f"| {design} | {sum(not row['claims'] for row in some)} of {len(some)} | {answers} | {claims} |")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, help="of planted nets; 100 where no untrained ones are asked")
    parser.add_argument("--untrained", type=int, default=0, metavar="SEEDS")
    parser.add_argument("--twins", type=int, default=5, help="1: without the spread of untrained nets")
    options(parser)
    asked = parser.parse_args()
    seeds = (0 if asked.untrained else 100) if asked.seeds is None else asked.seeds
    jobs = [(UNTRAINED, name, seed, asked.twins) for seed in range(asked.untrained) for name in DESIGNS]
    jobs += [(PLANTED, name, seed, asked.twins) for seed in range(seeds) for name in TRENDS]
    rows = rows_of(asked, counted, jobs)
    for kind, table in ((PLANTED, table_of_planted), (UNTRAINED, table_of_untrained)):
        some = [row for row in rows if row["kind"] == kind]
        if some:
            table(some)


if __name__ == "__main__":
    main()
