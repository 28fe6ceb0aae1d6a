"""Every layer of a recurrent module is counted: what it gives, against modules of one layer with the same weights."""
# mypy: disable-error-code="no-any-return"

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from layercensus.layers.layer import Layer
from layercensus.layers.survey import survey
from layercensus.layers.tap import tap


class Recurrent(nn.Module):
    """A recurrent module of three layers in front of a linear one."""

    def __init__(self, kind: Any, batch_first: bool, state: bool, **more: Any) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.rnn = kind(3, 4, num_layers=3, batch_first=batch_first, dropout=0.5, **more)
        width = (2 if self.rnn.bidirectional else 1) * (self.rnn.proj_size or 4)
        self.fc, self.state, self.batch_first = nn.Linear(width, 2), state, batch_first

    def forward(self, x: Tensor) -> Tensor:
        n = x.shape[0]
        x = x if self.batch_first else x.transpose(0, 1)
        ways = 2 if self.rnn.bidirectional else 1
        h = torch.full((3 * ways, n, self.rnn.proj_size or 4), 0.5)
        given = (h, torch.full((3 * ways, n, 4), -0.5)) if isinstance(self.rnn, nn.LSTM) else h
        y = self.rnn(x, given)[0] if self.state else self.rnn(x)[0]
        return self.fc(y[:, -1] if self.batch_first else y[-1])


def alone(rnn: Any, layer: int, inside: int) -> Any:
    """The module of one layer that has the weights of this one."""
    more = {"nonlinearity": rnn.nonlinearity} if isinstance(rnn, nn.RNN) else {"proj_size": rnn.proj_size}
    more = {} if isinstance(rnn, nn.GRU) else more
    one = type(rnn)(inside, 4, 1, batch_first=True, bidirectional=rnn.bidirectional, **more)
    state = {n.replace(f"_l{layer}", "_l0"): v for n, v in rnn.state_dict().items() if f"_l{layer}" in n}
    one.load_state_dict(state)
    return one.eval()


CASES = (
    (nn.LSTM, {}), (nn.LSTM, {"bidirectional": True}), (nn.LSTM, {"proj_size": 2}), (nn.GRU, {}),
    (nn.GRU, {"bidirectional": True}), (nn.RNN, {"nonlinearity": "relu"}), (nn.RNN, {}),
)  # fmt: skip


@pytest.mark.filterwarnings("ignore:LSTM with projections")
@pytest.mark.parametrize("batch_first", [True, False])
@pytest.mark.parametrize("state", [False, True])
@pytest.mark.parametrize(("kind", "more"), CASES)
def test_three_layers_are_three_layers(kind: Any, more: dict[str, Any], state: bool, batch_first: bool) -> None:
    net, x = Recurrent(kind, batch_first, state, **more), torch.randn(5, 6, 3)
    layers = survey(net, x)
    width = net.fc.in_features
    assert [(a.name, a.role, a.width, a.shape) for a in layers if a.default] == [
        ("rnn.l0", "neurons", width, (6, width)), ("rnn.l1", "neurons", width, (6, width)),
        ("rnn", "neurons", width, (6, width)), ("fc", "output", 2, (2,)),
    ]  # fmt: skip
    seen: dict[str, Tensor] = {}

    def sink(layer: Layer, y: Tensor) -> None:
        seen[layer.name] = y.clone()

    with tap(net, layers, sink):
        net(x)
    y = x
    for number, name in enumerate(("rnn.l0", "rnn.l1", "rnn")):
        one = alone(net.rnn, number, y.shape[2])
        ways = 2 if one.bidirectional else 1
        h, c = torch.full((ways, 5, one.proj_size or 4), 0.5), torch.full((ways, 5, 4), -0.5)
        given = ((h, c) if kind is nn.LSTM else h) if state else None
        y = one(y, given)[0]
        assert torch.allclose(seen[name], y, atol=1e-6)


def test_one_layer_stays_one() -> None:
    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.rnn = nn.GRU(3, 4, batch_first=True)

        def forward(self, x: Tensor) -> Tensor:
            return self.rnn(x)[0]

    assert [layer.name for layer in survey(Net(), torch.randn(2, 5, 3))] == ["rnn"]
