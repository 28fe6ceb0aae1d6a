"""Nets that people know, small and with random weights: their layers have the names and roles that people know."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

import layercensus as lc

pytest.importorskip("transformers")
sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))
from named_nets import ACTIVATIONS, BLOCKS, HEADS, NETS, OUTPUT, Named, made, roles_of

EXPECTED = {  # layers of each kind, all with the role of their kind
    "ViT": {HEADS: 2, ACTIVATIONS: 2, BLOCKS: 2, OUTPUT: 1},
    "Swin": {HEADS: 2, ACTIVATIONS: 2, BLOCKS: 2, OUTPUT: 1},
    "ConvNeXt": {ACTIVATIONS: 5, BLOCKS: 5},
    "GPT-2": {HEADS: 2, ACTIVATIONS: 2, BLOCKS: 2, OUTPUT: 1},
    "Llama": {HEADS: 2, ACTIVATIONS: 2, BLOCKS: 2, OUTPUT: 1},
    "T5": {HEADS: 6, ACTIVATIONS: 4, BLOCKS: 4, OUTPUT: 1},
    "Whisper": {HEADS: 6, ACTIVATIONS: 4, BLOCKS: 4, OUTPUT: 1},
    "CLIP": {HEADS: 4, ACTIVATIONS: 4, BLOCKS: 4, OUTPUT: 1},
}
BESIDE = {"ViT": ["pooler.activation"], "Whisper": ["encoder.gelu", "encoder.gelu@1"]}  # further nonlinearities
OWN = pytest.mark.filterwarnings("ignore")  # warnings of transformers


@OWN
@pytest.mark.parametrize("named", [net for net in NETS if net.name in EXPECTED], ids=lambda net: net.name)
def test_layers_have_the_names_and_roles_that_people_know(named: Named) -> None:
    given = made(named)
    assert given is not None
    net, inputs = given
    two = {name: x[:2] for name, x in inputs["inputs"].items()} if isinstance(inputs, dict) else inputs[:2]
    layers = lc.layers_of(net, {"inputs": two} if isinstance(inputs, dict) else two)
    expected = EXPECTED[named.name]
    assert roles_of(named, layers) == {kind: (number, number) for kind, number in expected.items()}
    roles = [layer.role for layer in layers if layer.default]
    assert roles.count("block") == expected[BLOCKS]
    assert roles.count("output") == expected.get(OUTPUT, 0)
    assert roles.count("neurons") == expected[ACTIVATIONS] + len(BESIDE.get(named.name, []))
    assert {layer.name for layer in layers if layer.role == "neurons"} >= set(BESIDE.get(named.name, []))


@OWN
def test_what_the_answers_need_and_the_funnel_of_a_decoder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("zoo_nets.EXAMPLES", 32)
    named = next(net for net in NETS if net.name == "GPT-2")
    given = made(named)
    assert given is not None
    settings = lc.Settings(progress=False, needed="all", twins=1, pictures=0, resamples=20)
    census = lc.take(*given, twin=False, settings=settings)
    assert census.layers[["needed", "distinct", "dead", "noise", "duplicate"]].notna().all(axis=None)
    assert (census.layers["needed"] <= census.layers["width"]).all()
