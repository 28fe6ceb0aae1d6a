"""What a net's answers lose without the units that the funnel calls dead, noise or duplicate.

    python benchmarks/removal.py digits
    python benchmarks/removal.py efficientnet-lite:0 --examples 512 --side 224
    python benchmarks/removal.py hf:FOLDER --text sentences.txt --examples 512
    python benchmarks/removal.py digits --smoke

A row a layer that is asked (up to sixteen over the depth): its units by name, and the fraction of the answers' variance
on held-out examples that is lost with the dead ones held still, the noise at its mean, and each duplicate at what its
representative says of it. Then every finding that units are called so and used all the same. Images are crops of
scikit-image's photographs; the answer of an encoder of sentences is its tokens, padding left out.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import Any

import torch
from needed import crops

import layercensus as lc

CALLED = "dead", "noise", "duplicate"
HEADS = "layer", "width", *(f"{name}: units, lost" for name in CALLED)


def counted(asked: argparse.Namespace) -> lc.Census:
    settings = lc.Settings(
        progress=False, pictures=0, panel=asked.examples, calibration=asked.calibration, held_out=asked.held_out,
        resamples=20,
    )  # fmt: skip
    data: Any = asked.net
    if asked.text:
        lines = asked.text.read_text("utf-8").splitlines()[: asked.examples]
        some = asked.text.with_suffix(f".{len(lines)}.txt")
        some.write_text("\n".join(lines) + "\n", "utf-8")
        data = f"text:{some}"
    elif asked.net != "digits":
        data = crops(asked.examples, asked.side, lambda x: (x - 127) / 128)
    return lc.take(asked.net, data, layers=asked.layers, twin=False, settings=settings)


def table(census: lc.Census) -> None:
    print(f"| {' | '.join(HEADS)} |\n{'|---' * len(HEADS)}|")
    fates = census.units.groupby(["layer", "fate"], observed=True).size()
    for layer, width in zip(census.layers["layer"], census.layers["width"], strict=True):
        lost = census.array(layer, "lost_without")
        if lost is None:
            continue
        cells = [
            f"{fates.get((layer, name), 0)}, {100 * much:.2g} %" if much == much else "-"
            for name, much in zip(CALLED, lost, strict=True)
        ]
        print(f"| {' | '.join((str(layer), str(width), *cells))} |")
    for finding in census.findings:
        if "but the net uses" in finding.sentence:
            print(f"- {finding.sentence}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("net")
    parser.add_argument("--text", type=Path)
    parser.add_argument("--layers", action="append", help="globs; by default every counted layer")
    parser.add_argument("--examples", type=int, default=512)
    parser.add_argument("--calibration", type=int, default=256)
    parser.add_argument("--held-out", type=int, default=128)
    parser.add_argument("--side", type=int, default=224)
    parser.add_argument("--smoke", action="store_true", help="few and small examples: does it run?")
    asked = parser.parse_args()
    if asked.smoke:
        asked.examples, asked.calibration, asked.held_out, asked.side = 64, 32, 32, 64
    torch.set_num_threads(1)
    start = time.time()
    table(counted(asked))
    print(f"{time.time() - start:.0f} s on one thread, of which {time.process_time():.0f} s of a processor")


if __name__ == "__main__":
    main()
