"""Training one layer."""

import pytest
import torch

from layercensus.errors import CensusError
from layercensus.labs.cdbn.crbm import Form
from layercensus.labs.cdbn.small import batches
from layercensus.labs.cdbn.train import Recipe, train

FORM = Form(1, 6, 3, 2)


@pytest.fixture(scope="module")
def data():
    generator = torch.Generator().manual_seed(0)
    rows = (torch.rand(60, 1, 8, 1, generator=generator) < 0.3).float()
    return batches(rows.expand(60, 1, 8, 8), 16)  # horizontal lines


def weights(trained):
    return torch.cat([p.flatten() for p in trained.layer.parameters()])


def test_the_same_seed_gives_the_same_layer_and_another_one_another(data):
    first, again, other = (train(FORM, data, Recipe(20, 0.1), seed) for seed in (1, 1, 2))
    assert torch.equal(weights(first), weights(again))
    assert not torch.equal(weights(first), weights(other))


def test_units_become_as_sparse_as_the_target(data):
    recipe = Recipe(400, 0.1, target=0.06, sparsity=5, l2=0.001, epoch=20)
    assert train(FORM, data, recipe, 0).sparsity == pytest.approx(0.06, rel=0.2)


def test_reconstructions_become_better_than_the_mean(data):
    trained = train(FORM, data, Recipe(400, 0.2, target=0.1, sparsity=1, l2=0, epoch=50), 0)
    v = data(torch.Generator().manual_seed(5))
    layer = trained.layer
    v = layer.fit(v)
    error = (layer.visible(layer.hidden(v)[0]) - v).square().mean()
    assert error < 0.5 * v.var()


def test_an_interrupted_training_goes_on_to_the_same_layer(data, tmp_path):
    recipe, file = Recipe(30, 0.1, persistent=True), tmp_path / "layer.safetensors"

    def stop(done):
        if done == 11:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(FORM, data, recipe, 3, file, step=stop)
    assert not file.exists()
    seen = []
    resumed = train(FORM, data, recipe, 3, file, step=seen.append)
    assert seen[0] == 11
    assert torch.equal(weights(resumed), weights(train(FORM, data, recipe, 3)))
    again = train(FORM, data, recipe, 3, file, step=seen.append)
    assert torch.equal(weights(again), weights(resumed))
    assert [entry.name for entry in tmp_path.iterdir()] == ["layer.safetensors"]


def test_another_training_is_not_resumed(data, tmp_path):
    file = tmp_path / "layer.safetensors"
    train(FORM, data, Recipe(5), 0, file)
    with pytest.raises(CensusError, match=r"must hold the layer that was asked for\. Got another\. Pass another out"):
        train(FORM, data, Recipe(6), 0, file)


def test_weights_that_grow_without_bound_are_refused(data):
    with pytest.raises(CensusError, match=r"^Weights must stay finite\. Got others at step \d+\. Lower the rate\.$"):
        train(FORM, data, Recipe(200, 1e18), 0)


def test_schedules():
    recipe = Recipe(rate=0.1, epoch=10, decay=0.01, settled=5, sigma=(0.2, 0.1), anneal=0.9)
    assert [recipe.momentum_at(step) for step in (0, 49, 50)] == [0.5, 0.5, 0.9]
    assert recipe.rate_at(0) == 0.1
    assert recipe.rate_at(1000) == pytest.approx(0.1 / 2)
    assert recipe.sigma_at(10) == pytest.approx(0.18)
    assert recipe.sigma_at(1000) == 0.1


def test_l1_and_l2_make_the_filters_smaller(data):
    free, ridge, lasso = (
        train(FORM, data, Recipe(100, 0.1, l2=l2, l1=l1), 0).layer.weight.norm()
        for l2, l1 in ((0, 0), (0.05, 0), (0, 0.05))
    )
    assert ridge < free
    assert lasso < free


def test_unusable_recipes_are_refused():
    with pytest.raises(CensusError, match=r"^steps, k and epoch must be at least 1\. Got 0, 1 and 20\.$"):
        Recipe(0)
    with pytest.raises(CensusError, match=r"^target must be between 0 and 1\. Got 1\.$"):
        Recipe(target=1)
