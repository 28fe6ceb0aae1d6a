"""That row i of a layer is example i: shown by passes in different company, never believed."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from layercensus.layers.layer import Layer, View
from layercensus.layers.survey import survey

X = torch.randn(4, 6, generator=torch.Generator().manual_seed(0))


def found(net: nn.Module, inputs: object = X) -> dict[str, Layer]:
    return {layer.name: layer for layer in survey(net.eval(), inputs)}  # type: ignore[arg-type]


class Through(nn.Module):
    """Linear, something in between, ReLU, Linear."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.a, self.r, self.o = nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 3)

    def between(self, h: Tensor) -> Tensor:
        return h

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.o(self.r(self.between(self.a(x))))
        return y


class Sorts(Through):
    def between(self, h: Tensor) -> Tensor:
        return h[h.sum(1).argsort()]


class Mixes(Through):
    def between(self, h: Tensor) -> Tensor:
        return torch.softmax(h @ h.T, 1) @ h


class Centres(Through):
    def between(self, h: Tensor) -> Tensor:
        return h - h.mean(0)


class Draws(Through):
    def between(self, h: Tensor) -> Tensor:
        return h + torch.randn_like(h)


class Drops(Through):
    def between(self, h: Tensor) -> Tensor:
        return nn.functional.dropout(h, 0.5)


class Counts(Through):
    calls = 0

    def between(self, h: Tensor) -> Tensor:
        self.calls += 1
        return h * self.calls


class Remembers(Through):
    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("last", torch.zeros(8))

    def between(self, h: Tensor) -> Tensor:
        h = h + self.last
        self.last += h.mean(0).detach()
        return h


class Averages(Through):
    """Mixes each row with the row in its place of the pass before, where there were as many."""

    cache: Tensor | None = None

    def between(self, h: Tensor) -> Tensor:
        before = self.cache
        self.cache = h if before is None or len(before) != len(h) else (before + h) / 2
        return self.cache


class Pairs(Through):
    """Needs an even number of examples."""

    def between(self, h: Tensor) -> Tensor:
        return (h.view(-1, 2, 8) - h.view(-1, 2, 8).flip(1)).view(-1, 8)


class Squeezes(Through):
    def between(self, h: Tensor) -> Tensor:
        return h.unsqueeze(-1).squeeze()


class Chooses(Through):
    """Another layer for the whole batch where its examples are large."""

    def __init__(self) -> None:
        super().__init__()
        self.b = nn.Linear(8, 8)

    def between(self, h: Tensor) -> Tensor:
        return self.b(h) if (h[:, 0] > 0).all() else h  # type: ignore[no-any-return]


REASONS = [
    (Sorts, "another order than the examples (the model sorts: argsort)"),
    (Mixes, "depends on the others in the batch"),
    (Centres, "depends on the others in the batch"),
    (Draws, "differs from pass to pass (the model draws at random: randn_like)"),
    (Drops, "differs from pass to pass (the model draws at random: dropout)"),
    (Counts, "differs from pass to pass (the model keeps calls from pass to pass)"),
    (Remembers, "differs from pass to pass (the model keeps last from pass to pass)"),
    (Averages, "differs from pass to pass (the model keeps cache from pass to pass)"),
    (Chooses, "the model goes a way that the data decides: bool"),
]


@pytest.mark.parametrize(("kind", "reason"), REASONS, ids=lambda value: getattr(value, "__name__", ""))
def test_the_reason_why_examples_must_pass_alone(kind: type[Through], reason: str) -> None:
    layers = found(kind())
    assert layers["r"].problem is None
    assert layers["r"].alone is not None
    assert reason in layers["r"].alone
    assert layers["r"].width == 8


@pytest.mark.parametrize("kind", [Sorts, Mixes, Centres, Draws, Drops, Counts, Remembers, Averages])
def test_what_comes_before_the_cause_may_pass_together(kind: type[Through]) -> None:
    layers = found(kind())
    alone_too = kind in (Counts, Remembers, Averages, Sorts)  # where a net keeps or sorts is not known
    assert (layers["a"].alone is not None) == alone_too


