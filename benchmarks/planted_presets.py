"""How like the planted pattern every preset's image of a unit is: highest absolute correlation over shifts.

    python benchmarks/planted_presets.py        # the table of docs/seeing.md

The net is the one of tests/visualise/patterns.py: one convolution whose kernels were written down. "response" is the
activation as a multiple of the highest on the data, mean over the six units.
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

import numpy as np

from layercensus.data.open import open_data
from layercensus.visualise import PRESETS, train_prior
from tests.visualise.patterns import PATTERNS, Planted, colourful, see, similarity


def main() -> None:
    images = colourful(200, 40)
    prior = train_prior(open_data(images), steps=400, progress=False)
    print("| preset | " + " | ".join(PATTERNS) + " | response |")
    print("|---|" + "---|" * (len(PATTERNS) + 1))
    for name in PRESETS:
        result = see(Planted(), "act:all", images, preset=name, prior=prior, top=0)
        like = [similarity(p, q) for p, q in zip(result.images, PATTERNS.values(), strict=True)]
        ratio = float(np.mean(result.scores["ratio"].astype(float)))
        print(f"| {name} | " + " | ".join(f"{value:.2f}" for value in like) + f" | {ratio:.1f} |", flush=True)


if __name__ == "__main__":
    main()
