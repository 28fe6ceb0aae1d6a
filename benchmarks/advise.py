"""Advice beside magnitude pruning, truncated SVD and uni-layer's advice, at equal size, in one run.

    python benchmarks/advise.py efficientnet-lite:0            # crops of scikit-image's photographs
    python benchmarks/advise.py hf:FOLDER --text sentences.txt # a sentence encoder; its answer: the mean token
    python benchmarks/advise.py digits                         # with labels, so with accuracy
    python benchmarks/advise.py digits --smoke

A row a net: parameters, FLOPs and time of a pass as fractions of the whole net's, then fidelity with its 95 % interval
and agreement on verifying examples, which chose nothing. "magnitude, same widths" cuts the units with the smallest
weights, as many in each layer as the advice does; "magnitude, even" the same fraction of every layer, so that no more
parameters are left; "uni-layer" the fractions that uni-layer 0.7 names from gradient norms, with each layer's smallest
weights gone and scaled to the same size, where it is installed (pip install --no-deps uni-layer==0.7). "SVD, same
ranks" is the truncated SVD of the weights. Units are cut by Torch-Pruning.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Mapping
from copy import deepcopy
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch
from needed import crops
from torch import Tensor, nn

import layercensus as lc
from layercensus.advise.cost import costs
from layercensus.advise.low_rank import LowRank, exchange_modules
from layercensus.advise.makers import makers_of
from layercensus.advise.masks import Mask
from layercensus.advise.measured import Measured
from layercensus.advise.panel import Panel, open_panel
from layercensus.advise.torch_pruning import cutter_of
from layercensus.intervene.directions import Directions
from layercensus.models.model import Model
from layercensus.models.open import open_model

HEADS = "net", "parameters", "FLOPs", "time", "fidelity", "agreement", "accuracy"
HALVINGS = 8
Cut = Callable[[Mapping[str, Mask]], nn.Module]


class Encoder(nn.Module):
    """A sentence encoder whose answer is the mean of its tokens, padding left out."""

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net = net

    def forward(self, **inputs: Tensor) -> Tensor:
        states, seen = self.net(**inputs).last_hidden_state, inputs["attention_mask"][..., None]
        return (states * seen).sum(1) / seen.sum(1)


def opened(asked: argparse.Namespace) -> tuple[Model, Any]:
    model = open_model(asked.net)
    if asked.text:
        lines = asked.text.read_text("utf-8").splitlines()[: asked.examples]
        some = asked.text.with_suffix(f".{len(lines)}.txt")
        some.write_text("\n".join(lines) + "\n", "utf-8")
        return replace(model, net=Encoder(model.net), fresh=None), f"text:{some}"
    if asked.net == "digits":
        return model, "digits"
    return model, crops(asked.examples, asked.side, lambda x: (x - 127) / 128)


def counted(model: Model, data: Any, asked: argparse.Namespace) -> lc.Census:
    settings = lc.Settings(
        progress=False, pictures=0, resamples=20, needed=False, other_views=False, panel=asked.examples,
        calibration=asked.examples // 2, held_out=asked.examples // 4,
    )  # fmt: skip
    return lc.take(model, data, layers=asked.layers, twin=False, settings=settings)


class Table:
    """Prints a row for each net."""

    def __init__(self, measured: Measured) -> None:
        self.measured = measured
        print(f"| {' | '.join(HEADS)} |\n{'|---' * len(HEADS)}|")

    def row(self, name: str, net: nn.Module) -> None:
        panel = self.measured.panel
        before, after = costs([panel.net.net, net], panel.example)
        effect = self.measured.effect(net)
        cells = (
            name, f"{after.parameters / before.parameters:.1%}", f"{after.flops / before.flops:.1%}",
            f"{after.seconds / before.seconds:.0%}",
            f"{effect.fidelity:.3f} [{effect.low:.3f}, {effect.high:.3f}]", f"{effect.agreement:.1%}",
            "-" if effect.accuracy != effect.accuracy else f"{effect.accuracy:.1%}",
        )  # fmt: skip
        print(f"| {' | '.join(cells)} |", flush=True)


def by_magnitude(panel: Panel, makers: Mapping[str, str], kept: Mapping[str, int]) -> dict[str, Mask]:
    """So many units of each layer with the largest weights; the others are gone without a trace."""
    found = {}
    for layer, number in kept.items():
        weight = panel.net.net.get_submodule(makers[layer]).weight.detach()
        order = weight.flatten(1).norm(dim=1).argsort(descending=True)
        stays, nothing = torch.zeros(len(order), dtype=torch.bool), torch.zeros(len(order))
        stays[order[:number]] = True
        if number < len(order):
            found[layer] = Mask(layer, stays, order[:1].expand(len(order)).clone(), nothing, nothing)
    return found


def of_size(cut: Cut, masks: Callable[[float], dict[str, Mask]], parameters: int) -> nn.Module:
    """The net with the smallest fraction gone that leaves at most so many parameters."""
    low, high = 0.0, 0.98
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        few = sum(p.numel() for p in cut(masks(middle)).parameters()) <= parameters
        low, high = (low, middle) if few else (middle, high)
    return cut(masks(high))


def kept(widths: Mapping[str, int], gone: Mapping[str, float]) -> dict[str, int]:
    return {layer: max(1, width - round(width * gone.get(layer, 0.0))) for layer, width in widths.items()}


class Packed(nn.Module):
    """A net whose inputs come as one tensor, as uni-layer hands them on. names: of the inputs; () where it is one."""

    def __init__(self, net: nn.Module, names: tuple[str, ...]) -> None:
        super().__init__()
        self.net, self.names = net, names

    def forward(self, x: Tensor) -> Tensor:
        return self.net(**dict(zip(self.names, x.unbind(1), strict=True))) if self.names else self.net(x)


def uni_layer(panel: Panel, makers: Mapping[str, str]) -> Callable[[float], dict[str, float]]:
    """By the fraction that shall go, uni-layer's fraction for each layer: the less, the larger its gradients' norm.

    What it says of a block holds for every layer inside. The class of an example is the net's own largest answer. It
    trains the net's statistics on the way, so it is given a copy.
    """
    from uni_layer import LayerAnalyzer
    from uni_layer.integrations import TorchPruningBridge
    from uni_layer.metrics import GradientNorm

    inputs = panel.example.inputs
    names = tuple(inputs) if isinstance(inputs, Mapping) else ()
    net = Packed(deepcopy(panel.net.net), names).eval()
    given = [torch.stack(list(b.inputs.values()), 1) if names else b.inputs for b in panel.calibration]
    with torch.no_grad():
        loader = [(x, net(x).argmax(1)) for x in given]
    found = LayerAnalyzer(net, task_type="classification", device="cpu").compute_metrics(
        metrics=[GradientNorm()], data_loader=loader, verbose=False
    )
    bridge, named = TorchPruningBridge(net, found), {module: name for name, module in net.named_modules()}

    def gone(fraction: float) -> dict[str, float]:
        ratios = bridge.as_layer_pruning_ratios("gradient_norm", target_sparsity=fraction, max_ratio=0.98)
        by_name = {named[module].removeprefix("net."): float(ratio) for module, ratio in ratios.items()}
        return {layer: _within(by_name, maker) for layer, maker in makers.items()}

    return gone


def _within(ratios: Mapping[str, float], name: str) -> float:
    """The fraction of a module, or of the innermost one around it that has one."""
    while name and name not in ratios:
        name = name.rpartition(".")[0]
    return ratios.get(name, 0.0)


def truncated(net: nn.Module, ranks: Mapping[str, int]) -> nn.Module:
    """The net with the truncated SVD of these layers' weights. ranks: by module."""
    copy, new = deepcopy(net), {}
    for name, rank in ranks.items():
        layer = net.get_submodule(name)
        left = torch.linalg.svd(layer.weight.detach().flatten(1).double(), full_matrices=False).U
        bias = layer.bias.detach().double() if layer.bias is not None else torch.zeros(len(left), dtype=torch.float64)
        whole = Directions(bias, left, left, torch.ones(left.shape[1]), False, 0, 0)
        new[name] = LowRank.of(layer, whole, rank)
    exchange_modules(copy, new)
    return copy


