"""What a caller has set changes what the net does, never a statistic, and is as it was afterwards."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode

import layercensus as lc
from layercensus.layers.net import call
from layercensus.layers.torch_state import neutral

QUICK = lc.Settings(progress=False, resamples=20, twins=1, memory_format="contiguous")
X = torch.randn(220, 8, generator=torch.Generator().manual_seed(0))
State = Callable[[], AbstractContextManager[Any]]


def net() -> nn.Sequential:
    generator = torch.Generator().manual_seed(0)
    made = nn.Sequential(nn.Linear(8, 12), nn.ReLU(), nn.Linear(12, 3)).to(torch.float32)
    with torch.no_grad():
        for parameter in made.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=generator, dtype=torch.float32) / 3)
    return made


class Autocasting(nn.Sequential):
    def forward(self, x: Tensor) -> Tensor:
        with torch.autocast("cpu", dtype=torch.bfloat16):
            return super().forward(x)


class Functions(TorchFunctionMode):
    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return func(*args, **(kwargs or {}))


class Dispatches(TorchDispatchMode):
    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return func(*args, **(kwargs or {}))


@contextmanager
def setting(read: Callable[[], Any], write: Callable[[Any], Any], value: Any) -> Iterator[None]:
    before = read()
    write(value)
    try:
        yield
    finally:
        write(before)


STATES: dict[str, State] = {
    "float64": lambda: setting(torch.get_default_dtype, torch.set_default_dtype, torch.float64),
    "float16": lambda: setting(torch.get_default_dtype, torch.set_default_dtype, torch.float16),
    "meta": lambda: torch.device("meta"),
    "default device": lambda: setting(lambda: None, torch.set_default_device, "meta"),
    "inference": torch.inference_mode,
    "no gradients": torch.no_grad,
    "anomalies": lambda: torch.autograd.set_detect_anomaly(True, check_nan=True),
    "deterministic": lambda: setting(
        torch.are_deterministic_algorithms_enabled, torch.use_deterministic_algorithms, True
    ),
    "products": lambda: setting(torch.get_float32_matmul_precision, torch.set_float32_matmul_precision, "medium"),
    "function mode": Functions,
    "dispatch mode": Dispatches,
    "numpy errors": lambda: np.errstate(all="raise"),
    "numpy print": lambda: np.printoptions(precision=1, threshold=2),
}


def state() -> tuple[Any, ...]:
    return (
        torch.is_autocast_enabled("cpu"), torch.get_autocast_dtype("cpu"), torch.is_autocast_cache_enabled(),
        torch.get_default_dtype(), torch.get_default_device(), torch.is_inference_mode_enabled(),
        torch.is_grad_enabled(), torch.is_anomaly_enabled(), torch.are_deterministic_algorithms_enabled(),
        torch.get_float32_matmul_precision(), torch.get_num_threads(), np.geterr(), torch.get_rng_state().sum().item(),
        len(torch.overrides._get_current_function_mode_stack()),
    )  # fmt: skip


def same(a: lc.Census, b: lc.Census) -> None:
    pd.testing.assert_frame_equal(a.layers, b.layers, check_exact=True)
    pd.testing.assert_frame_equal(a.units, b.units, check_exact=True)
    pd.testing.assert_frame_equal(a.twin_units, b.twin_units, check_exact=True)
    assert a.arrays.keys() == b.arrays.keys()
    assert all(np.array_equal(a.arrays[key], b.arrays[key], equal_nan=True) for key in a.arrays)
    assert str(a.verdict) == str(b.verdict)


@pytest.fixture(scope="module")
def plain() -> lc.Census:
    return lc.take(net(), X, settings=QUICK)


@pytest.mark.parametrize("name", STATES)
def test_a_census_is_the_same_whatever_its_caller_has_set(name: str, plain: lc.Census) -> None:
    model = net()
    with STATES[name]():
        before = state()
        got = lc.take(model, X, settings=QUICK)
        text = str(got.verdict)
        assert state() == before
    assert text == str(plain.verdict)
    same(got, plain)


def test_autocast_changes_what_the_net_does_as_its_own_would() -> None:
    own = lc.take(Autocasting(*net()), X, settings=QUICK)
    model = net()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        before = state()
        got = lc.take(model, X, settings=QUICK)
        assert state() == before
        model(X).float().sum().backward()
    same(got, own)
    assert all(parameter.grad is not None for parameter in model.parameters())


@pytest.mark.parametrize("error", [KeyError, KeyboardInterrupt])
def test_state_is_as_it_was_after_an_error(error: type[BaseException]) -> None:
    def views(example: Any, random: Any) -> Any:
        raise error("stop")

    model = net()
    with (
        torch.autocast("cpu", dtype=torch.bfloat16),
        STATES["float64"](), torch.device("meta"), torch.inference_mode(), np.errstate(all="raise"),
    ):  # fmt: skip
        before = state()
        with pytest.raises((lc.CensusError, KeyboardInterrupt)):
            lc.take(model, X, views=views, settings=QUICK)
        assert state() == before


def test_a_forward_pass_sees_what_its_caller_has_set() -> None:
    seen: list[Any] = []

    class Looking(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            seen.append((torch.get_default_dtype(), torch.zeros(1).device.type, torch.is_autocast_enabled("cpu")))
            return x

    with STATES["float64"](), torch.autocast("cpu"), torch.device("meta"), neutral():
        assert (torch.get_default_dtype(), torch.zeros(1).device.type) == (torch.float32, "cpu")
        call(Looking(), X)
        assert not torch.is_autocast_enabled("cpu")
    assert seen == [(torch.float64, "meta", True)]


def test_layers_are_listed_in_any_state() -> None:
    listed = lc.layers_of(net(), X)
    model = net()
    with STATES["float64"](), torch.device("meta"), torch.autocast("cpu"):
        assert lc.layers_of(model, X) == listed


def test_user_code_sees_what_its_caller_has_set_and_a_measure_does_not() -> None:
    seen: dict[str, torch.dtype] = {}

    class Rows(torch.utils.data.Dataset[Tensor]):
        def __len__(self) -> int:
            return 40

        def __getitem__(self, row: int) -> Tensor:
            seen["data"] = torch.get_default_dtype()
            return X[row].double()

    def views(example: Any, random: Any) -> Any:
        seen["views"] = torch.get_default_dtype()
        return example * 1.01

    def extra(evidence: lc.Evidence) -> lc.Outcome:
        seen["measure"] = torch.get_default_dtype()
        return lc.Outcome({"mine": 1.0})

    mine = lc.Measure("mine", extra, layer_columns={"mine": lc.Column("mine")})
    with STATES["float64"]():
        lc.take(net(), Rows(), views=views, measures=(*lc.MEASURES, mine), settings=QUICK)
        assert torch.get_default_dtype() == torch.float64
    assert seen == {"data": torch.float64, "views": torch.float64, "measure": torch.float32}


def test_images_are_optimised_in_any_state() -> None:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(144, 3))
    options = lc.SeeOptions(steps=2, progress=False)
    pictures = torch.rand(20, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    with torch.no_grad(), STATES["float64"](), torch.device("meta"), np.errstate(all="raise"):
        before = state()
        got = lc.see(model, "1:0", data=pictures, options=options)
        assert state() == before
    assert len(got.entries) == 1
    assert torch.isfinite(got.images).all()


def test_layers_inside_a_recurrent_net_run_in_the_callers_precision() -> None:
    class Recurrent(nn.Module):
        def __init__(self, kind: type[nn.RNNBase]) -> None:
            super().__init__()
            self.a, self.l, self.o = nn.Linear(6, 8), kind(8, 8, num_layers=2, batch_first=True), nn.Linear(8, 3)

        def forward(self, x: Tensor) -> Tensor:
            y: Tensor = self.o(self.l(self.a(x))[0])
            return y

    for kind in (nn.LSTM, nn.GRU, nn.RNN):
        net = Recurrent(kind).eval()
        with torch.autocast("cpu", dtype=torch.bfloat16):
            layers = lc.layers_of(net, torch.randn(4, 5, 6))
        assert [(layer.name, layer.problem) for layer in layers if layer.default] == [
            ("l.l0", None),
            ("l", None),
            ("o", None),
        ]
