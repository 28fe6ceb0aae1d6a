"""What real nets need of their layers: the curve with its interval, the twin's, principal directions, and the answers.

    python benchmarks/real_nets.py efficientnet-lite:0 --layers '_blocks.?' --layers '_blocks.??'
    python benchmarks/real_nets.py hf:FOLDER --text sentences.txt --layers '*act_fn' --layers 'encoder.layer.?'
    python benchmarks/real_nets.py efficientnet-lite:0 --smoke --layers '_blocks.0'

A row a layer: width; how many directions hold 90, 95 (with the 95 % interval) and 99 % of the answers' variance on
held-out examples; the same 95 % in the untrained twin, and along principal directions; and at how many of the held-out
examples the net still says the same with the directions of .95 and .99 kept. A classifier says the same where its
largest score stays, a sentence encoder (its answer: the mean token) where the nearest other held-out sentence does.
Images are crops of scikit-image's photographs, which are few, so take the intervals lightly.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import torch
from needed import MeanToken, batches_of, crops
from torch import Tensor

from layercensus.count.nets import Net
from layercensus.data.open import open_data
from layercensus.intervene.answers import Answers
from layercensus.intervene.calibrate import calibrate as moments_of
from layercensus.intervene.directions import Directions, directions
from layercensus.intervene.examples import Examples
from layercensus.intervene.needs import needs_of
from layercensus.intervene.replace import Judge, projection
from layercensus.layers.layer import Layer
from layercensus.layers.select import select
from layercensus.layers.survey import survey
from layercensus.layers.torch_state import neutral
from layercensus.measures.fidelity import smallest
from layercensus.measures.needed import STATUS, curves, status_of
from layercensus.models.open import open_model
from layercensus.models.twin import calibrate, untrained
from layercensus.tally import Needs

FIDELITY, MEMORY = 0.95, 2e9
CLOSE = 0.06  # of the number of principal directions, which is found by halving
HEADS = "layer", "width", ".90", ".95", ".99", "twin .95", "principal .95", "same answer .95 .99"


def needed(net: Net, layers: Sequence[Layer], examples: Examples, answers: Answers) -> dict[str, Needs]:
    found = needs_of(net, layers, examples, answers, memory=MEMORY, units=False)
    return {layer.name: needs for layer, needs in found}


def principal(judge: Judge, layer: Layer, found: Directions) -> int:
    """The smallest number of principal directions that holds FIDELITY, to CLOSE of it."""
    total, low, high = judge.variance.sum(), 0, found.rank
    guess = min(8, found.rank)
    while high - low > max(1, CLOSE * high):
        lost = float(judge.change(layer, projection(found, guess)).sum() / total)
        low, high = (low, guess) if lost <= 1 - FIDELITY else (guess, high)
        guess = min(2 * low, high - 1) if high == found.rank and 2 * low < high else (low + high) // 2
    return high


def of_variance(net: Net, layers: Sequence[Layer], examples: Examples, answers: Answers) -> dict[str, int]:
    """By layer: how many principal directions hold FIDELITY."""
    found, judge = moments_of(net, layers, examples.calibration, answers), Judge.of(net, examples.held_out, answers)
    numbers = {}
    for layer in layers:
        plain = replace(found.whole(layer.name), gradient=torch.zeros(0), kept_gradient=[])
        numbers[layer.name] = principal(judge, layer, directions(plain))
    return numbers


def says(answers: Tensor, classes: bool) -> Tensor:
    """(examples,) what the net says: the class with the largest score, or the nearest other example."""
    if classes:
        return answers.argmax(1)
    unit = answers / answers.norm(dim=1, keepdim=True)
    return (unit @ unit.T).fill_diagonal_(-1).argmax(1)


def agreement(judge: Judge, layer: Layer, needs: Needs, classes: bool) -> str:
    loss, same = curves(needs)[0], []
    for kept in (smallest(loss, fidelity) for fidelity in (FIDELITY, 0.99)):
        if kept != kept:
            same.append("-")
            continue
        other = judge.with_layer(layer, projection(needs, int(min(kept, needs.reader.shape[1]))))
        same.append(f"{float((says(other, classes) == says(judge.plain, classes)).double().mean()):.2f}")
    return " ".join(same)


def row(layer: Layer, needs: Needs, twin: Needs | None, others: Sequence[str]) -> str:
    loss, low, high = curves(needs)
    n = [smallest(loss, q) for q in (0.9, FIDELITY, 0.99)]
    status = STATUS[status_of(needs, n[1])]
    at = f"{n[1]:.0f} [{smallest(low, FIDELITY):.0f}, {smallest(high, FIDELITY):.0f}]"
    at += "" if status == STATUS[0] else f" {status}"
    untaught = "-" if twin is None else f"{smallest(curves(twin)[0], FIDELITY):.0f}"
    return f"| {' | '.join((layer.name, str(layer.width), f'{n[0]:.0f}', at, f'{n[2]:.0f}', untaught, *others))} |"


@neutral()
def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("net")
    parser.add_argument("--text", type=Path)
    parser.add_argument("--layers", action="append", help="globs; by default every counted layer")
    parser.add_argument("--calibration", type=int, default=256)
    parser.add_argument("--held-out", type=int, default=64)
    parser.add_argument("--side", type=int, default=224)
    parser.add_argument("--smoke", action="store_true", help="few and small examples: does it run?")
    asked = parser.parse_args()
    if asked.smoke:
        asked.calibration, asked.held_out, asked.side = 32, 32, 64
    torch.set_num_threads(1)
    start, model = time.time(), open_model(asked.net)
    module, count = model.net.eval(), asked.calibration + asked.held_out
    if asked.text:
        every = list(open_data(f"text:{asked.text}", prepare=model.prepare).batches(32))[: -(-count // 32)]
        answers = MeanToken()
    else:
        every = batches_of(crops(count, asked.side, lambda x: (x - 127) / 128))
        answers = Answers(centred=True)
    examples = Examples(every[: asked.calibration // 32], every[asked.calibration // 32 :])
    layers = tuple(select(module, survey(module, every[0].first(3).for_net(module)), asked.layers))
    net = Net("trained", module, layers)
    found, by_variance = needed(net, layers, examples, answers), of_variance(net, layers, examples, answers)
    fresh, how = untrained(model, 0)
    calibrate(fresh, (batch.for_net(fresh) for batch in examples.calibration))
    twin = needed(Net("twin", fresh, layers), layers, examples, answers)
    judge = Judge.of(net, examples.held_out, answers)
    print(f"| {' | '.join(HEADS)} |\n{'|---' * len(HEADS)}|")
    for layer in layers:
        same = agreement(judge, layer, found[layer.name], classes=not asked.text)
        others = str(by_variance[layer.name]), same
        print(row(layer, found[layer.name], twin.get(layer.name), others), flush=True)
    print(
        f"twin {how}; {examples.calibrating} calibrating and {examples.judging} held-out examples; one thread,", end=" "
    )
    print(f"{time.time() - start:.0f} s, of which {time.process_time():.0f} s of a processor")


if __name__ == "__main__":
    main()
