"""Sampling all layers together, and what a layer finds likely."""

import pytest
import torch

from layercensus.labs.cdbn.crbm import Crbm, Form
from layercensus.labs.cdbn.energy import controls, free_energy, likelier
from layercensus.labs.cdbn.joint import Chain, sample_joint
from layercensus.labs.cdbn.nets import Stack
from layercensus.labs.cdbn.page import dimension


@pytest.fixture(scope="module")
def coupled():
    """One layer over two pixels: two units that each want both pixels alike."""
    layer = Crbm(Form(1, 2, 2, 1))
    layer.weight.copy_(torch.tensor([[[[2.0, 2.0], [0.0, 0.0]]], [[[-1.5, -1.5], [0.0, 0.0]]]]))
    layer.hidden_bias.copy_(torch.tensor([-1.0, 0.5]))
    layer.visible_bias.fill_(0.2)
    return layer


def test_hidden_pixels_are_drawn_as_the_enumerated_distribution_has_them(coupled):
    chains = 400
    v = torch.zeros(chains, 1, 2, 2)
    v[..., 0, 0] = 1.0
    known = torch.ones_like(v, dtype=torch.bool)
    known[..., 0, 1] = False
    both = v[:2].clone()
    both[1, 0, 0, 1] = 1.0
    expected = torch.softmax(-free_energy(coupled, both), 0)[1]
    made = sample_joint(Stack([coupled]), v, Chain(60, 10, 0), known)
    assert torch.equal(made.mean[known], v[known])
    assert float(made.mean[..., 0, 1].mean()) == pytest.approx(float(expected), abs=0.02)


def test_where_a_chain_starts_is_forgotten(coupled):
    means = [
        float(sample_joint(Stack([coupled]), torch.full((300, 1, 2, 2), start), Chain(60, 20, 1)).mean.mean())
        for start in (0.0, 1.0)
    ]
    assert means[0] == pytest.approx(means[1], abs=0.02)


def test_a_layer_that_likes_its_images_finds_shuffled_ones_less_likely():
    torch.manual_seed(0)
    images = torch.zeros(40, 1, 28, 28)
    for number, image in enumerate(images):
        image[0, 4 + number % 12 : 12 + number % 12, 6:22] = 1.0  # a bar
    layer = Crbm(Form(1, 1, 3, 1))
    layer.weight.fill_(1.0)
    layer.hidden_bias.fill_(-7.0)
    (row,) = likelier(Stack([layer]), images, images, controls(images, 0))
    assert row.below["their pixels shuffled"] == 1
    assert row.training == 0


def test_controls_keep_the_pixels():
    images = torch.rand(3, 1, 28, 28, generator=torch.Generator().manual_seed(0))
    made = controls(images, 0)
    for name, control in made.items():
        assert control.shape == images.shape
        assert not torch.equal(control, images)
        if "half" not in name:
            assert torch.equal(control.flatten(1).sort(1).values, images.flatten(1).sort(1).values)
    joined = made["the left half of another"]
    assert torch.equal(joined[..., 14:], images[..., 14:])
    assert torch.equal(joined[1, ..., :14], images[0, ..., :14])


def test_no_dimension_is_told_that_so_few_examples_cannot_show():
    assert dimension(827.0, 400) == "not told (400 examples)"
    assert dimension(9.27, 400) == "9.3"
    assert dimension(None, 400) == "-"


def test_a_chain_needs_sweeps_after_its_burn_in():
    with pytest.raises(ValueError, match=r"^burn_in must be from 0 to sweeps - 1\. Got 5 of 5\.$"):
        Chain(5, 5)
