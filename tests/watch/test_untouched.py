"""A run with a watch and one without give the same weights bit by bit, and everything else is as it was."""

from __future__ import annotations

import random
from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import layercensus as lc

STEPS = 3
EVERYTHING = lc.WatchOptions(panel=16, needed_every=1, resamples=20)


class Chancy(nn.Module):
    """Draws from three generators, keeps running statistics and counts its own calls."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.norm, self.drop = nn.Conv2d(1, 6, 3), nn.BatchNorm2d(6), nn.Dropout(0.3)
        self.wide = nn.utils.parametrizations.spectral_norm(nn.Linear(6, 12))
        self.out = nn.Linear(12, 3)
        self.frozen = nn.Parameter(torch.ones(6), requires_grad=False)
        self.calls = 0

    def forward(self, x: Tensor) -> Tensor:
        self.calls += 1
        noise = float(np.random.standard_normal()) + random.random()
        x = torch.relu(self.norm(self.conv(x))).mean((2, 3)) * self.frozen
        x = self.drop(torch.relu(self.wide(x + 1e-3 * noise)))
        return self.out(x + 1e-3 * self.calls)


def seeded() -> None:
    torch.manual_seed(3)
    np.random.seed(3)
    random.seed(3)


def images() -> Tensor:
    return torch.rand(48, 1, 6, 6, generator=torch.Generator().manual_seed(0))


def trained(watched: bool, autocast: bool, *, between: bool = False) -> dict[str, Any]:
    """A short run; what it left. between: the watch reads after the backward pass, before the step."""
    seeded()
    net, data = Chancy(), images()
    net.norm.eval()  # as in fine-tuning: one part of the net does not train
    target = torch.arange(48) % 3
    optimiser = torch.optim.Adam([p for p in net.parameters() if p.requires_grad], 1e-2)
    seen: list[int] = []
    handle = net.conv.register_forward_hook(lambda module, args, output: seen.append(len(output)) or None)
    watch = lc.watch(net, data, every=1, budget=None, options=EVERYTHING) if watched else None
    with torch.autocast("cpu", enabled=autocast):
        for _ in range(STEPS):
            rows = torch.randperm(48)[:16]
            loss = nn.functional.cross_entropy(net(data[rows]), target[rows])
            if watch is not None and between:
                watch.step()
            loss.backward()  # gradients are added up: they are part of what must stay
            optimiser.step()
            if watch is not None and not between:
                watch.step()
    if watch is not None:
        watch.close()
        assert len(watch.timeline) == STEPS + 1
        assert watch.timeline.layers["needed"].notna().any()
        assert watch.timeline.layers["reliable"].notna().any()
        assert watch.timeline.failed == ()
    return {
        "weights": net.state_dict(), "gradients": {n: p.grad for n, p in net.named_parameters()},
        "optimiser": optimiser.state_dict()["state"], "random": torch.rand(5), "numpy": np.random.rand(),
        "python": random.random(), "modes": [m.training for m in net.modules()], "calls": net.calls,
        "grows": [p.requires_grad for p in net.parameters()],
        "hooks": [(len(m._forward_hooks), len(m._forward_pre_hooks), len(m._backward_hooks)) for m in net.modules()],
        "own hook": list(net.conv._forward_hooks) == [handle.id],
    }  # fmt: skip


def same(a: Any, b: Any) -> bool:
    if isinstance(a, Tensor):
        return torch.equal(a, b)
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(same(a[k], b[k]) for k in a)
    return bool(a == b)


@pytest.mark.parametrize(("autocast", "between"), [(False, False), (True, True)])
def test_a_run_is_the_same_bit_by_bit(autocast: bool, between: bool) -> None:
    alone, watched = trained(False, autocast), trained(True, autocast, between=between)
    assert [name for name in alone if not same(alone[name], watched[name])] == []


def test_the_comparison_would_see_one_bit() -> None:
    a = torch.ones(3)
    b = torch.nextafter(a, torch.full((3,), 2.0))
    assert not same({"weights": {"w": a}}, {"weights": {"w": b}})


def plain() -> nn.Module:
    return nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(64, 3))


@pytest.mark.parametrize("state", [torch.inference_mode, torch.no_grad, nullcontext])
def test_whatever_the_caller_has_set_stands_afterwards(state: Callable[[], Any]) -> None:
    net, data = plain(), images()
    with state():
        before = torch.is_grad_enabled(), torch.is_inference_mode_enabled(), torch.get_default_dtype()
        with lc.watch(net, data, every=1, budget=None, options=EVERYTHING) as watch:
            watch.step()
        assert (torch.is_grad_enabled(), torch.is_inference_mode_enabled(), torch.get_default_dtype()) == before
    assert watch.timeline.failed == ()


def test_the_order_of_a_shuffling_loader_is_not_disturbed() -> None:
    data = torch.utils.data.TensorDataset(images(), torch.arange(48) % 3)
    orders = []
    for watched in (False, True):
        seeded()
        net, own = plain(), torch.Generator().manual_seed(5)
        loaders = [torch.utils.data.DataLoader(data, 8, shuffle=True, generator=generator) for generator in (None, own)]
        for loader in loaders:
            if watched:
                lc.watch(net, loader, every=1, options=EVERYTHING).close()
        orders.append([labels.tolist() for loader in loaders for _, labels in loader])
    assert orders[0] == orders[1]