@pytest.mark.parametrize("kind", [Through, Squeezes])
def test_ordinary_nets_pass_together(kind: type[Through]) -> None:
    assert {layer.alone for layer in found(kind()).values()} == {None}


def test_a_net_that_takes_no_single_example_is_not_counted_behind_the_cause() -> None:
    problem = found(Pairs())["r"].problem
    assert problem is not None
    assert "depends on the others in the batch, and alone the model does not take them (RuntimeError" in problem


def test_normalisation_by_the_batch_is_named() -> None:
    net = nn.Sequential(nn.Linear(6, 8), nn.BatchNorm1d(8, track_running_stats=False), nn.ReLU(), nn.Linear(8, 3))
    layers = found(net)
    assert layers["0"].problem is None
    assert "BatchNorm1d '1' without running statistics" in str(layers["2"].problem)
    maps = nn.Sequential(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4, track_running_stats=False), nn.ReLU())
    relu = found(maps, torch.randn(4, 1, 5, 5))["2"]
    assert relu.problem is None
    assert "BatchNorm2d '1' without running statistics" in str(relu.alone)


def test_the_survey_leaves_what_a_net_keeps() -> None:
    counts, remembers = Counts(), Remembers()
    remembers.last += 1
    found(counts)
    found(remembers)
    assert counts.calls == 0
    assert torch.equal(remembers.last, torch.ones(8))


class Packed(nn.Module):
    def __init__(self, enforce_sorted: bool) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.l, self.o, self.enforce = nn.LSTM(6, 8, batch_first=True), nn.Linear(8, 4), enforce_sorted

    def forward(self, x: Tensor, length: Tensor) -> Tensor:
        packed = nn.utils.rnn.pack_padded_sequence(x, length, batch_first=True, enforce_sorted=self.enforce)
        y: Tensor = self.o(self.l(packed)[1][0][-1])
        return y


@pytest.mark.parametrize("enforce_sorted", [False, True])
@pytest.mark.parametrize("lengths", [[3, 5, 2, 4], [5, 5, 5, 5], [5, 4, 3, 2]])
def test_packed_sequences_are_read_alone(enforce_sorted: bool, lengths: list[int]) -> None:
    layers = found(Packed(enforce_sorted), {"x": torch.randn(4, 5, 6), "length": torch.tensor(lengths)})
    assert layers["l"].problem is None
    assert (layers["l"].width, layers["l"].alone is not None, layers["l"].view) == (8, True, View(fold="outer"))


