"""Each awkward net hands over exactly what its layers gave, and is left as it was found."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from layercensus.errors import CensusError
from layercensus.layers.layer import Layer
from layercensus.layers.modes import evaluating
from layercensus.layers.net import Inputs, call
from layercensus.layers.select import select
from layercensus.layers.survey import survey
from layercensus.layers.tap import tap
from layercensus.testing import awkward as nets

X = torch.tensor([[2.0], [-3.0]])


def outputs(net: nn.Module, inputs: Inputs, patterns: Any = None, probe: Inputs | None = None) -> dict[str, Tensor]:
    """What the sink got of one forward pass, by layer name, in the order in which it came."""
    seen: dict[str, Tensor] = {}
    chosen = select(net, survey(net, inputs if probe is None else probe), patterns)
    with tap(net, chosen, lambda layer, x: seen.__setitem__(layer.name, x.clone())):
        call(net, inputs)
    return seen


def same(found: dict[str, Tensor], **wanted: list[Any]) -> None:
    assert list(found) == list(wanted)
    for name, values in wanted.items():
        torch.testing.assert_close(found[name].float(), torch.tensor(values, dtype=torch.float32))


def hooks(net: nn.Module) -> int:
    return sum(len(m._forward_hooks) + len(m._forward_pre_hooks) for m in net.modules())


def test_an_in_place_relu_cannot_change_what_its_convolution_gave() -> None:
    found = outputs(nets.InPlace(), X.view(2, 1, 1, 1), "*")
    assert found["0"].flatten(1).tolist() == [[2, -2], [-3, 3]]
    assert found["1"].flatten(1).tolist() == [[2, 0], [0, 3]]


def test_an_in_place_sum_cannot_change_what_its_layer_gave() -> None:
    same(outputs(nets.AddsInPlace(), X), fc=[[2, -2], [-3, 3]])


def test_functions_are_seen_and_named_after_the_module_that_they_run_in() -> None:
    found = outputs(nets.Functional(), X)
    assert list(found) == ["part.relu()", "part.tanh", "gelu", "act", "relu", "relu@1"]
    a, b = math.tanh(2), math.tanh(3)
    gelu = [v * 0.5 * (1 + math.erf(v / math.sqrt(2))) for v in (a, b)]
    wanted = {
        "part.relu()": [[2, 0], [0, 3]], "part.tanh": [[a, 0], [0, b]], "gelu": [[gelu[0], 0], [0, gelu[1]]],
        "act": [[gelu[0], 0], [0, gelu[1]]], "relu": [[gelu[0], 0], [0, gelu[1]]],
        "relu@1": [[gelu[0] - 0.5, 0], [0, gelu[1] - 0.5]],
    }  # fmt: skip
    for name, values in wanted.items():
        torch.testing.assert_close(found[name], torch.tensor(values, dtype=torch.float32))


def test_a_child_and_a_function_of_the_same_name_are_two_layers() -> None:
    found = outputs(nets.Functional(), X, ["part.relu", "part.relu()"])
    torch.testing.assert_close(found["part.relu()"], torch.tensor([[2.0, 0], [0, 3]]))
    torch.testing.assert_close(found["part.relu"], torch.tensor([[math.tanh(2), 0], [0, math.tanh(3)]]))


def test_a_function_inside_a_nonlinearity_is_not_counted_again() -> None:
    net = nets.OwnNonlinearity()
    assert [(x.name, x.role) for x in survey(net, X)] == [("0", "other"), ("1", "neurons"), ("2", "output")]
    swish = [[2 / (1 + math.exp(-2)), -2 / (1 + math.exp(2))], [-3 / (1 + math.exp(3)), 3 / (1 + math.exp(-3))]]
    same(outputs(net, X, "1"), **{"1": swish})


def test_a_module_called_twice_is_two_layers() -> None:
    found = outputs(nets.Reused(), X, "*")
    wanted = {"a": [[2, -2], [-3, 3]], "act": [[2, 0], [0, 3]], "b": [[-2, 2], [0, 0]], "act@1": [[0, 2], [0, 0]]}
    same(found, **wanted)
    same(outputs(nets.Reused(), X, "act@1"), **{"act@1": wanted["act@1"]})


@pytest.mark.parametrize("kind", ["tuple", "dict", "dataclass"])
def test_the_floating_tensor_of_an_output_in_parts(kind: str) -> None:
    same(outputs(nets.Returns(kind), X, "part"), part=[[2, -2], [-3, 3]])


def test_half_precision_keeps_its_dtype() -> None:
    for dtype in (torch.bfloat16, torch.float16):
        found = outputs(nets.InPlace().to(dtype), X.view(2, 1, 1, 1).to(dtype))
        assert found["1"].dtype == dtype
        assert found["1"].flatten(1).tolist() == [[2, 0], [0, 3]]


def test_a_net_in_train_mode_is_read_in_eval_mode_and_put_back_module_by_module() -> None:
    net = nets.Noisy()
    modes = [m.training for m in net.modules()]
    before = {name: value.clone() for name, value in net.state_dict().items()}
    found = outputs(net, torch.tensor([[1.0, 2.0], [3.0, 4.0]]), ["drop", "fc"])
    torch.testing.assert_close(found["fc"], found["drop"] * torch.tensor([2.0, 3.0]))
    torch.testing.assert_close(found["drop"], torch.tensor([[1.0, 2.0], [3.0, 4.0]]) / math.sqrt(1 + 1e-5))
    assert [m.training for m in net.modules()] == modes == [True, False, True, True]
    assert all(torch.equal(value, before[name]) for name, value in net.state_dict().items())


def test_time_first_layers_are_handed_over_examples_first_without_a_copy() -> None:
    torch.manual_seed(0)
    net, x = nets.TimeFirst().eval(), torch.randn(3, 5, 8)
    with torch.inference_mode():
        wanted = net.encoder(x.transpose(0, 1)).transpose(0, 1)
    found = outputs(net, x)
    torch.testing.assert_close(found["encoder.layers.1"], wanted)
    assert found["encoder.layers.0.relu"].shape == (3, 5, 12)
    pointers: list[bool] = []
    raw: list[Tensor] = []
    net.encoder.layers[1].register_forward_hook(lambda module, args, output: raw.append(output))
    with tap(
        net, select(net, survey(net, x), "encoder.layers.1"), lambda layer, t: pointers.append(shares(t, raw[-1]))
    ):
        net(x)
    assert pointers == [True]


def shares(a: Tensor, b: Tensor) -> bool:
    return a.data_ptr() == b.data_ptr() and a.shape[:2] == (b.shape[1], b.shape[0])


@pytest.mark.parametrize("inner", [False, True])
def test_folded_examples_are_unfolded_whatever_the_batch(inner: bool) -> None:
    net = nets.Folded(inner)
    crops = torch.tensor([[[1.0], [2.0], [-3.0]], [[-4.0], [5.0], [-6.0]]])
    wanted = [[[1, 0], [2, 0], [0, 3]], [[0, 4], [5, 0], [0, 6]]]
    same(outputs(net, crops, "act"), act=wanted)
    same(outputs(net, crops[1:], "act", probe=crops), act=wanted[1:])
    same(outputs(net, crops[:, :2], "act", probe=crops), act=[rows[:2] for rows in wanted])


def test_heads_are_joined_in_the_order_of_the_next_layer() -> None:
    torch.manual_seed(0)
    net, x = nets.Heads(), torch.randn(3, 4, 6)
    found = outputs(net, x, ["scaled*", "out"])
    assert found["scaled_dot_product_attention"].shape == (3, 4, 6)
    with torch.inference_mode():
        torch.testing.assert_close(net.out(found["scaled_dot_product_attention"]), found["out"])


def test_fused_transformer_kernels_are_off_inside_and_back_after() -> None:
    net, x = nets.BatchFirst().eval(), torch.randn(3, 4, 8)
    before = torch.backends.mha.get_fastpath_enabled()
    assert list(outputs(net, x)) == [
        "encoder.layers.0.relu", "encoder.layers.0", "encoder.layers.1.relu", "encoder.layers.1",
    ]  # fmt: skip
    assert torch.backends.mha.get_fastpath_enabled() is before is True


def test_fused_transformer_kernels_are_back_whatever_the_order_in_which_threads_leave() -> None:
    first_in, second_in, first_out = (threading.Event() for _ in range(3))

    def first() -> None:
        with evaluating(nn.Identity()):
            first_in.set()
            assert second_in.wait(60)
        first_out.set()

    def second() -> bool:
        assert first_in.wait(60)
        with evaluating(nn.Identity()):
            second_in.set()
            assert first_out.wait(60)
            return bool(torch.backends.mha.get_fastpath_enabled())

    with ThreadPoolExecutor(2) as threads:
        one, other = threads.submit(first), threads.submit(second)
        one.result()
        assert other.result() is False
    assert torch.backends.mha.get_fastpath_enabled()


def whole(net: nn.Module) -> nn.Module:
    return torch.compile(net)  # type: ignore[return-value]


def in_place(net: nn.Module) -> nn.Module:
    net.compile()
    return net


def part(net: nn.Module) -> nn.Module:
    net.act = torch.compile(net.act)  # type: ignore[arg-type, assignment]
    return net


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("way", [whole, in_place, part])
def test_compiled_nets_run_as_written_under_their_plain_names(way: Callable[[nn.Module], nn.Module]) -> None:
    net = way(nets.Reused())
    same(outputs(net, X), act=[[2, 0], [0, 3]], **{"act@1": [[0, 2], [0, 0]]})
    same(outputs(net, X, "act._orig_mod"), act=[[2, 0], [0, 3]])
    assert hooks(net) == 0


@pytest.mark.parametrize("error", [RuntimeError("half way"), KeyboardInterrupt(), SystemExit(3)])
@pytest.mark.parametrize("patterns", [None, "act"])
def test_nothing_is_left_after_an_exception(error: BaseException, patterns: str | None) -> None:
    net = nets.Stops(error).train()
    net.b.eval()
    chosen = select(net, survey(net, X.abs()), patterns)
    with pytest.raises(type(error)), tap(net, chosen, lambda layer, x: None):
        net(X)
    assert hooks(net) == 0
    assert [m.training for m in net.modules()] == [True, True, True, False]
    assert torch.is_grad_enabled()
    assert not torch.is_inference_mode_enabled()
    with pytest.raises((CensusError, KeyboardInterrupt, SystemExit)):
        survey(net, X)
    assert hooks(net) == 0


def test_a_pass_after_one_that_stopped_half_way_counts_from_the_start() -> None:
    net = nets.Stops(RuntimeError("half way"))
    seen: list[str] = []
    with tap(net, select(net, survey(net, X.abs()), None), lambda layer, x: seen.append(layer.name)):
        with pytest.raises(RuntimeError, match="half way"):
            net(X)
        net(X.abs())
    assert seen == ["act", "relu", "act", "relu", "b"]


def test_the_sinks_own_functions_are_no_layers() -> None:
    net, seen = nets.Functional(), []

    def sink(layer: Layer, x: Tensor) -> None:
        seen.append(layer.name)
        torch.relu(x).tanh()

    with tap(net, select(net, survey(net, X), None), sink):
        net(X)
        net(X)
    assert seen == ["part.relu()", "part.tanh", "gelu", "act", "relu", "relu@1"] * 2


def test_only_the_selected_modules_get_hooks() -> None:
    net = nets.Reused()
    with tap(net, select(net, survey(net, X), "act*"), lambda layer, x: None):
        assert [hooks(m) for m in (net.a, net.b, net.act)] == [0, 0, 1]
        assert torch.overrides._get_current_function_mode_stack() == []  # type: ignore[no-untyped-call]
    assert hooks(net) == 0


def test_an_error_of_the_sink_reaches_the_caller() -> None:
    def sink(layer: Layer, x: Tensor) -> None:
        raise CensusError("no room")

    net = nets.Functional()
    with pytest.raises(CensusError, match="no room"), tap(net, select(net, survey(net, X), None), sink):
        net(X)
    assert hooks(net) == 0


def test_a_layer_that_a_pass_does_not_reach_is_an_error() -> None:
    net = nets.Skips()
    chosen = select(net, survey(net, X.abs()), "b")
    message = r"^Each forward pass must reach every counted layer. Got one without 'b'\. With Settings\(batch=1\)"
    with pytest.raises(CensusError, match=message):
        with tap(net, chosen, lambda layer, x: None):
            net(X)


def test_a_layer_that_changed_since_the_survey_is_an_error() -> None:
    net = nets.Folded(inner=False)
    chosen = select(net, survey(net, torch.ones(2, 3, 1)), "act")
    net.fc = nets.linear([[1.0]])
    net.forward = lambda x: net.act(net.fc(x.reshape(-1, 1)))  # type: ignore[method-assign]
    with pytest.raises(CensusError, match=r"Layer 'act' must give 2 units on axis 2 .* Got shape \(6, 1\)\."):
        with tap(net, chosen, lambda layer, x: None):
            net(torch.ones(2, 3, 1))


def test_a_net_without_a_surveyed_layer_is_an_error() -> None:
    chosen = select(net := nets.Reused(), survey(net, X), None)
    with pytest.raises(CensusError, match="Got one without 'act'"), tap(nets.InPlace(), chosen, lambda layer, x: None):
        pass
