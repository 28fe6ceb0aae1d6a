"""A small net takes one of torch's threads, a larger one all; the caller's number is what it was."""

import pytest
import torch
from torch import nn

import layercensus as lc


class Counting(nn.Sequential):
    """Which number of threads its passes of more than two examples had."""

    threads: set[int]

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if len(x) > 4:
            self.threads.add(torch.get_num_threads())
        out: torch.Tensor = super().forward(x)
        return out


@pytest.mark.parametrize(("width", "threads"), [(16, {1}), (8192, {2})])
def test_threads_follow_the_size_of_the_net(width: int, threads: set[int], two_threads: None) -> None:
    net = Counting(nn.Linear(20, width), nn.ReLU(), nn.Linear(width, 2))
    net.threads = set()
    x = torch.randn(40, 20, generator=torch.Generator().manual_seed(0))
    lc.take(
        net, x, layers="1", twin=False, settings=lc.Settings(progress=False, needed=False, panel=16, other_views=False)
    )
    assert net.threads == threads
    assert torch.get_num_threads() == 2
