"""What a count of units can see, and what it cannot, on trained nets whose features are known."""

import torch

import layercensus as lc
from layercensus.testing.trained import INPUTS, relearned, sparse, superposed

QUIET = lc.Settings(progress=False)


def test_features_in_superposition_are_undercounted() -> None:
    net = superposed(0)
    assert net(torch.eye(5)).argmax(1).tolist() == list(range(5))  # all five can be told apart
    x = sparse(2048, 5, torch.Generator().manual_seed(1))
    census = lc.take(net, x, layers="hidden", twin=False, settings=QUIET)
    assert census.layers["width"].item() == 2
    assert 1 <= census.layers["distinct"].item() <= 2


def test_what_wide_students_share_is_what_the_teacher_has_and_what_one_holds_is_more() -> None:
    width, distinct = 8, []
    for seed in range(3):
        net, replicas = relearned(seed, width, 32)
        x = torch.randn(2048, INPUTS, generator=torch.Generator().manual_seed(seed))
        row = lc.take(net, x, replicas=replicas, layers="1", twin=False, settings=QUIET).layers.iloc[0]
        assert abs(row["replicated"] - width) <= 0.2 * width
        distinct.append(row["distinct"])
    assert sum(distinct) / 3 > 1.2 * width
