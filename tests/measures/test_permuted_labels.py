"""Permuted labels are the same however many of them are kept and whoever asked before."""

import pytest
import torch

from layercensus.measures.permuted_labels import Orders, orders, permuted_labels

LABEL, GROUP = torch.arange(40) % 5, torch.arange(40)


@pytest.mark.parametrize("most", [0, 10, 27, 1000])
def test_they_are_those_that_the_seed_draws(most: int) -> None:
    draw, generator = permuted_labels(LABEL, GROUP), torch.Generator().manual_seed(3)
    plain = torch.stack([draw(generator) for _ in range(100)])
    kept = Orders(permuted_labels(LABEL, GROUP), torch.Generator().manual_seed(3), most)
    for asked in (30, 100, 7, 100):
        assert torch.equal(torch.cat(list(kept.stacks(asked, 9))), plain[:asked])
    assert len(kept.drawn) == min(most, 100)


def test_other_labels_and_seeds_have_their_own() -> None:
    one = torch.cat(list(orders(LABEL, GROUP, 0).stacks(5, 2)))
    assert not torch.equal(one, torch.cat(list(orders(LABEL, GROUP, 1).stacks(5, 2))))
    assert torch.equal(one, torch.cat(list(orders(LABEL, GROUP, 0).stacks(5, 5))))
