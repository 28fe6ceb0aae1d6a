"""Laws of the dataflow walker: what it says of a tensor is where planted values really end up."""

from __future__ import annotations

import ast
import doctest
import importlib
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

import layercensus.layers
from layercensus.layers.dataflow import Call, Facts, Walker
from layercensus.layers.example_axis import example_axes
from layercensus.layers.layer import View
from layercensus.layers.origins import origins
from layercensus.layers.receptive import following
from layercensus.layers.survey import survey
from layercensus.layers.unit_axis import Units, unit_axes

from .chains import Step, after, chains

FOLDER = Path(layercensus.layers.__file__).parent
NAMES = [path.stem for path in sorted(FOLDER.glob("*.py"))]
SHAPE = (2, 6, 4, 3)  # examples, units, height, width


def planted(shape: tuple[int, ...], axis: int) -> Tensor:
    """Values that name their index along one axis."""
    sizes = [n if a == axis else 1 for a, n in enumerate(shape)]
    return torch.arange(shape[axis], dtype=torch.float64).view(sizes).expand(shape).clone()


def differs_along(x: Tensor) -> tuple[int, ...]:
    """The axes along which a tensor is not constant, by comparing every index with every other."""
    rows = {a: x.movedim(a, 0).flatten(1) if x.ndim > 1 else x[:, None] for a in range(x.ndim)}
    return tuple(
        a for a, r in rows.items() if any(not torch.equal(r[i], r[j]) for i in range(len(r)) for j in range(i))
    )


def own_axes(x: Tensor) -> tuple[int, ...]:
    """The axes along which each value of a planted tensor stands at one index alone, by looking for each of them."""
    return tuple(
        a for a in differs_along(x)
        if all(len({tuple(i)[a] for i in (x == value).nonzero().tolist()}) == 1 for value in x.unique())
    )  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(chains(SHAPE))
def test_units_are_where_planted_channels_end_up(steps: list[Step]) -> None:
    facts = Facts(unit_axes)
    with Walker(facts):
        out = after(steps, F.conv2d(torch.rand(2, 1, 4, 3), torch.rand(6, 1, 1, 1)))
    units = facts.get(out)
    truth = after(steps, planted(SHAPE, 1))
    assert (units.axes if units else ()) == (own_axes(truth) or differs_along(truth))
    assert units is None or sorted({*units.axes, *units.spread}) == list(differs_along(truth))
    assert units is None or units.source == "conv2d"


@settings(max_examples=300, deadline=None)
@given(chains(SHAPE))
def test_a_view_that_is_followed_holds_each_example_at_its_index(steps: list[Step]) -> None:
    facts = Facts(partial(example_axes, 2))
    x = torch.rand(SHAPE)
    walker = Walker(facts)
    walker.begin(x)
    with walker:
        view = facts.get(after(steps, x))
    if view is not None:
        first = view.apply(after(steps, planted(SHAPE, 0)), 2)
        assert torch.equal(first, planted(tuple(first.shape), 0))


@settings(max_examples=60, deadline=None)
@given(chains(SHAPE, first=1))
def test_examples_stay_on_axis_0_where_no_call_touches_it(steps: list[Step]) -> None:
    facts = Facts(partial(example_axes, 2))
    x = torch.rand(SHAPE)
    walker = Walker(facts)
    walker.begin(x)
    with walker:
        assert facts.get(after(steps, x)) == View()


WEIGHT, COLUMNS, TABLE = torch.rand(6, 4), torch.rand(4, 6), torch.rand(60, 2)
FOLLOWED: dict[str, Callable[[Tensor], Tensor]] = {
    "linear": lambda x: F.linear(x, WEIGHT),
    "over time": lambda x: F.linear(x.transpose(0, 1), WEIGHT),
    "matrix": lambda x: x @ COLUMNS,
    "columns": lambda x: WEIGHT @ x.mT,
    "attention": lambda x: F.scaled_dot_product_attention(x[:, None], x[:, None], x[:, None]),
    "convolution": lambda x: F.conv1d(x, torch.ones(2, 5, 3)),
    "pooling": lambda x: F.adaptive_avg_pool1d(F.max_pool1d(x, 2), 1),
    "joined": lambda x: torch.cat([x, torch.ones(3, 1, 4), 2 * x], 1),
    "normalised": lambda x: F.layer_norm(x + torch.ones(5, 1), (4,)).softmax(1),
    "broadcast": lambda x: x.permute(1, 2, 0) * x.mean((1, 2)),
    "crops": lambda x: torch.relu(x.flatten(0, 1)),
    "crops by crops": lambda x: F.linear(torch.cat(list(x.unbind(1))).reshape(15, 4), WEIGHT),
    "pieces": lambda x: x.chunk(2, 2)[1].unsqueeze(1),
    "tokens": lambda x: F.embedding((x * 9).long(), TABLE),
}
SILENT = {"crops by crops"}  # the rules say nothing of examples that are joined along their own axis


@pytest.mark.parametrize("name", list(FOLLOWED))
def test_examples_are_followed_to_the_index_that_answers_to_them(name: str) -> None:
    torch.manual_seed(0)
    function, x = FOLLOWED[name], torch.rand(3, 5, 4)
    facts = Facts(partial(example_axes, 3))
    walker = Walker(facts)
    walker.begin(x)
    with walker:
        out = function(x)
        view = facts.get(out)
    assert (view is None) == (name in SILENT)
    if view is None:
        return
    for example in range(3):
        changed = x.clone()
        changed[example] += torch.rand(5, 4)
        answering = (view.apply(function(changed), 3) != view.apply(function(x), 3)).flatten(1).any(1)
        assert answering.nonzero().flatten().tolist() == [example]


