"""Nets that are built otherwise: what they need is the same as where somebody replaces the layer by hand."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

import layercensus as lc
from layercensus.data.keys import key
from layercensus.data.open import open_data
from layercensus.intervene.examples import read_examples

from .planted import census

X = torch.randn(160, 8, generator=torch.Generator().manual_seed(0))


def columns(census: lc.Census) -> list[str]:
    return [name for name in census.layers if name.startswith("needed")]


def by_layer(census: lc.Census, column: str) -> dict[str, Any]:
    return dict(zip(census.layers["layer"], census.layers[column], strict=True))


class InPlace(nn.Module):
    """One ReLU called twice, in place, with the stream beside it, and a function at the end."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.b, self.out, self.relu = nn.Linear(8, 12), nn.Linear(12, 12), nn.Linear(12, 4), nn.ReLU(True)

    def parts(self, x: Tensor, keep: Callable[[str, Tensor], Tensor]) -> Tensor:
        h = keep("relu", self.a(x).relu())
        g = keep("relu@1", (self.b(h) + h).relu())
        return self.out(keep("tanh", torch.tanh(h + g)))

    def forward(self, x: Tensor) -> Tensor:
        h = self.relu(self.a(x))
        g = self.relu(self.b(h) + h)
        g += h
        return self.out(g.tanh())


def test_fidelity_is_what_it_is_when_the_layer_is_replaced_by_hand() -> None:
    torch.manual_seed(0)
    net = InPlace()
    found = census(net, X, layers=["relu", "relu@1", "tanh"], held_out=80)
    held_out = X[held_out_rows(len(X))]

    def answers(layer: str | None, change: Callable[[Tensor], Tensor]) -> Tensor:
        with torch.no_grad():
            y = net.parts(held_out, lambda name, h: change(h) if name == layer else h)
        return y - y.mean(1, keepdim=True)

    plain = answers(None, lambda h: h)
    for layer in ("relu", "relu@1", "tanh"):
        mean, reader, writer, tried, fidelity = (
            torch.from_numpy(found.arrays["trained", layer, name])
            for name in ("direction_mean", "direction_reader", "direction_writer", "needed_tried", "needed_fidelity")
        )
        compared = 0
        for kept, value in zip(tried.tolist(), fidelity.tolist(), strict=True):
            if kept > reader.shape[1]:
                continue
            part = reader[:, :kept] @ writer[:, :kept].T
            other = answers(layer, lambda h, m=mean, p=part: (m + (h - m) @ p).float())
            loss = (other - plain).square().sum(1).mean() / plain.var(0).sum()
            assert value == pytest.approx(1 - float(loss), abs=1e-4)
            compared += 1
        assert compared >= 2


def held_out_rows(examples: int) -> list[int]:
    """Rows of the second half of the panel: every second one by the hash of the id."""
    return sorted(range(examples), key=lambda row: key(str(row)))[1::2]


def test_every_layer_of_a_recurrent_module_is_asked() -> None:
    class Last(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.rnn, self.out = nn.LSTM(4, 10, num_layers=2, batch_first=True), nn.Linear(10, 4)

        def forward(self, x: Tensor) -> Tensor:
            return self.out(self.rnn(x)[0][:, -1])

    torch.manual_seed(0)
    found = census(Last(), torch.randn(200, 5, 4), layers=["rnn*", "out"])
    needed = by_layer(found, "needed")
    assert list(needed) == ["rnn.l0", "rnn", "out"]
    assert 1 <= needed["rnn.l0"] <= 10
    assert needed["out"] <= 3
    assert found.about["needs"]["failed"] == []


class Padded(nn.Module):
    """A transformer of one block over tokens, of which some are padding."""

    def __init__(self, pooled: bool) -> None:
        super().__init__()
        self.embed, self.pooled, self.out = nn.Embedding(30, 8), pooled, nn.Linear(8, 5)
        self.block = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True)

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        h = self.block(self.embed(input_ids), src_key_padding_mask=attention_mask == 0)
        shown = attention_mask[..., None].float()
        return self.out((h * shown).sum(1) / shown.sum(1) if self.pooled else h)


