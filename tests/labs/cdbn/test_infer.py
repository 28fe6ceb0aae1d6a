"""Inference with the top-down term."""

import pytest
import torch

from layercensus.labs.cdbn.completion import HALVES, compare, complete, hidden_half
from layercensus.labs.cdbn.crbm import Crbm, Form
from layercensus.labs.cdbn.infer import Inference, infer
from layercensus.labs.cdbn.nets import Stack


@pytest.fixture(scope="module")
def twins():
    """Six pixels a row in two halves that are always equal: units of 1 x 3 see a half, one unit above joins both."""
    below = Crbm(Form(1, 2, 1, 1))
    below.weight.copy_(torch.tensor([6.0, -6.0]).reshape(2, 1, 1, 1))  # bright, dark
    below.hidden_bias.copy_(torch.tensor([-3.0, -3.0]))
    below.visible_bias.fill_(0.0)
    above = Crbm(Form(2, 2, 2, 1))
    above.weight.copy_(torch.stack([torch.stack([torch.full((2, 2), 4.0), torch.full((2, 2), -4.0)])] * 2))
    above.weight[1] *= -1
    above.hidden_bias.fill_(-2.0)
    return Stack([below, above])


def test_from_below_alone_the_hidden_half_is_not_told(twins):
    images = torch.tensor([1.0, 0.0])[:, None, None, None].expand(2, 1, 2, 2)
    made = complete(twins, images, "right")
    wrong = (made.without - images)[..., 1].abs().mean()
    right = (made.with_top - images)[..., 1].abs().mean()
    assert right < wrong


def test_what_is_given_stays_as_it_is(twins):
    images = torch.rand(5, 1, 2, 2, generator=torch.Generator().manual_seed(0))
    made = complete(twins, images, "top")
    assert torch.equal(made.with_top[:, :, 1], images[:, :, 1])


def test_a_single_layer_has_no_one_above_it(twins):
    alone = Stack(twins.crbms[:1])
    v = torch.rand(3, 1, 2, 2)
    with_top, without = (infer(alone, v, Inference(top_down=top)) for top in (True, False))
    assert torch.equal(with_top.visible, without.visible)
    assert torch.allclose(without.pooled[0], alone(v), atol=1e-5)


def test_block_gibbs_samples_are_states_that_the_seed_decides(twins):
    v = torch.ones(4, 1, 2, 2)
    first, again = (infer(twins, v, Inference(sample=True, seed=3)) for _ in range(2))
    assert set(first.on[0].unique().tolist()) <= {0.0, 1.0}
    assert torch.equal(first.on[0], again.on[0])


def test_a_reconstruction_resembles_what_it_is_of(twins):
    v = torch.tensor([1.0, 0.0])[:, None, None, None].expand(2, 1, 2, 2)
    assert (
        infer(twins, v, Inference()).visible - v
    ).abs().max() < 0.5 + 1e-6  # a dark unit draws grey: it cannot go below


@pytest.mark.parametrize("half", HALVES)
def test_half_of_the_pixels_are_hidden(half):
    assert hidden_half(torch.zeros(2, 1, 6, 8), half).float().mean() == 0.5


def test_equal_completions_have_no_gain(twins):
    images = torch.rand(6, 1, 2, 2)
    made = complete(Stack(twins.crbms[:1]), images, "left")
    found = compare(made, images, images.mean(0), "left", 0)
    assert (found.gain, found.low, found.high, found.images) == (0, 0, 0, 6)
