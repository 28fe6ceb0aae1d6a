"""Objectives add, subtract and scale, read what they say, and leave the net as it was."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from layercensus.errors import CensusError
from layercensus.layers.survey import survey
from layercensus.visualise.objective_values import objective_values, resolved
from layercensus.visualise.objectives import (
    Objective,
    alignment,
    channel,
    direction,
    diversity,
    gram_cosines,
    interpolation,
    joint,
    layer,
    logit,
    mean_of,
    neuron,
    probability,
)

from .patterns import Planted, colourful, see


class Net(nn.Module):
    """A map of five units, an in-place ReLU, and three classes."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.conv = nn.Conv2d(2, 5, 3)
        self.act = nn.ReLU(inplace=True)
        self.out = nn.Linear(5, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.out(self.act(self.conv(x)).mean((2, 3)))


@pytest.fixture
def net() -> Net:
    return Net()


@pytest.fixture
def x() -> Tensor:
    return torch.randn(3, 2, 9, 9, generator=torch.Generator().manual_seed(1))


def said(net: nn.Module, objectives: list[Objective], x: Tensor, redirect: bool = False) -> Tensor:
    layers = survey(net, x)
    with objective_values(net, layers, resolved(objectives, net, layers), redirect=redirect) as values:
        return values(x).detach()


def test_channel_and_neuron(net: Net, x: Tensor) -> None:
    maps = net.conv(x).detach()
    one = said(net, [channel("conv", 1), neuron("conv", 2, position=(3, 4)), neuron("conv", 4)], x)
    middle = maps[2, 4, 2:4, 2:4].max()  # the middle third of 7 x 7, which is 2 x 2
    assert torch.allclose(one, torch.stack([maps[0, 1].mean(), maps[1, 2, 3, 4], middle]))


def test_in_place_relu_leaves_what_went_in(net: Net, x: Tensor) -> None:
    maps = net.conv(x).detach()
    one = said(net, [channel("conv", 0), channel("act", 0, before=True), channel("act", 0)], x)
    assert torch.allclose(one, torch.stack([maps[0, 0].mean(), maps[1, 0].mean(), maps[2, 0].relu().mean()]))


def test_in_place_relu_gives_gradients_of_what_went_in(net: Net) -> None:
    layers = survey(net, torch.zeros(2, 2, 9, 9))
    x = torch.zeros(1, 2, 9, 9, requires_grad=True)
    with objective_values(net, layers, resolved([channel("conv", 0)], net, layers)) as values:
        values(x).sum().backward()
    assert torch.allclose(x.grad.sum(), net.conv.weight[0].sum(), atol=1e-5)  # type: ignore[union-attr]


def test_silent_unit_is_read_before_its_relu(net: Net, x: Tensor) -> None:
    net.conv.bias.data[0] = -1000
    assert said(net, [channel("act", 0)], x[:1]) == 0
    assert said(net, [channel("act", 0)], x[:1], redirect=True) < -900


def test_layer_logit_probability_direction_mean(net: Net, x: Tensor) -> None:
    maps, out = net.conv(x).detach(), net(x).detach()
    v = torch.tensor([1.0, 2, 0, -1, 3])
    unit = v / v.norm()
    objectives = [layer("conv"), logit(2), probability(1)]
    expected = torch.stack([maps[0].square().mean(), out[1, 2], out[2].softmax(0)[1]])
    assert torch.allclose(said(net, objectives, x), expected)
    dot = torch.einsum("uhw,u->hw", maps[0], unit)
    cosine = (dot / maps[0].norm(dim=0)).clamp(min=0.1)
    objectives = [direction("conv", v, power=2), direction("conv", v, power=0), mean_of("conv", [1, 3])]
    found = said(net, objectives, x)
    assert torch.allclose(found[0], (dot * cosine**2).mean())
    assert torch.allclose(found[1], torch.einsum("uhw,u->hw", maps[1], unit).mean())
    assert torch.allclose(found[2], maps[2, [1, 3]].mean())


def test_arithmetic(net: Net, x: Tensor) -> None:
    a, b = channel("conv", 0), channel("act", 1)
    one, other = (said(net, [o] * 3, x) for o in (a, b))
    assert torch.allclose(said(net, [2 * a - b] * 3, x), 2 * one - other)
    assert torch.allclose(said(net, [joint(a, b, -a)] * 3, x), other)
    with pytest.raises(TypeError):
        a + 1  # type: ignore[operator]


def test_interpolation_ends_equal_the_single_objectives(net: Net, x: Tensor) -> None:
    a, b = channel("conv", 0), neuron("act", 3)
    between = said(net, [interpolation(a, b, faces=3)], x)
    assert torch.allclose(between[0], said(net, [a] * 3, x)[0])
    assert torch.allclose(between[2], said(net, [b] * 3, x)[2])
    assert torch.allclose(between[1], (said(net, [a] * 3, x)[1] + said(net, [b] * 3, x)[1]) / 2)


def test_alignment_is_highest_for_equal_neighbours(net: Net, x: Tensor) -> None:
    same = x[:1].expand(3, -1, -1, -1).clone()
    assert torch.allclose(said(net, [alignment("conv").with_faces(3)], same), torch.zeros(3))
    assert (said(net, [alignment("conv").with_faces(3)], x) < -0.1).all()


def test_diversity_lowers_the_cosine_of_gram_matrices() -> None:
    net, images = Planted(), colourful(60, 32)
    one = channel("conv", 0) + channel("conv", 3)
    alike = see(net, one, images, faces=3, steps=80, top=0)
    apart = see(net, one + 2 * diversity("act"), images, faces=3, steps=80, top=0)
    with torch.no_grad():
        cosines = [float(gram_cosines(net(result.inputs)).mean()) for result in (alike, apart)]
    assert cosines[1] < cosines[0] - 0.02, cosines


def test_interpolated_pictures_change_in_steps() -> None:
    net, images = Planted(), colourful(60, 32)
    path = interpolation(channel("act", 0), channel("act", 4), faces=3) + 0.02 * alignment("act")
    result = see(net, path, images, steps=60, shared=True, top=0)
    ends = see(net, [channel("act", 0), channel("act", 4)], images, steps=60, top=0)
    assert result.images.shape[0] == 3
    activation = result.scores["activation"].astype(float)
    assert activation[0] > 0.5 * float(ends.scores["activation"][0])
    assert activation[2] > 0.5 * float(ends.scores["activation"][1])


def test_net_is_left_as_it_was(net: Net, x: Tensor) -> None:
    net.train()
    before = {name: value.clone() for name, value in net.state_dict().items()}
    see(net, ["act:0-2"], x.repeat(4, 1, 1, 1), steps=3)
    assert all(not m._forward_hooks and not m._forward_pre_hooks for m in net.modules())
    assert all(m.training for m in net.modules())
    assert all(p.requires_grad and p.grad is None for p in net.parameters())
    assert all(torch.equal(before[name], value) for name, value in net.state_dict().items())


def test_net_is_left_as_it_was_after_an_error(net: Net, x: Tensor) -> None:
    net.out.weight.data[:] = float("nan")
    with pytest.raises(CensusError, match="finite"):
        see(net, logit(0), x.repeat(4, 1, 1, 1), steps=3)
    assert all(not m._forward_hooks and not m._forward_pre_hooks for m in net.modules())
    assert all(p.requires_grad for p in net.parameters())


def test_a_forward_pass_ends_behind_the_last_layer_that_is_read(net: Net, x: Tensor) -> None:
    reached: list[str] = []
    net.out.register_forward_hook(lambda *args: reached.append("out"))
    layers = survey(net, x)
    reached.clear()
    with objective_values(net, layers, resolved([channel("conv", 0)] * 3, net, layers)) as values:
        values(x)
    assert reached == []


@pytest.mark.parametrize(
    ("objective", "message"),
    [
        ("conv:7", "units 0 to 4"),
        ("conf:1", "Did you mean 'conv'"),
        ("conv:x", "Units must be like"),
        (channel("conv", 9), "units 0 to 4"),
        (neuron("conv", 0, position=(9, 0)), "must lie in a map of 7 x 7"),
        ([], "at least one"),
        (3, "must be 'LAYER:UNIT'"),
    ],
)
def test_wrong_objectives_say_what_to_do(net: Net, x: Tensor, objective: object, message: str) -> None:
    with pytest.raises(CensusError, match=message):
        see(net, objective, x.repeat(2, 1, 1, 1), steps=2)  # type: ignore[arg-type]


def test_directions_must_be_finite_and_fit(net: Net, x: Tensor) -> None:
    with pytest.raises(CensusError, match="finite and not zero"):
        direction("conv", [0.0] * 5)
    with pytest.raises(CensusError, match="each of 5 units"):
        see(net, direction("conv", [1.0, 2.0]), x.repeat(2, 1, 1, 1), steps=2)


def test_a_unit_that_shall_be_silent_is_not_read_before_its_relu(net: Net, x: Tensor) -> None:
    """Else pushing it ever further below zero would count as success."""
    net.conv.bias.data[0] = -1000
    assert said(net, [-channel("act", 0)], x[:1], redirect=True) == 0


def test_pictures_do_not_depend_on_the_scale_of_an_objective() -> None:
    images = colourful(30, 32)
    one, tiny = channel("act", 1), 1e-7 * channel("act", 1)
    a, b = (see(Planted(), o.named("same"), images, steps=40, top=0) for o in (one, tiny))
    assert torch.allclose(a.images, b.images, atol=0.02)


def test_only_what_couples_is_refused(net: Net, x: Tensor) -> None:
    with pytest.raises(CensusError, match="only says how images differ"):
        see(net, diversity("conv"), x, faces=2)
