"""What a net's own forward changes is no part of what it is; what it only reads is, in every module for itself."""

from __future__ import annotations

import copy
from collections.abc import Callable
from types import SimpleNamespace

import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils import prune

from layercensus.models.contents import arrays_beside, beside
from layercensus.models.fingerprint import weights


class Holds(nn.Module):
    """A net with a table that its forward, given as a function, does or does not change."""

    def __init__(self, table: Tensor) -> None:
        super().__init__()
        self.table, self.held = table, SimpleNamespace(table=table.clone(), calls=0)
        self.cache: dict[int, list[Tensor]] = {0: []}
        self.kept: list[Tensor] = []


class OtherInPlace(Holds):
    def forward(self, x: Tensor) -> Tensor:
        y = x @ self.table
        y.relu_()
        return y


class OnceRemoved(Holds):
    def forward(self, x: Tensor) -> Tensor:
        return (x @ self.table).relu_().add_(1)


class FunctionAfterwards(Holds):
    def forward(self, x: Tensor) -> Tensor:
        y = x @ self.table
        return torch.add(y, 1)


class ListAfterwards(Holds):
    def forward(self, x: Tensor) -> Tensor:
        parts = []
        y = x @ self.table
        parts.append(y)
        return torch.cat(parts)


class OutOfPlace(Holds):
    def forward(self, x: Tensor) -> Tensor:
        return self.table.add(1) + x.sum()


class AsIndex(Holds):
    def forward(self, x: Tensor) -> Tensor:
        y = x.clone()
        y[self.table > 0] = 0
        y[:, self.table[0].long()] = 1
        return y


class AsItem(Holds):
    def forward(self, x: Tensor) -> Tensor:
        out = {}
        out["table"] = self.table
        return x @ out["table"]


class OfAnother(Holds):
    def forward(self, x: Tensor) -> Tensor:
        answer = SimpleNamespace()
        answer.table = x @ self.table
        return answer.table  # type: ignore[no-any-return]


class NoNumbers(Holds):
    def forward(self, x: Tensor) -> Tensor:
        return x @ self.table.requires_grad_(False)


class CounterBeside(Holds):
    def forward(self, x: Tensor) -> Tensor:
        self.held.calls += 1
        return x @ self.held.table  # type: ignore[no-any-return]


READ = (
    OtherInPlace, OnceRemoved, FunctionAfterwards, ListAfterwards, OutOfPlace, AsIndex, AsItem, OfAnother, NoNumbers,
    CounterBeside,
)  # fmt: skip


@pytest.mark.parametrize("kind", READ)
def test_a_table_that_is_only_read_counts(kind: type[Holds]) -> None:
    one, other = kind(torch.eye(3)), kind(2 * torch.eye(3))
    assert weights(one) != weights(other)
    assert {name for _, name, _ in arrays_beside(one)} == {"table", "held.table"}
    before = weights(one)
    one(torch.ones(3, 3))
    assert weights(one) == before


class Assigned(Holds):
    def forward(self, x: Tensor) -> Tensor:
        self.table = x
        return x


class InPlace(Holds):
    def forward(self, x: Tensor) -> Tensor:
        self.table.mul_(0.9).add_(x)
        return x


class ByItsData(Holds):
    def forward(self, x: Tensor) -> Tensor:
        self.table.data.copy_(x)
        return x


class ByAnotherName(Holds):
    def forward(self, x: Tensor) -> Tensor:
        table = self.table
        table.copy_(x)
        return x


class ItsRows(Holds):
    def forward(self, x: Tensor) -> Tensor:
        self.table[: len(x), x.shape[1] - 1] = x.mean()
        self.table[0] += 1
        return x


class InAHelper(Holds):
    def keep(self, x: Tensor) -> None:
        [self.table.copy_(row) for row in x]

    def forward(self, x: Tensor) -> Tensor:
        self.keep(x)
        return x


@pytest.mark.parametrize("kind", [Assigned, InPlace, ByItsData, ByAnotherName, ItsRows, InAHelper])
def test_a_table_that_forward_changes_does_not(kind: type[Holds]) -> None:
    one = kind(torch.eye(3))
    before = weights(one)
    one(torch.full((3, 3), 7.0))
    assert weights(one) == before
    assert {name for _, name, _ in arrays_beside(one)} == {"held.table"}


