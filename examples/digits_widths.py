"""Does the answer follow from training or from the widths a designer chose? Nine nets on the digits of scikit-learn.

python digits_widths.py FOLDER

Three designs of six convolutions (equal, rising, falling widths), three training runs each; every run is counted beside
its untrained twin, with the other two as replicas. FOLDER holds a census and a report for each.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import layercensus as lc
from layercensus.demo import train
from layercensus.models.digits import factory

DESIGNS = {
    "equal": (32, 32, 32, 32, 32, 32),
    "rising": (12, 16, 24, 32, 48, 64),
    "falling": (64, 48, 32, 24, 16, 12),
}
SEEDS = range(3)


def count(design: str, folder: Path) -> None:
    """Train the three runs of a design, count each, and print a row for each."""
    widths = DESIGNS[design]
    trained = [train(seed, widths=widths) for seed in SEEDS]
    runs = [lc.Model(net, f"digits {design}", fresh=lambda s: factory(s, widths)) for net, _ in trained]
    for seed in SEEDS:
        out = folder / f"{design}-{seed}"
        others = [run for other, run in enumerate(runs) if other != seed]
        census = lc.take(
            runs[seed], "digits", replicas=others, seed=seed, settings=lc.Settings(progress=False, out=out)
        )
        census.report(out / "report")
        hidden = census.layers[census.layers["role"] == "neurons"]
        distinct, twin, shared = (" ".join(map(str, hidden[c])) for c in ("distinct", "twin_distinct", "replicated"))
        said = {c: census.verdict.shape("distinct", c) for c in ("raw", "rarefied", "rarefied, minus twin")}
        cells = (design, seed, f"{trained[seed][1]:.1%}", distinct, twin, shared, *said.values(), census.verdict.answer)
        print("| " + " | ".join(map(str, cells)) + " |", flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    arguments = parser.parse_args()
    head = ("widths", "seed", "held out", "distinct", "twin", "replicated", "raw", "rarefied", "excess", "answer")
    print("| " + " | ".join(head) + " |\n" + "|---" * len(head) + "|")
    for design in DESIGNS:
        count(design, arguments.folder)
