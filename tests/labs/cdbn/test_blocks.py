"""Probabilistic max-pooling."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from layercensus.errors import CensusError
from layercensus.labs.cdbn.blocks import probabilities, sample


@settings(max_examples=30, deadline=None)
@given(side=st.integers(1, 4), scale=st.floats(0.01, 300), seed=st.integers(0, 1000))
def test_a_block_and_its_off_state_sum_to_one(side, scale, seed):
    inputs = scale * torch.randn(2, 3, 2 * side, 3 * side, generator=torch.Generator().manual_seed(seed)).double()
    on, off = probabilities(inputs, side)
    total = torch.nn.functional.avg_pool2d(on, side, divisor_override=1) + off
    assert torch.allclose(total, torch.ones_like(total), atol=1e-12)
    assert on.min() >= 0


def test_a_block_of_one_unit_is_the_sigmoid():
    inputs = torch.linspace(-40, 40, 81, dtype=torch.float64).reshape(1, 1, 9, 9)
    assert torch.allclose(probabilities(inputs, 1)[0], torch.sigmoid(inputs), rtol=1e-12)


def test_blocks_are_those_of_the_map():
    inputs = torch.full((1, 1, 4, 4), -50.0)
    inputs[0, 0, 1, 2] = 50.0
    on, off = probabilities(inputs, 2)
    assert on[0, 0, 1, 2] == pytest.approx(1)
    assert off.flatten().tolist() == pytest.approx([1, 0, 1, 1])


def test_samples_follow_the_probabilities():
    inputs = torch.tensor([[0.5, -1.0], [1.5, 0.0]]).reshape(1, 1, 2, 2).expand(20000, 1, 2, 2)
    on, off = probabilities(inputs[:1], 2)
    detection, pooling = sample(*probabilities(inputs, 2), 2, torch.Generator().manual_seed(0))
    assert torch.equal(detection.sum((2, 3)), pooling[:, :, 0, 0])
    counts = [*detection.sum(0).flatten().tolist(), float((pooling == 0).sum())]
    expected = 20000 * torch.cat([on.flatten(), off.flatten()]).double()
    assert stats.chisquare(counts, expected / expected.sum() * sum(counts)).pvalue > 1e-3


def test_a_block_where_one_unit_is_certain_is_always_on():
    inputs = torch.full((64, 1, 2, 2), 90.0)
    assert (sample(*probabilities(inputs, 2), 2, torch.Generator().manual_seed(0))[1] == 1).all()


def test_a_map_that_blocks_do_not_tile_is_refused():
    with pytest.raises(CensusError, match=r"^A map must be tiled by blocks of 2 x 2\. Got \(3, 4\)\.$"):
        probabilities(torch.zeros(1, 1, 3, 4), 2)
