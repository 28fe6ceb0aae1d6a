"""Does a digits net that is frozen up to a layer before it is trained keep the accuracy?

    python benchmarks/frozen.py            # 5 runs of each
    python benchmarks/frozen.py --smoke

Three nets are trained and counted as each other's replicas, which says how many directions each layer has learned and
up to which layer the advice is to freeze. Then new nets are trained whose first layers keep the weights that they were
drawn with (batch norm's statistics still follow the data, its weights do not). A row for each number of frozen layers:
what the last of them had learned, parameters that are trained, and held-out accuracy as the mean over runs with the
range, beside nets of the same seeds that were trained whole.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence

import numpy as np
import torch

import layercensus as lc
from layercensus.data.digits import Digits, split
from layercensus.demo import RUNS, train
from layercensus.models.digits import EPOCHS, DigitsNet, Split, _accuracy, _fit, factory
from layercensus.models.model import Model
from layercensus.models.randomness import own_randomness

LAYERS = 6


def learned(epochs: int) -> tuple[list[float], Sequence[str]]:
    """Directions that each nonlinearity learned, and the layers that the advice is to freeze."""
    nets = [Model(train(run, epochs=epochs)[0], "digits", fresh=lambda s: factory(s)) for run in range(RUNS)]
    settings = lc.Settings(progress=False, pictures=0, other_views=False)
    census = lc.take(nets[0], "digits", replicas=nets[1:], settings=settings)
    table = census.layers.set_index("layer")["learned"]
    advice = census.advise(nets[0], "digits", parts=["freeze"])
    print(advice)
    return [float(table[f"act.{n}"]) for n in range(LAYERS)], advice.freeze["layer"].tolist()


def accuracy(seed: int, frozen: int, epochs: int) -> tuple[float, int]:
    """Of a net with so many frozen layers, and how many parameters were trained."""
    digits = Digits()
    data = Split(digits.images, torch.as_tensor(np.asarray(digits.labels)).long(), *split())
    with own_randomness(seed):
        net = DigitsNet()
        for module in (*net.conv[:frozen], *net.norm[:frozen]):
            module.requires_grad_(False)
        _fit(net, data, epochs, None)
        return _accuracy(net.eval(), data), sum(p.numel() for p in net.parameters() if p.requires_grad)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--smoke", action="store_true", help="one short run of each: does it run?")
    asked = parser.parse_args()
    runs, epochs = (1, 2) if asked.smoke else (asked.runs, EPOCHS)
    torch.set_num_threads(1)
    counts, advised = learned(epochs)
    print("| frozen up to | learned there | advised | trained parameters | held-out accuracy | of each run: less |")
    print("|---|---|---|---|---|---|")
    whole: list[float] = []
    for frozen in range(LAYERS + 1):
        found = [accuracy(100 + seed, frozen, epochs) for seed in range(runs)]
        right = [one for one, _ in found]
        whole = whole or right
        less = [100 * (a - b) for a, b in zip(whole, right, strict=True)]
        name, count = (f"act.{frozen - 1}", f"{counts[frozen - 1]:.1f}") if frozen else ("none", "-")
        cells = (
            name, count, "yes" if name in advised else "-", f"{found[0][1]:,}",
            f"{sum(right) / runs:.2%} ({min(right):.2%} to {max(right):.2%})",
            f"{sum(less) / runs:+.2f} points ({min(less):+.2f} to {max(less):+.2f})",
        )  # fmt: skip
        print(f"| {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