def sentences(batch: int, padding: int = 0, examples: int = 36) -> list[dict[str, Any]]:
    """Sentences of 2 to 6 tokens, padded with a token of this number as far as each batch asks."""
    rng = torch.Generator().manual_seed(0)
    all_ = [torch.randint(1, 30, (int(n),), generator=rng) for n in torch.randint(2, 7, (examples,), generator=rng)]
    found = []
    for start in range(0, examples, batch):
        some = all_[start : start + batch]
        most = max(map(len, some))
        ids = torch.stack([functional.pad(one, (0, most - len(one)), value=padding) for one in some])
        mask = torch.stack([functional.pad(torch.ones_like(one), (0, most - len(one))) for one in some])
        inputs = {"input_ids": ids, "attention_mask": mask}
        found.append({"inputs": inputs, "ids": [str(start + row) for row in range(len(some))]})
    return found


@pytest.mark.parametrize("pooled", [True, False])
def test_padding_changes_nothing(pooled: bool) -> None:
    torch.manual_seed(0)
    net = Padded(pooled)
    one, seven, other = (
        census(net, sentences(batch, padding), layers=["block", "out"], batch=batch)
        for batch, padding in ((1, 0), (7, 0), (7, 13))
    )
    assert one.layers[columns(one)].equals(seven.layers[columns(one)])
    assert seven.layers[columns(one)].equals(other.layers[columns(one)])
    assert (one.layers["needed"] >= 0).all()


class Through(nn.Module):
    """Two layers with a function between them."""

    def __init__(self, between: Callable[[Tensor], Tensor] = lambda h: h) -> None:
        super().__init__()
        self.a, self.b, self.out = nn.Linear(8, 16), nn.Linear(16, 12), nn.Linear(12, 3)
        self.relu, self.tanh, self.between = nn.ReLU(), nn.Tanh(), between

    def forward(self, x: Tensor) -> Tensor:
        return self.out(self.tanh(self.b(self.between(self.relu(self.a(x))))))


class NoGradient(Through):
    @torch.no_grad()
    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x)


STOPS = {
    "rounds": Through(lambda h: (h * 8).round() / 8), "detaches": Through(lambda h: h.detach()),
    "leaves torch": Through(lambda h: torch.from_numpy(h.detach().numpy() * 2)),
    "leaves torch and refuses gradients": Through(lambda h: torch.from_numpy(h.numpy() * 2)),
    "without gradients": NoGradient(),
}  # fmt: skip


@pytest.mark.parametrize("name", STOPS)
def test_where_no_gradient_comes_back_the_number_is_an_upper_bound(name: str) -> None:
    found = census(STOPS[name], X, layers=["relu"])
    row = found.layers.iloc[0]
    assert row["needed_status"] == "upper bound"
    assert 2 <= row["needed"] <= 16
    assert found.about["needs"]["failed"] == []


def test_a_quantised_net_is_judged_by_principal_directions() -> None:
    plain = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 3)).eval()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that torch will leave it to another package
        net = torch.ao.quantization.quantize_dynamic(plain, {nn.Linear})
    row = census(net, X, layers=["1"]).layers.iloc[0]
    assert row["needed_status"] == "upper bound"
    assert 2 <= row["needed"] <= 16


def test_a_net_that_is_read_example_by_example_is_asked_so() -> None:
    class Sorting(Through):
        def forward(self, x: Tensor) -> Tensor:
            return super().forward(x) + 0 * x.sort(0).values[:, :3]

    torch.manual_seed(0)
    plain = Through()
    sorting = Sorting()
    sorting.load_state_dict(plain.state_dict())
    alone, together = census(sorting, X[:80], layers=["relu"]), census(plain, X[:80], layers=["relu"])
    assert alone.layers[columns(alone)].equals(together.layers[columns(alone)])