class Appends(Holds):
    def forward(self, x: Tensor) -> Tensor:
        self.kept.append(x)
        self.cache[0].append(x)
        self.cache[1] = [x]
        self.held.last = x
        return x


def test_lists_dicts_and_objects_that_forward_fills() -> None:
    one = Appends(torch.eye(3))
    before = weights(one)
    one(torch.ones(3, 3))
    assert weights(one) == before
    assert {name for _, name, _ in arrays_beside(one)} == {"table", "held.table"}


class Scaled(nn.Module):
    def __init__(self, scale: float) -> None:
        super().__init__()
        self.scale = torch.full((2,), scale)

    def forward(self, x: Tensor) -> Tensor:
        return x * self.scale


class Sets(Scaled):
    def forward(self, x: Tensor) -> Tensor:
        self.scale = x.mean(0)
        return x


def test_what_one_module_sets_another_has_learned() -> None:
    one, other = (nn.Sequential(Sets(0.0), Scaled(scale)) for scale in (1.0, 2.0))
    assert weights(one) != weights(other)
    assert [module for module, _, _ in arrays_beside(one)] == [one[1]]


class SetsOfOthers(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.child, self.other = Scaled(1.0), Scaled(2.0)
        self.blocks = nn.ModuleList([Scaled(3.0), Scaled(4.0)])

    def forward(self, x: Tensor) -> Tensor:
        self.child.scale = x.mean(0)
        for block in self.blocks:
            block.scale = x.mean(0)
        return self.other(x)  # type: ignore[no-any-return]


def test_what_a_module_sets_in_its_children() -> None:
    one = SetsOfOthers()
    before = weights(one)
    one(torch.ones(3, 2))
    assert weights(one) == before
    assert [module for module, _, _ in arrays_beside(one)] == [one.other]


def test_what_a_hook_sets_in_its_module_or_around_it() -> None:
    class Watches(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.last, self.table = torch.zeros(2), torch.ones(2)
            self.child, self.other = Scaled(1.0), Scaled(2.0)

            def keep(module: nn.Module, args: object, output: Tensor) -> None:
                self.last = output
                module.scale = output  # type: ignore[assignment]

            self.child.register_forward_hook(keep)
            self.other.register_forward_hook(self.keeps)
            self.seen = torch.zeros(2)

        def keeps(self, module: nn.Module, args: object, output: Tensor) -> None:
            self.seen = output

        def forward(self, x: Tensor) -> Tensor:
            return self.other(self.child(x)) * self.table  # type: ignore[no-any-return]

    one = Watches()
    before = weights(one)
    one(torch.ones(3, 2))
    assert weights(one) == before
    assert [(module, name) for module, name, _ in arrays_beside(one)] == [(one, "table"), (one.other, "scale")]


class Gated(nn.Module):
    """A plain tensor `w` beside parameters whose names only look like pieces of it."""

    def __init__(self, table: Tensor, end: str) -> None:
        super().__init__()
        self.w = table
        self.register_parameter("w" + end, nn.Parameter(torch.ones(3)))

    def forward(self, x: Tensor) -> Tensor:
        return x @ self.w


@pytest.mark.parametrize("end", ["_v", "_g", "_orig"])
def test_a_parameters_name_alone_makes_nothing_computed(end: str) -> None:
    one, other = (Gated(scale * torch.eye(3), end) for scale in (1, 2))
    assert weights(one) != weights(other)
    assert [name for _, name, _ in arrays_beside(one)] == ["w"]


NORMS: dict[str, Callable[[nn.Module], object]] = {
    "weight norm": torch.nn.utils.weight_norm,
    "spectral norm": torch.nn.utils.spectral_norm,
    "weight norm, parametrised": torch.nn.utils.parametrizations.weight_norm,
    "pruned": lambda layer: prune.l1_unstructured(layer, "weight", 0.5),  # type: ignore[no-untyped-call]
}


@pytest.mark.filterwarnings("ignore:.*weight_norm.*is deprecated")
@pytest.mark.parametrize("kind", NORMS)
def test_what_a_hook_computes_is_left_out(kind: str) -> None:
    layer = nn.Linear(3, 3)
    NORMS[kind](layer)
    layer.requires_grad_(False)
    layer(torch.ones(1, 3))
    other = copy.deepcopy(layer)
    assert not [name for _, name, _ in beside(layer) if name.split(".")[0] in ("weight", "bias")]
    assert weights(layer) == weights(other)