class Experts(nn.Module):
    """Every position goes to one of three experts, whose rows are sorted by expert."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.gate = nn.Linear(6, 3)
        self.expert = nn.ModuleList(nn.Sequential(nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 6)) for _ in range(3))

    def forward(self, x: Tensor) -> Tensor:
        flat = x.flatten(0, 1)
        which, out = self.gate(flat).argmax(1), torch.zeros_like(flat)
        for number, expert in enumerate(self.expert):
            rows = (which == number).nonzero().flatten()
            if len(rows):
                out[rows] = expert(flat[rows])
        return out.view_as(x)


def test_experts_are_read_alone_and_all_are_listed() -> None:
    layers = found(Experts(), torch.randn(4, 5, 6, generator=torch.Generator().manual_seed(1)))
    relus = [layer for name, layer in layers.items() if layer.kind == "ReLU"]
    assert [relu.name for relu in relus] == ["expert.0.1", "expert.1.1", "expert.2.1"]
    assert all(relu.alone and relu.problem is None and relu.width == 8 for relu in relus)


@pytest.mark.filterwarnings("ignore:.*deprecated:DeprecationWarning", "ignore::UserWarning")
def test_the_scale_of_a_dynamically_quantised_net_is_its_batchs() -> None:
    net = nn.Sequential(nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 4)).eval()
    quantised = torch.ao.quantization.quantize_dynamic(net, {nn.Linear}, dtype=torch.qint8)
    relu = found(quantised, torch.randn(4, 64, generator=torch.Generator().manual_seed(0)))["1"]
    assert relu.alone is not None
    assert "Linear '0', Linear '2' quantised by the range of the batch" in relu.alone


@pytest.mark.parametrize(
    ("sort", "alone"),
    [
        (lambda h: h.sort(dim=1)[0], False),
        (lambda h: h.topk(8)[0], False),
        (lambda h: h.topk(8, 1)[0], False),
        (lambda h: h.sort(0)[0], True),
        (lambda h: h[h.argmax(1).clamp(max=0).argsort(stable=True)], True),  # all alike here: only the call tells
    ],
)
def test_only_sorts_along_the_examples_make_them_pass_alone(sort: Callable[[Tensor], Tensor], alone: bool) -> None:
    class Sorting(Through):
        def between(self, h: Tensor) -> Tensor:
            return sort(h)

    assert (found(Sorting())["r"].alone is not None) == alone


def test_one_large_unit_hides_nothing() -> None:
    class Large(Centres):
        def between(self, h: Tensor) -> Tensor:
            return torch.cat([super().between(h[:, :-1]), 1e5 + h[:, -1:]], 1)

    assert "depends on the others in the batch" in str(found(Large())["r"].alone)


def test_a_net_that_writes_into_its_own_tensors_is_left_alone() -> None:
    class Copies(Through):
        def between(self, h: Tensor) -> Tensor:
            return torch.empty(h.shape).copy_(h)

    class Scatters(Through):
        def between(self, h: Tensor) -> Tensor:
            return torch.zeros(h.shape).index_add_(0, torch.arange(len(h)), h)

    for net in (Copies(), Scatters()):
        relu = found(net)["r"]
        assert (relu.alone, relu.problem, relu.width) == (None, None, 8)


class Holds(Through):
    """Adds what it has held so far, and holds more; in which kind of container is said when it is made."""

    def __init__(self, held: object, more: Callable[[Holds], None], read: Callable[[object], object]) -> None:
        super().__init__()
        self.held, self.more, self.read = held, more, read

    def between(self, h: Tensor) -> Tensor:
        self.more(self)
        return h + self.read(self.held)  # type: ignore[operator, no-any-return]


def first_of(held: Any) -> Any:
    return held[0]


HELD: dict[str, tuple[Callable[[], Any], Callable[[Holds], Any], Callable[[Any], Any]]] = {
    "tensors in a list": (lambda: [torch.zeros(8)], lambda net: net.held[0].add_(1), first_of),
    "tensors in a tuple": (lambda: (torch.zeros(8), 0), lambda net: net.held[0].add_(1), first_of),
    "another tuple": (lambda: (torch.zeros(8),), lambda net: setattr(net, "held", (net.held[0] + 1,)), first_of),
    "an ordered dict": (lambda: OrderedDict(n=0), lambda net: net.held.update(n=net.held["n"] + 1), lambda d: d["n"]),
    "a list that grows": (list, lambda net: net.held.append(1.0), sum),
    "an array": (
        lambda: np.zeros(8, dtype=np.float32),
        lambda net: np.add(net.held, 1, out=net.held),
        torch.from_numpy,
    ),
    "a tensor that grows": (lambda: torch.zeros(1), lambda net: net.held.resize_(len(net.held) + 1), len),
    "a generator": (lambda: np.random.default_rng(0), lambda net: None, lambda rng: float(rng.normal())),
}


@pytest.mark.parametrize("kind", list(HELD))
def test_what_a_net_holds_is_noticed_and_put_back(kind: str) -> None:
    make, more, read = HELD[kind]
    held = make()
    net = Holds(held, more, read)
    before = repr(held) if kind != "a generator" else repr(held.bit_generator.state)
    relu = found(net)["r"]
    assert relu.problem is None
    assert "the model keeps held from pass to pass" in str(relu.alone)
    assert net.held is held
    assert (repr(held) if kind != "a generator" else repr(held.bit_generator.state)) == before


def test_threads_survey_nets_of_their_own() -> None:
    class Squares(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Tensor) -> Tensor:
            return x * x

    class Net(Through):
        def between(self, h: Tensor) -> Tensor:
            return Squares.apply(h)  # type: ignore[no-untyped-call, no-any-return]

    with ThreadPoolExecutor(4) as threads:
        surveys = list(threads.map(lambda _: [layer.name for layer in survey(Net().eval(), X)], range(8)))
    assert all(names == surveys[0] for names in surveys)
