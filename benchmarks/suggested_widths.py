"""Do nets of suggested widths keep the accuracy? Six convolutions on the digits of scikit-learn, trained again.

    python benchmarks/suggested_widths.py            # 5 runs of each design
    python benchmarks/suggested_widths.py --smoke

A net of equal widths is trained and counted; others are trained with the widths that its census suggests, with the
least that it names, and, as a control, with one width for all layers that gives as many parameters. A row a design:
parameters, and held-out accuracy as the mean over runs with the range.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence

import layercensus as lc
from layercensus.demo import train
from layercensus.models.digits import DigitsNet

START = 64


def parameters(widths: Sequence[int]) -> int:
    return sum(p.numel() for p in DigitsNet(widths).parameters())


def even(count: int, layers: int) -> tuple[int, ...]:
    """One width for all layers with as many parameters as `count`, or the next fewer."""
    width = 1
    while parameters((width + 1,) * layers) <= count:
        width += 1
    return (width,) * layers


def accuracies(widths: Sequence[int], runs: int, epochs: int) -> list[float]:
    return [train(seed, widths=widths, epochs=epochs)[1] for seed in range(runs)]


def row(name: str, widths: Sequence[int], found: Sequence[float]) -> str:
    mean, low, high = sum(found) / len(found), min(found), max(found)
    said = " ".join(map(str, widths))
    return f"| {name} | {said} | {parameters(widths):,} | {mean:.2%} ({low:.2%} to {high:.2%}) |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--width", type=int, default=START)
    parser.add_argument("--smoke", action="store_true", help="one short run of each: does it run?")
    asked = parser.parse_args()
    runs, epochs, width = (1, 2, 16) if asked.smoke else (asked.runs, 20, asked.width)
    start = (width,) * 6
    net, _ = train(0, widths=start, epochs=epochs)
    settings = lc.Settings(progress=False, pictures=0, other_views=False, needed="all")
    table = lc.take(net, "digits", twin=False, settings=settings).widths
    print(table.to_string(index=False))
    least, suggested = (tuple(map(int, table[name])) for name in ("least", "suggested"))
    designs = {
        "start": start, "suggested": suggested, "even, as many parameters as suggested": even(parameters(suggested), 6),
        "least": least, "even, as many parameters as least": even(parameters(least), 6),
        "half of least": tuple(-(-n // 2) for n in least),
    }  # fmt: skip
    print("| design | widths | parameters | held-out accuracy |\n|---|---|---|---|")
    for name, widths in designs.items():
        print(row(name, widths, accuracies(widths, runs, epochs)), flush=True)


if __name__ == "__main__":
    main()