def pruned(table: Table, advice: Any, fidelity: float) -> None:
    """The advice's net, and others of its size."""
    panel, small = table.measured.panel, advice.pruned(fidelity)
    layers = [layer for layer in panel.net.layers if layer.role == "neurons"]
    makers = makers_of(panel, layers)
    cut, known = cutter_of(panel, layers)
    widths = {layer.name: layer.width for layer in layers if layer.name in known}
    table.row(f"pruned at {fidelity:g}", small)
    stay = {layer: int(stays.sum()) for layer, stays in advice._cut[fidelity].items()}
    table.row("magnitude, same widths", cut(by_magnitude(panel, makers, stay)))
    size = sum(p.numel() for p in small.parameters())

    def even(gone: float) -> dict[str, Mask]:
        return by_magnitude(panel, makers, kept(widths, dict.fromkeys(widths, gone)))

    table.row("magnitude, even", of_size(cut, even, size))
    if find_spec("uni_layer"):
        gone = uni_layer(panel, makers)
        table.row("uni-layer", of_size(cut, lambda f: by_magnitude(panel, makers, kept(widths, gone(f))), size))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("net")
    parser.add_argument("--text", type=Path)
    parser.add_argument("--layers", action="append", help="globs; by default every counted layer")
    parser.add_argument("--examples", type=int, default=256)
    parser.add_argument("--side", type=int, default=96)
    parser.add_argument("--smoke", action="store_true", help="few examples and one fidelity: does it run?")
    asked = parser.parse_args()
    if asked.smoke:
        asked.examples = 128
    torch.set_num_threads(1)
    start, (model, data) = time.time(), opened(asked)
    census = counted(model, data, asked)
    fidelities = [0.95] if asked.smoke else [0.99, 0.95]
    advice = census.advise(model, data, parts=["prune", "compress"], fidelity=fidelities, engine="torch_pruning")
    took = time.time() - start
    table = Table(Measured.of(open_panel(census, model, data)))
    table.row("as it is", table.measured.panel.net.net)
    for part, fidelity in advice._nets:
        if part == "prune":
            pruned(table, advice, fidelity)
        else:
            table.row(f"low rank at {fidelity:g}", advice.compressed(fidelity))
            table.row("SVD, same ranks", truncated(table.measured.panel.net.net, advice.ranks[fidelity]))
    for row in advice.withheld.itertuples():
        print(f"- withheld: {row.part} {row.layer}: {row.why}")
    parts = table.measured.panel.parts
    print(
        f"{len(parts.calibration)} calibrating, {len(parts.choosing)} choosing, {len(parts.verifying)} verifying",
        end="",
    )
    print(f" examples; one thread; census and advice {took:.0f} s")


if __name__ == "__main__":
    main()
