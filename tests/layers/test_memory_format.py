from __future__ import annotations

import contextlib
import time

import pytest
import torch
from torch import Tensor, nn

from layercensus.layers.memory_format import memory_format, pick_format
from layercensus.models.fingerprint import weights


class Prefers(nn.Conv2d):
    """A convolution that is slow in all but one layout."""

    def __init__(self, last: bool) -> None:
        super().__init__(4, 4, 3)
        self.last, self.seen = last, []  # type: ignore[var-annotated]

    def forward(self, input: Tensor) -> Tensor:
        self.seen.append((len(input), self.training, _is_last(input), _is_last(self.weight)))
        time.sleep(0 if _is_last(self.weight) == self.last else 0.05)
        return super().forward(input)


def _is_last(x: Tensor) -> bool:
    return x.is_contiguous(memory_format=torch.channels_last)


@pytest.mark.parametrize(("last", "name"), [(True, "channels_last"), (False, "contiguous")])
def test_the_faster_one_is_picked(last: bool, name: str) -> None:
    net = Prefers(last).train()
    picked, seconds = pick_format(net, torch.ones(9, 4, 5, 5))
    assert picked == name
    assert set(seconds) == {"contiguous", "channels_last"}
    assert seconds[name] < 0.05 <= max(seconds.values())
    assert net.seen == [(8, False, False, False), (8, False, True, True)] * 3
    assert net.training


def test_a_slow_net_is_passed_once_in_each(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("layercensus.layers.memory_format.BUDGET", 0.04)
    net = Prefers(True)
    pick_format(net, torch.ones(2, 4, 5, 5))
    assert [seen[3] for seen in net.seen] == [False, True]


@pytest.mark.parametrize(
    ("net", "inputs"),
    [
        (nn.Linear(5, 5), torch.ones(2, 3, 4, 5)),
        (nn.Conv2d(3, 3, 1), torch.ones(2, 3, 4, 5).double().long()),
        (nn.Conv1d(3, 3, 1), torch.ones(2, 3, 4)),
        (nn.Conv2d(3, 3, 1), {"x": torch.ones(2, 3, 4, 5)}),
    ],
)
def test_nothing_is_timed_where_there_is_no_choice(net: nn.Module, inputs: object) -> None:
    assert pick_format(net, inputs) == ("contiguous", {})


@pytest.mark.parametrize("own", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize("name", ["contiguous", "channels_last"])
def test_the_very_tensors_are_put_back(own: torch.memory_format, name: str) -> None:
    net = nn.Sequential(nn.Conv2d(4, 8, 3), nn.Conv2d(8, 8, 1), nn.BatchNorm2d(8)).to(memory_format=own)  # type: ignore[call-overload]
    before = [(p.data_ptr(), p.stride()) for p in net.parameters()]
    hashed = weights(net)
    with contextlib.suppress(KeyboardInterrupt), memory_format(net, name):
        assert _is_last(net[0].weight) == (name == "channels_last")
        assert weights(net) == hashed
        raise KeyboardInterrupt
    assert [(p.data_ptr(), p.stride()) for p in net.parameters()] == before


def test_picking_leaves_the_net_as_it_is() -> None:
    net = nn.Sequential(nn.Conv2d(4, 8, 3), nn.BatchNorm2d(8), nn.Dropout()).train()
    before, random = [(p.data_ptr(), p.stride()) for p in net.parameters()], torch.random.get_rng_state()
    hashed = weights(net)
    pick_format(net, torch.ones(2, 4, 5, 5))
    assert [(p.data_ptr(), p.stride()) for p in net.parameters()] == before
    assert weights(net) == hashed
    assert all(m.training for m in net.modules())
    assert torch.equal(torch.random.get_rng_state(), random)
