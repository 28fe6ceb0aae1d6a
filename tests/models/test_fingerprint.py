from __future__ import annotations

import copy

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from layercensus.models.fingerprint import weights


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