def test_what_the_caller_has_set_is_as_it_was() -> None:
    net = Through()
    net.a.weight.requires_grad_(False)
    net.b.eval()
    net.out.weight.grad = torch.ones_like(net.out.weight)
    net.relu.register_forward_hook(lambda *given: None)

    def state() -> list[Any]:
        grads = [p.grad if p.grad is None else p.grad.sum().item() for p in net.parameters()]
        hooks = [(len(m._forward_hooks), len(m._forward_pre_hooks), len(m._backward_hooks)) for m in net.modules()]
        return [grads, hooks, [p.requires_grad for p in net.parameters()], [m.training for m in net.modules()]]

    before = state()
    plain = census(net, X, layers=["relu", "tanh"])
    frozen = census(net.requires_grad_(False), X, layers=["relu", "tanh"])
    assert frozen.layers[columns(plain)].equals(plain.layers[columns(plain)])
    assert not any(p.requires_grad for p in net.parameters())
    for name, p in net.named_parameters():
        p.requires_grad_(name != "a.weight")
    assert state() == before


def test_callers_without_gradients_get_the_same_numbers() -> None:
    torch.manual_seed(0)
    net = Through()
    plain = census(net, X, layers=["relu", "tanh"])
    with torch.inference_mode():
        inference = census(net, X, layers=["relu", "tanh"])
        made_there = Through()
        made_there.load_state_dict(net.state_dict())
        inside = census(made_there, X.clone(), layers=["relu", "tanh"])
    with torch.no_grad():
        without = census(net, X, layers=["relu", "tanh"])
    for other in (inference, inside, without):
        assert other.layers[columns(plain)].equals(plain.layers[columns(plain)])
    assert made_there.a.weight.is_inference()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        cast = census(net, X, layers=["relu", "tanh"])
    assert (cast.layers["needed_status"] == "estimate").all()


def test_layers_that_are_constant_need_nothing_and_nothing_is_nan() -> None:
    net = nn.Sequential(nn.Linear(8, 6), nn.ReLU(), nn.Linear(6, 3))
    nn.init.zeros_(net[0].weight)
    found = census(net, X, layers=["1"])
    assert found.layers[["needed_90", "needed", "needed_99"]].values.tolist() == [[0, 0, 0]]
    for name, array in found.arrays.items():
        if name.name.startswith(("needed", "direction")):
            assert torch.from_numpy(array).isfinite().all(), name


@pytest.mark.parametrize("examples", [5, 8, 20])
def test_few_examples_are_said_to_be_few(examples: int) -> None:
    found = census(nn.Sequential(nn.Linear(8, 64), nn.ReLU(), nn.Linear(64, 3)), X[:examples], layers=["1"])
    row = found.layers.iloc[0]
    if examples < 8:
        assert any("panel of at least 8" in finding.sentence for finding in found.findings)
    else:
        assert row["needed_status"] == "bound by the examples"
        assert "pass at least 256 examples, with panel=256 and calibration=128" in row["status"]


def test_a_wide_answer_of_a_narrow_layer_is_not_bound_by_the_examples() -> None:
    row = census(nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 300)), X, layers=["2"]).layers.iloc[0]
    assert row["needed"] <= 16
    assert row["needed_status"] == "estimate"  # 80 examples span the 16 directions that it has


def test_examples_of_one_source_lie_on_one_side() -> None:
    group = torch.arange(40) // 8
    source = open_data(torch.arange(40.0)[:, None])
    known = {key(id): row for row, id in enumerate(source.ids or ())}
    order = np.array(sorted(known), dtype=np.int64)
    of_key = torch.tensor([int(group[known[int(k)]]) for k in order])
    found = read_examples(source, order, of_key, calibration=40, held_out=40, batch=7)
    sides = [
        {int(group[int(id)]) for batch in side for id in batch.ids} for side in (found.calibration, found.held_out)
    ]
    assert not sides[0] & sides[1]
    assert sides[0] | sides[1] == set(range(5))
    assert found.calibrating + found.judging == 40
