"""Stacks as nets."""

import pytest
import torch

from layercensus.data.arrays import Arrays
from layercensus.errors import CensusError
from layercensus.labs.cdbn.crbm import Crbm, Form
from layercensus.labs.cdbn.nets import COUNTED, Stack, as_json, as_model, needed, untrained
from layercensus.labs.saved import open_lab, save_net
from layercensus.models.randomness import own_randomness
from layercensus.settings import Settings
from layercensus.take import layers_of, take

FORMS = [Form(1, 5, 3, 2, real=True), Form(5, 4, 2, 2)]


@pytest.fixture(scope="module")
def stack():
    with own_randomness(0):
        return Stack([Crbm(form, start=0.5) for form in FORMS]).eval()


def test_a_stack_is_its_layers_one_after_the_other(stack):
    v = torch.randn(3, 1, 9, 9)
    first, second = stack.crbms
    pooled = first.hidden(first.fit(v))[1]
    assert torch.allclose(stack(v), second.hidden(second.fit(pooled))[1], atol=1e-6)
    assert [tuple(a.shape) for a in stack.activations(v)] == [(3, 5, 3, 3), (3, 4, 1, 1)]


def test_the_smallest_input_is_known():
    assert needed(FORMS) == 8
    stack = untrained(FORMS, 0)
    assert stack(torch.zeros(1, 1, 8, 8)).shape == (1, 4, 1, 1)
    with pytest.raises(CensusError):
        stack(torch.zeros(1, 1, 7, 7))


def test_a_layer_on_units_that_are_not_its_input_is_refused():
    with pytest.raises(CensusError, match=r"^A layer must take the units of the one below\."):
        Stack([Crbm(Form(1, 5, 3, 2)), Crbm(Form(4, 4, 2, 2))])


def test_the_twin_keeps_norms_and_biases(stack):
    twin = untrained(FORMS, 1, stack.crbms)
    for own, theirs in zip(twin.crbms, stack.crbms, strict=True):
        assert torch.allclose(own.weight.flatten(1).norm(dim=1), theirs.weight.flatten(1).norm(dim=1))
        assert torch.equal(own.hidden_bias, theirs.hidden_bias)
        assert not torch.allclose(own.weight, theirs.weight)


def test_a_kept_stack_opens_as_a_model(stack, tmp_path):
    save_net(tmp_path / "stack.safetensors", "cdbn", as_json(stack), stack.state_dict(), side=9)
    model = open_lab(str(tmp_path / "stack.safetensors"))
    v = torch.randn(2, 1, 9, 9)
    assert torch.equal(model.net(v), stack(v))
    names = [layer.name for layer in layers_of(model)]
    assert {"layer.0.detection", "layer.0.pooling", "layer.1.detection", "layer.1.pooling"} <= set(names)


def test_a_census_counts_detection_and_pooling_units(stack):
    source = Arrays(torch.randn(24, 1, 9, 9, generator=torch.Generator().manual_seed(0)), name="noise")
    settings = Settings(progress=False, twins=1, pictures=0, resamples=20, panel=24)
    census = take(as_model(stack, "tiny", 9), source, layers=list(COUNTED), settings=settings)
    assert list(census.layers["layer"]) == [
        "layer.0.detection", "layer.0.pooling", "layer.1.detection", "layer.1.pooling",
    ]  # fmt: skip
    assert list(census.layers["width"]) == [5, 5, 4, 4]
