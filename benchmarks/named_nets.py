"""Ten nets that people know: are their layers listed by the names and in the roles that people know, and counted?

python benchmarks/named_nets.py >> docs/zoo.md   # those whose libraries are installed; the zoo's own page comes first
python benchmarks/named_nets.py ViT Swin          # some of them
"""

from __future__ import annotations

import fnmatch
import sys
import time
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

import layercensus as lc

sys.path.insert(0, str(Path(__file__).parent))
import zoo_nets
from zoo_nets import Family, families

HEADS, ACTIVATIONS, BLOCKS, OUTPUT = "attention heads", "activations", "blocks", "output"
ROLES = {HEADS: "other", ACTIVATIONS: "neurons", BLOCKS: "block", OUTPUT: "output"}
EXAMPLES = 48
HEAD = """
## Ten nets that people know

Printed by `python benchmarks/named_nets.py`: small members with random weights, {examples} examples each. The outputs
of attention heads (all heads side by side) can be chosen with `--layers`; what a nonlinearity gives, the stream as each
block leaves it, and the output are counted unasked. Listed / with the role that it should have. needed, distinct:
layers with a number of those that are counted.

| net | attention heads | activations | blocks | output | needed | distinct | answer | seconds |
|---|---|---|---|---|---|---|---|---|
"""


@dataclass(frozen=True)
class Named:
    """A net by its own name, and what its layers are called; fnmatch patterns, "" where it has no such layers."""

    name: str
    library: str
    family: str
    layers: dict[str, str]


def _transformer(stem: str, heads: str, activation: str, output: str) -> dict[str, str]:
    return {HEADS: f"{stem}.{heads}", ACTIVATIONS: f"{stem}.{activation}", BLOCKS: stem, OUTPUT: output}


SDPA = "scaled_dot_product_attention"
NETS = (
    Named(
        "ViT", "transformers", "vit",
        _transformer("layers.?", f"attention.{SDPA}", "mlp.activation_fn", "layernorm"),
    ),
    Named(
        "Swin", "transformers", "swin",
        _transformer("encoder.layers.?.blocks.?", f"attention.{SDPA}", "mlp.activation_fn", "layernorm"),
    ),
    Named("ConvNeXt", "transformers", "convnext", {
        ACTIVATIONS: "encoder.stages.?.layers.?.act", BLOCKS: "encoder.stages.?.layers.?",  # the last one is its output
    }),
    Named("GPT-2", "transformers", "gpt2", _transformer("h.?", f"attn.{SDPA}", "mlp.act", "ln_f")),
    Named("Llama", "transformers", "llama", _transformer("layers.?", f"self_attn.{SDPA}", "mlp.act_fn", "norm")),
    Named("T5", "transformers", "t5", {
        HEADS: f"*.block.?.layer.?.*Attention.{SDPA}", ACTIVATIONS: "*.block.?.layer.?.DenseReluDense.act",
        BLOCKS: "*coder.block.?", OUTPUT: "decoder.final_layer_norm",
    }),
    Named("Whisper", "transformers", "whisper", {
        HEADS: f"*coder.layers.?.*attn.{SDPA}", ACTIVATIONS: "*coder.layers.?.activation_fn",
        BLOCKS: "*coder.layers.?", OUTPUT: "decoder.layer_norm",
    }),
    Named(
        "CLIP", "transformers", "clip",
        _transformer("*_model.encoder.layers.?", f"self_attn.{SDPA}", "mlp.activation_fn", "text_projection"),
    ),
    Named("UNet", "diffusers", "UNet2D", {
        HEADS: f"*.attentions.?.{SDPA}", ACTIVATIONS: "*.resnets.?.nonlinearity*",
        BLOCKS: "*.resnets.?", OUTPUT: "conv_out",
    }),
    Named("Mask R-CNN", "torchvision", "maskrcnn_resnet50_fpn", {
        ACTIVATIONS: "backbone.body.layer?.?.relu*", BLOCKS: "backbone.body.layer?.?",
    }),
)  # fmt: skip


def made(named: Named) -> tuple[Any, Any] | None:
    """The net and its inputs as `take` is given them; None where its library is not installed."""
    found = next((f for f in families() if (f.library, f.name) == (named.library, named.family)), None)
    return None if found is None else _with_inputs(found)


def _with_inputs(family: Family) -> tuple[Any, Any]:
    torch.manual_seed(0)
    net, inputs = family.make()
    return net, {"inputs": inputs} if isinstance(inputs, dict) else inputs


def roles_of(named: Named, layers: Sequence[Any]) -> dict[str, tuple[int, int]]:
    """For each kind of layer: how many are listed under its name, and how many of these have the role they should."""
    found = {}
    for kind, pattern in named.layers.items():
        own = [layer for layer in layers if fnmatch.fnmatchcase(layer.name, pattern) and _whole(layer.name, pattern)]
        found[kind] = len(own), sum(layer.role == ROLES[kind] for layer in own)
    return found


def _whole(name: str, pattern: str) -> bool:
    """Whether a pattern that ends in ? stands for the last part of the name, not for something within it."""
    return pattern.count(".") == name.count(".") or not pattern.endswith("?") or pattern.startswith("*")


def row_of(named: Named) -> str | None:
    """A line of the table."""
    zoo_nets.EXAMPLES = EXAMPLES
    start = time.time()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        given = made(named)
        if given is None:
            return None
        net, inputs = given
        few = {"inputs": _few(inputs["inputs"])} if isinstance(inputs, dict) else inputs[:2]
        found = roles_of(named, lc.layers_of(net, few))
        settings = lc.Settings(progress=False, needed="all", twins=1, pictures=0, batch=16)
        census = lc.take(net, inputs, settings=settings)
    rows, kinds = census.layers, [found.get(kind) for kind in ROLES]
    counts = [f"{int(rows[column].notna().sum())} of {len(rows)}" for column in ("needed", "distinct")]
    cells = [f"{two[0]} / {two[1]}" if two else "-" for two in kinds]
    line = (named.name, *cells, *counts, census.verdict.answer, f"{time.time() - start:.0f}")
    return f"| {' | '.join(line)} |"


def _few(inputs: dict[str, Any]) -> dict[str, Any]:
    return {name: value[:2] for name, value in inputs.items()}


def main() -> None:
    """Print the section."""
    torch.set_num_threads(1)
    print(HEAD.format(examples=EXAMPLES), end="")
    left = []
    for named in NETS:
        row = row_of(named) if len(sys.argv) == 1 or named.name in sys.argv[1:] else None
        print(row or "", end="\n" if row else "", flush=True)
        left += [] if row else [named.name]
    print(f"\nNot run yet: {', '.join(left) or 'none'}.")


if __name__ == "__main__":
    main()
