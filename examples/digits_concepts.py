"""Does the number of named concepts follow the width of a net? Digits nets on classes and plain concepts.

python digits_concepts.py --widths 16 64 256
"""

from __future__ import annotations

import argparse

import layercensus as lc
from layercensus.demo import train
from layercensus.models.digits import factory

LAYERS = 6
COLUMNS = ("named", "twin_named", "input_named", "named_gained", "named_units", "named_units_rarefied")


def count(width: int) -> None:
    """Train a net of this width, and print a row for each of its layers."""
    widths = (width,) * LAYERS
    net, accuracy = train(0, widths=widths)
    model = lc.Model(net, f"digits {width}", fresh=lambda seed: factory(seed, widths))
    settings = lc.Settings(progress=False, needed=False, twins=1, pictures=0, resamples=20)
    census = lc.take(model, "digits", concepts=["labels", "plain"], settings=settings)
    for _, row in census.layers.iterrows():
        cells = (width, f"{accuracy:.1%}", row["layer"], *(f"{row[name]:g}" for name in COLUMNS))
        print("| " + " | ".join(map(str, cells)) + " |", flush=True)
    for name, own in census.concepts.groupby("concept", sort=False):
        aucs = " ".join(f"{auc:.2f}" for auc in own["auc"])
        print(f"    {width} {name}: input {own['input_auc'].iloc[0]:.2f}, layers {aucs}", flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--widths", type=int, nargs="+", default=[16, 64, 256])
    given = parser.parse_args()
    print("| width | held out | layer | " + " | ".join(COLUMNS) + " |\n" + "|---" * (3 + len(COLUMNS)) + "|")
    for width in given.widths:
        count(width)
