"""Groups of examples: their numbers, halves that share none, and orders in which they stay together."""

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st

from layercensus.tally import Panel
from layercensus.tally.groups import alone, halves, moved, numbered, sizes

some = st.lists(st.integers(-9, 9), max_size=60).map(lambda values: torch.tensor(values, dtype=torch.int64))


@given(some)
def test_numbers_name_the_same_groups_from_the_largest_down(group: torch.Tensor) -> None:
    number = numbered(group)
    assert torch.equal(number[:, None] == number, group[:, None] == group)
    assert sizes(group) == sorted(sizes(group), reverse=True)
    assert sum(sizes(group)) == len(group)


@given(some)
def test_no_group_is_in_both_halves_and_both_have_as_many(group: torch.Tensor) -> None:
    which = halves(group)
    first, second = set(group[which == 0].tolist()), set(group[which == 1].tolist())
    assert not first & second
    assert abs(len(first) - len(second)) <= 1
    assert abs(int((which == 0).sum()) - int((which == 1).sum())) <= max(sizes(group), default=0)


def test_halves_by_hand() -> None:
    assert halves(torch.tensor([5, 3, 8, 1, 4])).tolist() == [0, 1, 0, 1, 0]  # each alone: every second one
    # groups of 4, 3, 2, 1: the 4 to the first half, the 3 to the second, then the 2 to the smaller one, the second
    assert halves(torch.tensor([7, 7, 7, 7, 2, 2, 2, 9, 9, 1])).tolist() == [0, 0, 0, 0, 1, 1, 1, 1, 1, 0]


@given(some, st.integers(0, 9))
def test_an_order_moves_whole_groups(group: torch.Tensor, seed: int) -> None:
    to = group[moved(group, lambda n: torch.from_numpy(np.random.default_rng(seed).permutation(n)))]
    partners = {(a, b) for a, b in zip(group.tolist(), to.tolist(), strict=True)}
    if alone(group):
        assert sorted(to.tolist()) == sorted(group.tolist())
    assert len({a for a, _ in partners}) == len({b for _, b in partners}) == len(partners)  # one to one


def test_a_panel_cuts_between_groups() -> None:
    keys, x = torch.arange(12), torch.arange(12.0)[:, None]
    group = torch.tensor([0, 0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 3])
    panel = Panel(torch.tensor(12), keys, keys, x, x, x, x, x, x, x[:, None], torch.zeros(12, 0), group)
    assert panel.half(0).key.tolist() == [0, 1, 2, 9, 10, 11] or panel.half(0).key.tolist() == [0, 1, 2, 6, 7, 8]
    assert panel.half(1).group.unique().tolist() == sorted({0, 1, 2, 3} - set(panel.half(0).group.tolist()))
