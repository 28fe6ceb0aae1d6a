"""Whether the demonstration's answer is the same for other training seeds, views, panels and untrained nets.

python benchmarks/demonstration.py --seeds 10          # three runs each
python benchmarks/demonstration.py --seeds 1 --vary    # of one of them: strengths, panels, twins, layers
"""

from __future__ import annotations

import argparse
from typing import Any

import layercensus as lc
from layercensus.data.digits import Digits
from layercensus.demo import RUNS, train
from layercensus.models.digits import factory

VARIED: dict[str, dict[str, Any]] = {
    "as it is": {},
    "strength .25": {"views": 0.25},
    "strength 4": {"views": 4.0},
    "panel of 300": {"panel": 300},
    "4 untrained nets": {"twins": 4},
    "8 untrained nets": {"twins": 8},
}


def main(seeds: int, vary: bool) -> None:
    print("| training seeds | varied | answer | needed | learned |\n|---|---|---|---|---|")
    for seed in range(0, RUNS * seeds, RUNS):
        runs = [lc.Model(train(seed + run)[0], "digits", fresh=factory) for run in range(RUNS)]
        for name, changed in VARIED.items() if vary else [("as it is", VARIED["as it is"])]:
            panel, twins = changed.get("panel", 2048), changed.get("twins", 5)
            settings = lc.Settings(progress=False, pictures=0, other_views=False, panel=panel, twins=twins)
            census = lc.take(
                runs[0], Digits(), replicas=runs[1:], seed=seed, views=changed.get("views"), settings=settings
            )  # fmt: skip
            hidden = census.layers[census.layers["role"] != "output"]
            needed = " ".join(str(n) for n in hidden["needed"])
            learned = " ".join(f"{n:.1f}" for n in hidden["learned"].astype(float))
            print(f"| {seed}-{seed + RUNS - 1} | {name} | {census.verdict.answer} | {needed} | {learned} |", flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--vary", action="store_true")
    arguments = parser.parse_args()
    main(arguments.seeds, arguments.vary)