def test_what_is_followed_decides_where_two_passes_tell_nothing() -> None:
    class Silent(nn.Module):
        """As many tokens as examples, time first, and an output that is always zero."""

        def __init__(self) -> None:
            super().__init__()
            self.act = nn.ReLU()

        def forward(self, x: Tensor) -> Tensor:
            silent: Tensor = self.act(-x.transpose(0, 1).abs())
            return silent

    (layer,) = survey(Silent(), torch.randn(3, 3, 8))
    assert layer.view == View(1)


SIDE = 12


@settings(max_examples=120, deadline=None)
@given(chains((1, 4, 10, 10), longest=4, first=1), st.integers(1, 3), st.integers(1, 2))
def test_no_field_is_too_small(steps: list[Step], kernel: int, stride: int) -> None:
    conv = nn.Conv2d(2, 4, 3, bias=False).double()
    pool = partial(F.max_pool2d, kernel_size=kernel, stride=stride)

    def net(x: Tensor) -> Tensor:
        y = after(steps, conv(x))
        return pool(y) if y.ndim == 4 and min(y.shape[2:]) >= kernel else y

    with torch.no_grad():
        conv.weight.uniform_(0.1, 1.0)  # nothing cancels
        x = torch.rand(1, 2, SIDE, SIDE, dtype=torch.float64)
        with following(conv, x) as receptive:
            out = net(x)
        field = receptive.field(out, out.ndim)  # as if no axis held units
        for row, column in ((0, 0), (3, 7), (5, 5), (6, 2), (11, 11)):
            changed = x.clone()
            changed[:, :, row, column] += 5.0
            answering = (net(changed) != out)[0].flatten().nonzero().flatten().tolist()
            for position in answering if out.ndim > 1 else ():
                rows, columns = field.window(position, (SIDE, SIDE))
                assert rows[0] <= row < rows[1]
                assert columns[0] <= column < columns[1]


def test_a_call_holds_its_input_as_it_was_before() -> None:
    calls: list[Call] = []
    x = torch.zeros(2, 1, 3)
    with Walker(listener=calls.append):
        x.squeeze_(1)
        F.relu(input=x)
        x[0] = 1.0
        x.size()
    assert [(call.name, call.shape, tuple(call.outs[0].shape)) for call in calls] == [
        ("squeeze", (2, 1, 3), (2, 3)), ("relu", (2, 3), (2, 3)), ("setitem", (2, 3), (2, 3)),
    ]  # fmt: skip
    assert [call.number for call in calls] == [0, 1, 2]
    assert calls[1].args == calls[1].inputs == (x,)
    assert calls[1].argument(4, "other", "none") == "none"


def test_units_survive_an_in_place_transposition() -> None:
    facts = Facts(unit_axes)
    with Walker(facts):
        x = F.linear(torch.rand(2, 3), torch.rand(5, 3))
        x.t_()
    assert facts.get(x) == Units((0,), "linear")


def test_units_of_a_tensor_that_was_resized_are_not_known() -> None:
    facts = Facts(unit_axes)
    with Walker(facts):
        x = F.linear(torch.rand(2, 3), torch.rand(5, 3)).t().contiguous().t()
        x.resize_(10)
        assert facts.get(x.flip(0)) is None


def test_a_tensor_that_is_written_over_by_what_is_not_known_is_forgotten() -> None:
    facts = Facts(lambda call, known: ["known" if call.name == "relu" else None] * len(call.outs))
    with Walker(facts):
        x = torch.rand(3).relu()
        assert facts.get(x) == "known"
        x.neg_()
    assert facts.get(x) is None


def test_a_call_that_writes_into_a_given_tensor_keeps_its_values() -> None:
    total = torch.zeros(6, dtype=torch.float64)
    with Walker(Facts(unit_axes)):
        x = F.conv2d(torch.ones(1, 1, 2, 2, dtype=torch.float64), torch.ones(6, 1, 1, 1, dtype=torch.float64))
        torch.sum(x, (0, 2, 3), out=total)
    assert total.tolist() == [4.0] * 6


@pytest.mark.parametrize(
    ("function", "residual"),
    [
        (lambda x, y: x + y, True), (lambda x, y: x.add_(y), True), (lambda x, y: torch.add(x, y), True),
        (lambda x, y: x + 1, False), (lambda x, y: x + x, False), (lambda x, y: x + torch.ones(2, 3), False),
        (lambda x, y: x * y, False), (lambda x, y: x[:, 0] + y[:, 0], False),
    ],
)  # fmt: skip
def test_residual_sums(function: Any, residual: bool) -> None:
    facts = Facts(origins)
    walker = Walker(facts)
    walker.begin(x := torch.rand(2, 3))
    with walker:
        origin = facts.get(function(torch.tanh(x), torch.cos(x)))
    assert origin is not None
    assert origin.residual == residual


def test_one_walker_interprets_a_forward_pass() -> None:
    modes = [
        f"{path.stem}.{node.name}"
        for path in FOLDER.glob("*.py")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.ClassDef) and any("TorchFunctionMode" in ast.unparse(base) for base in node.bases)
    ]
    assert sorted(modes) == ["dataflow.Walker", "tap._Functions"]  # the tap only reads names, in every pass of a count


def test_this_room_imports_no_other() -> None:
    for path in FOLDER.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.level > 1:
                assert node.module in ("errors", "settings"), path.name
            if isinstance(node, ast.ImportFrom) and node.level == 0:
                assert not (node.module or "").startswith("layercensus"), path.name


@pytest.mark.parametrize("name", NAMES)
def test_examples_in_docstrings_run(name: str) -> None:
    module = importlib.import_module(f"layercensus.layers.{name}" if name != "__init__" else "layercensus.layers")
    assert doctest.testmod(module).failed == 0
