from __future__ import annotations

import copy
import functools
import warnings
from collections.abc import Callable
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn
from torch.nn.utils import prune

from layercensus.models.fingerprint import weights
from layercensus.models.randomness import own_randomness


def net() -> nn.Module:
    made = nn.Sequential(nn.Conv2d(2, 4, 3), nn.BatchNorm2d(4))
    made.register_buffer("table", torch.arange(3.0), persistent=False)
    return made


@given(st.data())
def test_any_changed_number_changes_it(data: st.DataObject) -> None:
    one = net()
    other = copy.deepcopy(one)
    held = [*other.parameters(), *other.buffers()]
    changed = data.draw(st.sampled_from(range(len(held))))
    place = data.draw(st.integers(0, held[changed].numel() - 1))
    assert weights(one) == weights(other)
    with torch.no_grad():
        held[changed].view(-1)[place] += 1
    assert weights(one) != weights(other)


@pytest.mark.filterwarnings("ignore:.*script_method:DeprecationWarning")
def test_layout_and_compilation_do_not_change_it() -> None:
    one = net()
    expected = weights(one)
    assert len(expected) == 64
    assert weights(torch.compile(one)) == expected  # type: ignore[arg-type]
    assert weights(one.to(memory_format=torch.channels_last)) == expected  # type: ignore[call-overload]


def test_names_types_and_shapes_change_it() -> None:
    flat, row = nn.ParameterDict({"a": torch.zeros(4)}), nn.ParameterDict({"a": torch.zeros(1, 4)})
    half, renamed = nn.ParameterDict({"a": torch.zeros(8).half()}), nn.ParameterDict({"b": torch.zeros(4)})
    assert len({weights(n) for n in (flat, row, half, renamed)}) == 4


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float64, torch.complex64])
def test_every_type_of_number(dtype: torch.dtype) -> None:
    one, other = (nn.ParameterDict({"a": torch.full((3,), v, dtype=dtype), "b": torch.tensor(1.0)}) for v in (1, 2))
    assert weights(one) != weights(other)
    assert weights(nn.ParameterDict({"a": torch.zeros(0, dtype=dtype)})) != weights(nn.ParameterDict())


class Holder(nn.Module):
    """A net that computes with whatever it is given."""

    def __init__(self, **kept: object) -> None:
        super().__init__()
        self.calls = 0
        self.log: list[float] = []
        for name, value in kept.items():
            setattr(self, name, value)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.calls += 1
        self.last = x
        self.log.append(1.5)
        return x


class Extra(Holder):
    def get_extra_state(self) -> object:
        return {"scale": self.hidden}

    @property
    def hidden(self) -> torch.Tensor:
        return torch.full((2,), float(self.calls))


def closure(number: float) -> Callable[[torch.Tensor], torch.Tensor]:
    held = torch.full((2,), number)
    return lambda x: x * held


def quantised(number: float, kind: type[nn.Module], dtype: torch.dtype = torch.qint8) -> nn.Module:
    with own_randomness(0), warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")
        layer = kind(4, 4)
        next(layer.parameters()).mul_(number)
        return torch.ao.quantization.quantize_dynamic(nn.Sequential(layer), {kind}, dtype=dtype)


def extra(number: int) -> nn.Module:
    made = Extra()
    made.calls = number
    return made


DIFFERENT: dict[str, Callable[[int], nn.Module]] = {
    "a plain tensor": lambda n: Holder(weight=torch.full((2,), float(n))),
    "a private tensor": lambda n: Holder(_weight=torch.full((2,), float(n))),
    "a list of tensors": lambda n: Holder(weights=[torch.zeros(2), torch.full((2,), float(n))]),
    "a dict of lists of tensors": lambda n: Holder(weights={"a": [torch.full((2,), float(n))]}),
    "an array": lambda n: Holder(weight=np.full(2, float(n))),
    "an object with a tensor": lambda n: Holder(held=SimpleNamespace(weight=torch.full((2,), float(n)))),
    "a module hidden in a list": lambda n: Holder(held=[nn.ParameterDict({"a": torch.full((2,), float(n))})]),
    "a closure": lambda n: Holder(function=closure(float(n))),
    "a partial function": lambda n: Holder(function=functools.partial(torch.mul, other=torch.full((2,), float(n)))),
    "a number": lambda n: Holder(temperature=float(n)),
    "a whole number": lambda n: Holder(groups=n),
    "a function": lambda n: Holder(act=(nn.functional.relu, nn.functional.gelu)[n - 1]),
    "another lambda": lambda n: Holder(act=(lambda x: x + 1, lambda x: x - 1)[n - 1]),
    "a kind of activation": lambda n: nn.Sequential((nn.ReLU(), nn.GELU())[n - 1]),
    "a stride": lambda n: nn.Sequential(nn.MaxPool2d(2, stride=n)),
    "a slope": lambda n: nn.Sequential(nn.LeakyReLU(float(n))),
    "extra state": extra,
    "a quantised linear layer": lambda n: quantised(n, nn.Linear),
    "a linear layer in half precision": lambda n: quantised(n, nn.Linear, torch.float16),
    "a quantised LSTM": lambda n: quantised(n, nn.LSTM),
    "a quantised tensor": lambda n: Holder(w=torch.quantize_per_tensor(torch.ones(2) * n, 0.1, 0, torch.qint8)),
}


@pytest.mark.filterwarnings("ignore:TypedStorage is deprecated")
@pytest.mark.parametrize("kind", DIFFERENT)
def test_nets_that_compute_differently_differ(kind: str) -> None:
    make = DIFFERENT[kind]
    one, again, other = make(1), make(1), make(2)
    assert weights(one) == weights(again) == weights(copy.deepcopy(one)) != weights(other)


@pytest.mark.filterwarnings("ignore:.*script_method:DeprecationWarning")
def test_what_passes_does_not_count() -> None:
    one = nn.Sequential(Holder(temperature=2.0), nn.Linear(3, 3))
    before = weights(one)
    one(torch.ones(2, 3))
    one(torch.zeros(2, 3))
    one.train(not one.training)
    one[1].compile()
    assert weights(one) == before
    assert weights(torch.compile(one)) == before  # type: ignore[arg-type]


def test_weights_that_a_hook_computes_are_known_by_what_they_are_computed_from() -> None:
    one = nn.Sequential(nn.Linear(3, 3)).requires_grad_(False)
    prune.l1_unstructured(one[0], "weight", 0.5)
    other = copy.deepcopy(one)
    other[0].weight = torch.zeros(3, 3)  # left from before the weights were loaded
    assert weights(one) == weights(other)
    other(torch.ones(1, 3))
    assert weights(one) == weights(other)
    other[0].weight_mask.logical_not_()
    assert weights(one) != weights(other)
