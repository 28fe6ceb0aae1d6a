"""A net of the same weights in another order."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils import parametrizations

from layercensus.errors import CensusError
from layercensus.models.fingerprint import weights
from layercensus.models.shuffled import shuffled

from .test_twin import ZOO, Tied, pruned, trained


@pytest.fixture(params=[name for name in ZOO if "norm" not in name or name == "layer norm over maps"])
def net(request: pytest.FixtureRequest) -> nn.Module:
    make: Callable[[], nn.Module] = ZOO[request.param]
    return trained(make())


def numbers(tensor: Tensor) -> Tensor:
    return tensor.detach().flatten().sort().values


def test_every_parameter_keeps_its_numbers_and_gets_another_order(net: nn.Module) -> None:
    before, random = weights(net), torch.random.get_rng_state()
    other = shuffled(net, 1)
    assert not other.training
    assert weights(net) == before
    assert torch.equal(torch.random.get_rng_state(), random)
    for name, p in other.named_parameters():
        here = net.get_parameter(name)
        assert torch.equal(numbers(p), numbers(here)), name
        assert len(here.unique()) < 4 or not torch.equal(p, here), name  # type: ignore[no-untyped-call]
    assert weights(shuffled(net, 1)) == weights(other) != weights(shuffled(net, 2))


def test_a_tensor_of_two_modules_is_shuffled_once() -> None:
    other = shuffled(Tied(), 0)
    assert other.get_parameter("head.weight") is other.get_parameter("embedding.weight")


def test_the_places_are_drawn_alike() -> None:
    """Each of eight numbers comes to each of eight places equally often."""
    layer = nn.Linear(8, 1, bias=False)
    layer.weight.data = torch.arange(8.0)[None]
    at = torch.stack([shuffled(layer, seed).get_parameter("weight")[0] for seed in range(400)])
    found = torch.stack([(at == number).sum(0) for number in range(8)])
    assert int(found.min()) > 50 - 4.5 * 50**0.5
    assert int(found.max()) < 50 + 4.5 * 50**0.5


@pytest.mark.parametrize("kind", ["weight norm", "old weight norm"])
def test_weight_norm_computes_the_shuffled_weight(kind: str) -> None:
    before = trained(ZOO[kind]())
    before(torch.zeros(1, 8, 3, 3))
    other = shuffled(before, 0)
    other(torch.zeros(1, 8, 3, 3))
    old, new = (net.get_submodule("0").weight for net in (before, other))
    assert isinstance(old, Tensor)
    assert isinstance(new, Tensor)
    torch.testing.assert_close(numbers(new), numbers(old))
    assert not torch.allclose(new, old)


def test_spectral_norm_is_one_at_once_and_a_mask_stays() -> None:
    normed = shuffled(trained(nn.Sequential(parametrizations.spectral_norm(nn.Linear(32, 32)))), 0)
    weight = normed.get_submodule("0").weight
    assert isinstance(weight, Tensor)
    assert float(torch.linalg.matrix_norm(weight.detach(), 2)) == pytest.approx(1, rel=0.05)
    layer = pruned(nn.Linear(16, 16))
    other = shuffled(layer, 0)
    assert torch.equal(other.get_buffer("weight_mask"), layer.get_buffer("weight_mask"))
    assert torch.equal(numbers(other.get_parameter("weight_orig")), numbers(layer.get_parameter("weight_orig")))
    masked = other.weight
    assert isinstance(masked, Tensor)
    assert int((masked != 0).sum()) == int(layer.get_buffer("weight_mask").sum())


@pytest.mark.filterwarnings("ignore")
def test_packed_weights_are_refused() -> None:
    with torch.no_grad():
        packed = torch.ao.quantization.quantize_dynamic(nn.Sequential(nn.Linear(4, 4)), {nn.Linear})  # type: ignore[no-untyped-call]
    with pytest.raises(CensusError, match=r"to be shuffled\. Got packed ones in '0'"):
        shuffled(packed, 0)
