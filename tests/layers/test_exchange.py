"""A layer's output can be exchanged, in every form that outputs take, and the net goes on with what it is given."""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from layercensus.layers.exchange import Given, exchanged
from layercensus.layers.net import call
from layercensus.layers.select import select
from layercensus.layers.survey import survey
from layercensus.layers.tap import tap

X = torch.randn(3, 4, generator=torch.Generator().manual_seed(0))


def after(net: nn.Module, x: Any, layer: str, change: Callable[[Tensor], Tensor]) -> Tensor:
    """The net's output when a layer's rows are changed."""
    net.eval()
    chosen = select(net, survey(net, x), [layer])
    with tap(net, chosen, exchange=lambda given: given.put(change(given.rows()))):
        out = call(net, x)
    return out[0] if isinstance(out, tuple) else out


class Residual(nn.Module):
    """The layer's input goes on beside its output; in place, both are one tensor."""

    def __init__(self, act: nn.Module) -> None:
        super().__init__()
        self.inside, self.act, self.out = nn.Linear(4, 4), act, nn.Linear(4, 2)

    def forward(self, x: Tensor) -> Tensor:
        h = self.inside(x)
        return self.out(self.act(h) + h)


@pytest.mark.parametrize("inplace", [False, True])
def test_what_is_written_in_place_is_exchanged_for_all_who_hold_it(inplace: bool) -> None:
    net = Residual(nn.ReLU(inplace))
    with torch.no_grad():
        h = net.inside(X)
        wanted = net.out(1 + (torch.ones_like(h) if inplace else h))
    torch.testing.assert_close(after(net, X, "act", torch.ones_like), wanted)


def test_an_output_that_is_its_input_is_exchanged_alone() -> None:
    net = Residual(nn.Identity())
    with torch.no_grad():
        wanted = net.out(1 + net.inside(X))
    torch.testing.assert_close(after(net, X, "act", torch.ones_like), wanted)


class Functional(nn.Module):
    def __init__(self, function: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.inside, self.function, self.out = nn.Linear(4, 4), function, nn.Linear(4, 2)

    def forward(self, x: Tensor) -> Tensor:
        return self.out(self.function(self.inside(x)))


@pytest.mark.parametrize("function", [functional.relu, torch.relu_, lambda x: x.relu(), torch.tanh])
def test_functions_are_exchanged(function: Callable[[Tensor], Tensor]) -> None:
    net = Functional(function)
    with torch.no_grad():
        wanted = net.out(torch.full((3, 4), 2.0))
    name = "tanh" if function is torch.tanh else "relu"
    torch.testing.assert_close(after(net, X, name, lambda rows: torch.full_like(rows, 2)), wanted)


def test_maps_come_back_as_they_were() -> None:
    net = nn.Sequential(nn.Conv2d(1, 3, 3, padding=1), nn.ReLU(), nn.Flatten(), nn.ReLU(), nn.Linear(90, 2))
    x = torch.randn(4, 1, 5, 6)
    with torch.no_grad():
        torch.testing.assert_close(after(net, x, "1", lambda rows: rows), net(x))
        hidden = net[1](net[0](x))
        hidden[:, 1] = 7
        wanted = net[4](hidden.flatten(1))

    def second(rows: Tensor) -> Tensor:
        assert rows.shape == (4, 30, 3)
        rows = rows.clone()
        rows[:, :, 1] = 7
        return rows

    torch.testing.assert_close(after(net, x, "1", second), wanted)
    torch.testing.assert_close(after(net, x, "3", second), wanted)  # flattened, seen as channels and positions


def test_heads_are_put_back_in_their_places() -> None:
    class Heads(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.qkv, self.out = nn.Linear(6, 18), nn.Linear(6, 2)

        def forward(self, x: Tensor) -> Tensor:
            q, k, v = self.qkv(x).unflatten(-1, (3, 2, 3)).permute(2, 0, 3, 1, 4)
            heads = functional.scaled_dot_product_attention(q, k, v)
            return self.out(heads.transpose(1, 2).flatten(2))

    net, x = Heads(), torch.randn(3, 4, 6)
    values = torch.randn(3, 4, 6)
    with torch.no_grad():
        torch.testing.assert_close(after(net, x, "scaled*", lambda rows: rows), net(x))
        torch.testing.assert_close(after(net, x, "scaled*", lambda rows: values), net.out(values))


class Sequence(nn.Module):
    """A recurrent module of two layers, its batch first outside whatever it is inside."""

    def __init__(self, kind: Any, batch_first: bool) -> None:
        super().__init__()
        self.rnn, self.out = kind(3, 5, num_layers=2, batch_first=batch_first), nn.Linear(5, 2)

    def forward(self, x: Tensor) -> Tensor:
        y = self.rnn(x)[0] if self.rnn.batch_first else self.rnn(x.transpose(0, 1))[0].transpose(0, 1)
        return self.out(y)


@pytest.mark.parametrize("batch_first", [False, True])
@pytest.mark.parametrize("kind", [nn.LSTM, nn.GRU])
def test_a_layer_inside_a_recurrent_module_is_exchanged(kind: Any, batch_first: bool) -> None:
    torch.manual_seed(0)
    net, second = Sequence(kind, batch_first), kind(5, 5, batch_first=True)
    state = net.rnn.state_dict().items()
    second.load_state_dict({k.replace("l1", "l0"): v for k, v in state if k.endswith("l1")})
    x, given = torch.randn(4, 6, 3), torch.randn(4, 6, 5)
    with torch.no_grad():
        torch.testing.assert_close(after(net, x, "rnn.l0", lambda rows: rows), net(x))
        torch.testing.assert_close(after(net, x, "rnn.l0", lambda rows: given), net.out(second(given)[0]))


def test_gradients_of_every_layer_come_from_one_backward_pass() -> None:
    net = nn.Sequential(nn.Linear(4, 5), nn.ReLU(inplace=True), nn.Linear(5, 3), nn.Tanh(), nn.Linear(3, 2))
    layers = select(net, survey(net, X), ["1", "3"])
    found: dict[str, Tensor] = {}

    def watch(given: Given) -> None:
        given.raw.register_hook(lambda g: found.update({given.layer.name: given.rows(g)[:, 0]}))

    with tap(net, layers, exchange=watch, gradients=True):
        net(X.clone().requires_grad_()).sum().backward()
    hidden = net[3](net[2](torch.relu(net[0](X))))
    last = torch.ones(3, 2) @ net[4].weight
    torch.testing.assert_close(found["3"], last)
    torch.testing.assert_close(found["1"], (last * (1 - hidden**2)) @ net[2].weight)


def test_any_form_of_output_keeps_its_other_parts() -> None:
    from transformers.modeling_outputs import BaseModelOutput

    pair = namedtuple("pair", "first second")
    x, y, new = torch.zeros(2), torch.ones(2), torch.full((2,), 3.0)
    assert exchanged(pair(x, y), x, new).first is new
    assert exchanged(pair(x, y), x, new).second is y
    assert exchanged({"a": [y, x]}, x, new)["a"][1] is new
    out = exchanged(BaseModelOutput(last_hidden_state=x, attentions=(y,)), x, new)
    assert isinstance(out, BaseModelOutput)
    assert out.last_hidden_state is new
    assert out[0] is new
    assert out.attentions[0] is y
