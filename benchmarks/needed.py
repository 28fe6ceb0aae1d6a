"""What a net needs of each layer, on real nets, and what finding it costs beside the census's own forward passes.

    python benchmarks/needed.py efficientnet-lite:0                       # 16 layers: the cost, and the table
    python benchmarks/needed.py efficientnet-lite:0 --layers '_blocks.?' --layers '_blocks.??'   # every block
    python benchmarks/needed.py hf:FOLDER --text sentences.txt            # a text encoder; its answer: mean token
    python benchmarks/needed.py resnet50 --device cuda --layers all       # torchvision's, with random weights: the cost

Images are crops of scikit-image's photographs. Every ratio is of two times measured in this run.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from layercensus.count.nets import Net
from layercensus.data.batch import Batch
from layercensus.data.open import open_data
from layercensus.intervene.answers import Answers
from layercensus.intervene.chosen import chosen_layers
from layercensus.intervene.examples import Examples
from layercensus.intervene.needs import needs_of
from layercensus.intervene.replace import Judge, projection
from layercensus.layers.layer import Layer
from layercensus.layers.memory_format import memory_format, pick_format
from layercensus.layers.net import call
from layercensus.layers.select import select
from layercensus.layers.survey import survey
from layercensus.layers.tap import tap
from layercensus.layers.torch_state import neutral
from layercensus.measures.fidelity import smallest
from layercensus.measures.needed import STATUS, curves, status_of
from layercensus.models.open import open_model
from layercensus.models.twin import calibrate, untrained
from layercensus.tally import Needs

TWINS = 5  # untrained nets of a default census
PHOTOGRAPHS = ("astronaut", "coffee", "chelsea", "rocket", "brick", "grass", "gravel", "camera")


def crops(count: int, side: int, prepare: Callable[[Tensor], Tensor]) -> Tensor:
    """(count, 3, side, side) random crops of scikit-image's photographs, as the net takes them."""
    from skimage import data

    rng = np.random.default_rng(0)
    photographs = [np.atleast_3d(getattr(data, name)()) for name in PHOTOGRAPHS]
    found = []
    for number in range(count):
        photograph = photographs[number % len(photographs)][..., :3]
        height, width = photograph.shape[:2]
        size = int(rng.integers(min(height, width) // 3, min(height, width)))
        top, left = rng.integers(0, height - size + 1), rng.integers(0, width - size + 1)
        part = torch.tensor(photograph[top : top + size, left : left + size].copy()).permute(2, 0, 1).float()
        part = part.expand(3, -1, -1)[None]
        found.append(nn.functional.interpolate(part, size=(side, side), mode="bilinear", antialias=True)[0])
    return prepare(torch.stack(found))


def batches_of(x: Tensor, size: int = 32) -> list[Batch]:
    """The examples in batches, by the numbers of their rows."""
    return [
        Batch(x[at : at + size], tuple(map(str, range(at, min(at + size, len(x)))))) for at in range(0, len(x), size)
    ]


def forward(net: Net, batches: Sequence[Batch]) -> float:
    """Seconds of a bare forward pass over the examples."""
    with tap(net.net, ()):
        start = _now()
        for batch in batches:
            call(net.net, batch.for_net(net.net))
        return _now() - start


def _now() -> float:
    """Seconds: of the clock on a GPU, of all cores together else, so that other work on the machine does not count."""
    if not torch.cuda.is_available():
        return time.process_time()
    torch.cuda.synchronize()
    return time.perf_counter()


def passes_of_census(images: int) -> float:
    """Examples that pass through a net in a default census: two nets, three views, and four more untrained nets."""
    return 6 * images + (TWINS - 1) * (256 + 3 * 192)


def table(
    net: Net, layers: Sequence[Layer], examples: Examples, answers: Answers, *, units: bool = True
) -> list[tuple[Layer, Needs]]:
    """Find and print what a net needs of each layer."""
    start, found = _now(), []
    print(f"{net.name}: {'layer':28s} width  .90  .95 [interval]   .99  status               tries  seconds")
    for layer, needs in needs_of(net, layers, examples, answers, memory=2e9, units=units):
        found.append((layer, needs))
        loss, low, high = curves(needs)
        n = [smallest(loss, q) for q in (0.9, 0.95, 0.99)]
        ends = f"[{smallest(low, 0.95):.0f}, {smallest(high, 0.95):.0f}]"
        print(
            f"{layer.name:36s} {layer.width:5d} {n[0]:4.0f} {n[1]:4.0f} {ends:12s} {n[2]:4.0f}  "
            f"{STATUS[status_of(needs, n[1])]:20s} {len(needs.tried):5d} {_now() - start:8.1f}", flush=True,
        )  # fmt: skip
    return found


def agreement(net: Net, layer: Layer, needs: Needs, examples: Examples, answers: Answers) -> list[float]:
    """How often the largest score stays the same with the directions of .95 and .99 kept."""
    judge = Judge.of(net, examples.held_out, answers)
    found = []
    for fidelity in (0.95, 0.99):
        kept = smallest(curves(needs)[0], fidelity)
        if kept != kept:
            found.append(float("nan"))
            continue
        other = judge.with_layer(layer, projection(needs, int(min(kept, needs.reader.shape[1]))))
        found.append(float((other.argmax(1) == judge.plain.argmax(1)).double().mean()))
    return found


def open_net(name: str) -> tuple[nn.Module, Any]:
    """The net, and its model where it is one of ours."""
    if name == "resnet50":
        import torchvision

        return torchvision.models.resnet50(), None
    model = open_model(name)
    return model.net, model


class MeanToken(Answers):
    """The mean of the tokens' last hidden states, padding and what stands around a sentence left out.

    A layer's rows are put back at every position; where padding is part of the answer, it needs nearly every direction.
    """

    def of(self, output: Any, examples: int, mask: Tensor | None) -> Tensor:
        states: Tensor = output.last_hidden_state
        assert mask is not None
        counted = mask.to(states)[..., None]
        return (states * counted).sum(1) / counted.sum(1)


@neutral()
def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("net")
    parser.add_argument("--text", type=Path)
    parser.add_argument(
        "--layers", action="append", help="globs; 'all' for every default layer; default: 16 and the last"
    )
    parser.add_argument("--calibration", type=int, default=256)
    parser.add_argument("--held-out", type=int, default=64)
    parser.add_argument("--images", type=int, default=512, help="of the census whose passes the cost is compared with")
    parser.add_argument("--side", type=int, default=224)
    parser.add_argument("--device", default="cpu")
    args = parser.parse_args()
    module, model = open_net(args.net)
    module = module.eval().to(args.device)
    count = args.calibration + args.held_out
    if args.text:
        assert model is not None
        every = list(open_data(f"text:{args.text}", prepare=model.prepare).batches(32))[: -(-count // 32)]
        answers = MeanToken()
    else:
        scale = (lambda x: (x - 127) / 128) if model is not None else (lambda x: x / 255 - 0.45)
        every, answers = batches_of(crops(count, args.side, scale)), Answers(centred=True)
    at = args.calibration // 32
    examples = Examples(every[:at], every[at:])
    surveyed = survey(module, every[0].first(3).for_net(module))
    named = args.layers if args.layers and args.layers != ["all"] else None
    layers = select(module, surveyed, named)
    net = Net("trained", module, tuple(layers))
    asked = tuple(layers) if args.layers else chosen_layers(layers, "some")
    name, _ = pick_format(module, every[0].first(8).for_net(module)) if not args.text else ("contiguous", {})
    with memory_format(module, name):
        forward(net, every[:1])
        bare = min(forward(net, every) for _ in range(2)) / count
        start = _now()
        found = table(net, asked, examples, answers)
        seconds = _now() - start
        bare = min(bare, forward(net, every) / count)
        if not args.text:
            for layer, needs in found:
                same = agreement(net, layer, needs, examples, answers)
                print(f"{layer.name:36s} same largest score at .95 and .99: {same[0]:.2f} {same[1]:.2f}")
        twin = net
        if model is not None:
            fresh, how = untrained(model, 0)
            fresh = fresh.eval().to(args.device)
            calibrate(fresh, (batch.for_net(fresh) for batch in examples.calibration))
            twin = Net("twin", fresh, tuple(layers))
            print(how)
        start = _now()
        table(twin, asked, examples, answers, units=False)
        both, whole = seconds + _now() - start, bare * passes_of_census(args.images)
    tries = sum(len(needs.tried) for _, needs in found) / len(found)
    print(f"{name}; {len(asked)} layers, {tries:.1f} tries a layer: {seconds:.1f} s; net and twin {both:.1f} s")
    print(f"bare passes of a census of {args.images} images: {whole:.1f} s; ratio {both / whole:.2f}")


if __name__ == "__main__":
    main()
