"""One layer against sums over all of its states."""

import pytest
import torch
from scipy import stats

from layercensus.errors import CensusError
from layercensus.labs.cdbn.crbm import Crbm, Form
from layercensus.labs.cdbn.energy import energy, free_energy
from layercensus.labs.cdbn.train import Chain, contrast
from tests.labs.cdbn import tiny


@pytest.fixture(scope="module")
def data():
    return torch.bernoulli(
        torch.full((40, 1, 3, 3), 0.35, dtype=torch.float64), generator=torch.Generator().manual_seed(3)
    )


def test_conditionals_are_those_of_the_enumerated_joint_distribution():
    made, h = tiny.layer(), tiny.hidden_states()
    p = tiny.joint(made)
    on, pooled = made.hidden(tiny.visible_states())
    exact = torch.einsum("vh,hkij->vkij", p / p.sum(1, keepdim=True), h)
    assert torch.allclose(on, exact, atol=1e-12)
    assert torch.allclose(pooled[..., 0, 0], exact.sum((2, 3)), atol=1e-12)
    seen = torch.einsum("vh,vcij->hcij", p / p.sum(0), tiny.visible_states())
    assert torch.allclose(made.visible(h), seen, atol=1e-12)


def test_the_free_energy_is_that_of_the_enumerated_joint_distribution():
    made = tiny.layer()
    expected = torch.softmax(-free_energy(made, tiny.visible_states()), 0)
    assert torch.allclose(expected, tiny.joint(made).sum(1), atol=1e-12)


def test_a_real_layer_is_gaussian_given_its_hidden_state():
    made = Crbm(Form(1, 2, 2, 2, real=True), start=1.0).double()
    made.sigma.fill_(0.5)
    h = tiny.hidden_states()[7:8]
    v = torch.randn(50, 1, 3, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    energies = energy(made, v, h.expand(50, -1, -1, -1))
    log_density = -(v - made.visible(h)).square().sum((1, 2, 3)) / (2 * 0.25)
    assert torch.allclose(energies + log_density, (energies + log_density).mean().expand(50), atol=1e-9)


def test_contrastive_divergence_climbs_the_exact_gradient_and_agrees_with_it_as_k_grows(data):
    made = tiny.layer(scale=4.0)  # strong weights, from which one step is not enough
    exact = tiny.gradient(made, data)
    many = data.repeat(200, 1, 1, 1)

    def agreement(k):
        found = tiny.flat(list(contrast(made, many, Chain(k), torch.Generator().manual_seed(k))[0]))
        assert torch.dot(found, exact) > 0
        return float((found - exact).norm() / exact.norm())

    errors = [agreement(k) for k in (1, 3, 10)]
    assert errors[2] < errors[1] < errors[0]
    assert errors[2] < 0.03


def test_the_exact_gradient_is_that_of_the_log_likelihood(data):
    made = tiny.layer()
    step, direction = 1e-5, torch.randn(made.weight.shape, dtype=torch.float64)
    with torch.no_grad():
        likelihoods = []
        for sign in (1, -1):
            made.weight += sign * step * direction
            every = torch.logsumexp(-free_energy(made, tiny.visible_states()), 0)
            likelihoods.append((-free_energy(made, data)).mean() - every)
            made.weight -= sign * step * direction
    slope = (likelihoods[0] - likelihoods[1]) / (2 * step)
    weights = tiny.gradient(made, data)[: direction.numel()]
    assert float(slope) == pytest.approx(float(weights @ direction.flatten()), rel=1e-5)


def test_gibbs_samples_match_the_enumerated_probabilities():
    made, generator = tiny.layer(), torch.Generator().manual_seed(1)
    v = torch.bernoulli(torch.full((20000, 1, 3, 3), 0.5, dtype=torch.float64), generator=generator)
    for _ in range(40):
        v = made.sample_visible(made.sample_hidden(v, generator)[0], generator)
    index = (v.flatten(1) @ (2 ** torch.arange(8, -1, -1, dtype=torch.float64))).long()
    counts = torch.bincount(index, minlength=512)
    expected = tiny.joint(made).sum(1) * len(v)
    common = expected >= 5
    assert expected[~common].sum() < 1e-3 * len(v)
    wanted = expected[common] * counts[common].sum() / expected[common].sum()
    assert stats.chisquare(counts[common], wanted).pvalue > 1e-3


def test_inputs_are_cut_to_what_the_blocks_tile():
    made = Crbm(Form(1, 2, 3, 2))
    assert made.fit(torch.zeros(1, 1, 8, 9)).shape == (1, 1, 8, 8)
    with pytest.raises(CensusError, match=r"^The layer's input must be at least 4 wide\. Got \(3, 9\)\.$"):
        made.fit(torch.zeros(1, 1, 3, 9))
