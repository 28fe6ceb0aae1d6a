# mypy: disable-error-code="no-untyped-call,no-any-return"
from __future__ import annotations

import functools
import warnings
from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import layercensus as lc
from layercensus.errors import CensusError
from layercensus.layers.survey import survey
from layercensus.models.model import Model
from layercensus.models.randomness import own_randomness
from layercensus.models.same import places, refuse_same
from layercensus.models.tables import looks_designed
from layercensus.models.twin import untrained

WIDTH = 12


def drawn(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


class InBuffer(nn.Module):
    def __init__(self, persistent: bool = True) -> None:
        super().__init__()
        self.register_buffer("weight", drawn(WIDTH, WIDTH), persistent=persistent)

    def forward(self, x: Tensor) -> Tensor:
        return nn.functional.linear(x, self.get_buffer("weight"))


class InAttribute(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.weight = drawn(WIDTH, WIDTH)

    def forward(self, x: Tensor) -> Tensor:
        return x @ self.weight.T


class InList(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.weights = [drawn(WIDTH, WIDTH, seed=seed) for seed in range(2)]

    def forward(self, x: Tensor) -> Tensor:
        for weight in self.weights:
            x = torch.einsum("bi,oi->bo", x, weight)
        return x


class InClosure(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        weight = drawn(WIDTH, WIDTH)
        self.function = lambda x: torch.mm(x, weight)

    def forward(self, x: Tensor) -> Tensor:
        return self.function(x)


class InPartial(InClosure):
    def __init__(self) -> None:
        super().__init__()
        self.function = functools.partial(nn.functional.linear, weight=drawn(WIDTH, WIDTH))


class ByHand(InAttribute):
    def forward(self, x: Tensor) -> Tensor:
        return (x[:, None] * self.weight).sum(-1)


class Codebook(InAttribute):
    def forward(self, x: Tensor) -> Tensor:
        return self.weight[torch.cdist(x, self.weight).argmin(1)]


class InRecurrence(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.kept = [nn.GRU(WIDTH, WIDTH, batch_first=True)]  # a list hides it from PyTorch

    def forward(self, x: Tensor) -> Tensor:
        return self.kept[0](x[:, None])[0][:, 0]


def within(middle: nn.Module) -> nn.Module:
    """The layer between two that are trained: its inputs differ in the twin, its weights may not."""
    with own_randomness(1):
        return nn.Sequential(
            nn.Linear(8, WIDTH), nn.ReLU(), middle, nn.BatchNorm1d(WIDTH), nn.ReLU(), nn.Linear(WIDTH, 3)
        ).eval()


def shared(net: nn.Module, x: Tensor, twin: nn.Module | None = None) -> object:
    own = twin is None
    made = untrained(Model(net, "net"), 0)[0] if twin is None else twin
    layers = survey(net, x)
    return refuse_same(net, made, layers, x[:1] if any(layer.alone for layer in layers) else x, own=own)


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        (InBuffer, "2.weight"),
        (InAttribute, "2.weight"),
        (ByHand, "2.weight"),
        (Codebook, "2.weight"),
        (InList, "2.weights[0], 2.weights[1]"),
        (InClosure, "2.function(weight)"),
        (InPartial, "2.function(keywords)[0][1]"),
        (InRecurrence, "2.kept[0].weight_ih_l0, 2.kept[0].weight_hh_l0"),
    ],
)
def test_weights_that_are_no_parameters_are_refused_by_name(kind: Callable[[], nn.Module], name: str) -> None:
    with pytest.raises(CensusError) as caught:
        shared(within(kind()), drawn(3, 8))
    assert f"trained weights that are no parameters: {name}. Pass twin=a module of yours, or twin=False." in str(
        caught.value
    )


def test_a_net_of_layers_has_nothing_in_common_with_its_twin() -> None:
    with own_randomness(0):
        encoder = nn.TransformerEncoder(nn.TransformerEncoderLayer(8, 2, 16, batch_first=True), 2)
        convolutions = nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.ReLU(), nn.Conv2d(8, 8, 3), nn.ReLU())
    assert shared(encoder, drawn(3, 5, 8)) == {}
    assert shared(convolutions, drawn(3, 3, 8, 8)) == {}
    assert shared(nn.LSTM(8, 6, 2, batch_first=True), drawn(3, 5, 8)) == {}


def test_a_layer_before_all_weights_is_named() -> None:
    assert shared(nn.Sequential(nn.ReLU(), nn.Linear(8, 4), nn.ReLU()), drawn(3, 8)) == {
        "learned": [], "designed": [], "layers": ["0"],
    }  # fmt: skip


def test_tables_that_look_designed_or_are_declared_are_kept_and_named() -> None:
    class Cosines(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            place, wave = torch.arange(8.0), torch.arange(1, 7.0)[:, None]
            self.register_buffer("table", torch.cos(torch.pi / 8 * (place + 0.5) * wave))

        def forward(self, x: Tensor) -> Tensor:
            return nn.functional.linear(x, self.get_buffer("table"))

    front = nn.Sequential(Cosines(), nn.ReLU(), nn.Linear(6, 4), nn.ReLU())
    assert shared(front, drawn(3, 8)) == {"learned": [], "designed": ["0.table"], "layers": ["0", "1"]}
    declared = within(InBuffer(persistent=False))
    assert shared(declared, drawn(3, 8)) == {"learned": [], "designed": ["2.weight"], "layers": []}


def test_no_counted_layer_may_be_the_trained_one() -> None:
    net = nn.Sequential(InBuffer(persistent=False), nn.ReLU(), nn.Linear(WIDTH, 3))
    layers = [layer for layer in survey(net, drawn(3, WIDTH)) if layer.name in ("0", "1")]
    with pytest.raises(CensusError, match=r"Got the same outputs in every counted layer: 0, 1\. Pass twin="):
        refuse_same(net, untrained(Model(net, "net"), 0)[0], layers, drawn(3, WIDTH))


def test_weights_that_torch_never_sees_are_found_by_their_outputs() -> None:
    class Numpy(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.weight = drawn(WIDTH, WIDTH).numpy()

        def forward(self, x: Tensor) -> Tensor:
            return torch.from_numpy(x.detach().numpy() @ self.weight).relu()

    with pytest.raises(CensusError, match="Got the same outputs in every counted layer"):
        shared(nn.Sequential(Numpy(), nn.ReLU()), drawn(3, WIDTH))


def test_what_a_factory_gives_again_is_a_finding() -> None:
    def make(seed: int) -> nn.Module:
        with own_randomness(seed):
            return nn.Sequential(InBuffer(), nn.ReLU(), nn.Linear(WIDTH, 4), nn.ReLU()).eval()

    assert shared(make(1), drawn(3, WIDTH), make(2)) == {"learned": ["0.weight"], "designed": [], "layers": ["0", "1"]}


def test_findings_say_what_the_twin_keeps() -> None:
    net = nn.Sequential(InBuffer(persistent=False), nn.ReLU(), nn.Linear(WIDTH, 4), nn.ReLU())
    census = lc.take(net, drawn(40, WIDTH), settings=lc.Settings(progress=False, twins=1, resamples=20))
    sentences = [finding.sentence for finding in census.findings]
    assert any(s.startswith("The untrained twin keeps 0.weight of the net, taken for fixed") for s in sentences)
    assert any(s.startswith("The untrained twin gives the net's own outputs in 1: no weights") for s in sentences)


def quantised(net: nn.Module, kind: type[nn.Module], dtype: torch.dtype = torch.qint8) -> nn.Module:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return torch.ao.quantization.quantize_dynamic(net, {kind}, dtype=dtype)


@pytest.mark.parametrize("dtype", [torch.qint8, torch.float16])
def test_a_dynamically_quantised_net_gets_fresh_weights_quantised_alike(dtype: torch.dtype) -> None:
    net = quantised(nn.Sequential(nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 4)).eval(), nn.Linear, dtype)
    before = net(drawn(3, 64))
    twin, _ = untrained(Model(net, "net"), 0)
    assert type(twin[0]) is type(net[0])  # type: ignore[index]
    weight, bias = twin[0].weight().dequantize(), twin[0].bias()  # type: ignore[index]
    bound = 64**-0.5  # of a linear layer's own initialiser
    assert float(weight.abs().max()) == pytest.approx(bound, rel=0.02)
    assert float(weight.std()) == pytest.approx(bound / 3**0.5, rel=0.03)
    assert 0.8 * bound < float(bias.detach().abs().max()) <= bound
    assert shared(net, drawn(3, 64)) == {}
    assert torch.equal(net(drawn(3, 64)), before)


@pytest.mark.parametrize("kind", [nn.LSTM, nn.GRU])
def test_a_dynamically_quantised_recurrence_too(kind: type[nn.Module]) -> None:
    class Reads(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.cells = kind(8, 16, num_layers=2, bidirectional=True, batch_first=True)  # type: ignore[call-arg]

        def forward(self, x: Tensor) -> Tensor:
            return self.cells(x)[0]

    net, x = quantised(Reads().eval(), kind), drawn(3, 5, 8)
    twin, _ = untrained(Model(net, "net"), 0)
    again, _ = untrained(Model(net, "net"), 0)
    assert torch.equal(twin(x), again(x))
    assert not torch.allclose(twin(x), net(x), atol=1e-2)


def test_a_statically_quantised_net_is_refused_in_one_line() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        layer = torch.ao.nn.quantized.Linear(4, 4)
    with pytest.raises(CensusError, match=r"The layer '0' \(Linear\) keeps quantised weights .* before quantisation"):
        untrained(Model(nn.Sequential(layer), "net"), 0)


PLACES = torch.linspace(-2, 2, 9)
DESIGNED = {
    "ones": torch.ones(4, 4),
    "identity": torch.eye(5),
    "blur": torch.outer(torch.tensor([1.0, 2, 1]), torch.tensor([1.0, 2, 1])).expand(3, 1, 3, 3),
    "gabor": torch.exp(-(PLACES**2)) * torch.sin(PLACES * torch.tensor([[2.0], [3.0]])),
    "fourier": torch.view_as_real(torch.fft.fft(torch.eye(8).to(torch.complex64))).permute(2, 0, 1).reshape(16, 8),
    "bands": torch.tensor([[0.0, 0.5, 1, 0.5, 0, 0, 0, 0], [0, 0, 0, 0, 0.3, 1, 0.7, 0]]),
    "causal mask": torch.full((4, 4), -torch.inf).triu(1),
    "graph": (drawn(6, 6) > 0).float().fill_diagonal_(0).mul((drawn(6, 6, seed=3) > 0).float()),
}  # fmt: skip


@pytest.mark.parametrize("kind", DESIGNED)
def test_designed_tables_are_known(kind: str) -> None:
    assert looks_designed(DESIGNED[kind])


@pytest.mark.parametrize("shape", [(12, 12), (16, 3, 3, 3), (4, 1, 7), (64, 1, 3, 3), (2, 5)])
def test_random_numbers_and_pruned_or_rounded_ones_are_not(shape: tuple[int, ...]) -> None:
    for seed in range(50):
        x = drawn(*shape, seed=seed)
        assert not looks_designed(x)
        assert not looks_designed((x * 10).round() / 10 if x.numel() > 30 else x)
        assert not looks_designed(np.sqrt(2) * x * (drawn(*shape, seed=seed + 100) > -1))


class Timed(nn.Module):
    """Sines of the time at frequencies that are made on the way, as nets of diffusion embed it; and a kept table."""

    def __init__(self, kept: bool) -> None:
        super().__init__()
        self.table = [drawn(1, WIDTH)] if kept else []
        self.fc = nn.Linear(WIDTH, 3)

    def forward(self, time: Tensor) -> Tensor:
        speed = torch.exp(-torch.arange(0, WIDTH, dtype=torch.float32) / WIDTH)[None, :]
        for table in self.table:
            speed = speed * table
        return self.fc(torch.sin(time.float()[:, None] * speed))


def test_numbers_that_are_made_on_the_way_out_of_nothing_are_no_weights() -> None:
    time = torch.arange(8)
    for kept in (False, True):
        net = Timed(kept)
        layers = [layer for layer in survey(net, time) if layer.default]
        twin = untrained(Model(net, "net"), 0)[0]
        if kept:
            with pytest.raises(CensusError, match=r"would keep 1 trained weights that are no parameters"):
                refuse_same(net, twin, layers, time)
        else:
            assert refuse_same(net, twin, layers, time) == {}


@pytest.mark.parametrize("numbers", [1, 7, 2**24 + 1, 38_536_704, 2**31 + 3])
def test_places_in_tensors_of_any_size_are_there(numbers: int) -> None:
    chosen = places(numbers)
    assert (int(chosen[0]), int(chosen[-1])) == (0, numbers - 1)
    assert len(chosen.unique()) == len(chosen)
