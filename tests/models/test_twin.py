# mypy: disable-error-code="no-untyped-call,no-any-return"
from __future__ import annotations

import threading
import warnings
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils import parametrizations, prune

import layercensus as lc
from layercensus.errors import CensusError
from layercensus.models.fingerprint import weights
from layercensus.models.model import Model
from layercensus.models.open import open_model
from layercensus.models.randomness import own_randomness, seeded
from layercensus.models.twin import calibrate, untrained


class Tied(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(50, 32)
        self.head = nn.Linear(32, 50, bias=False)
        self.head.weight = self.embedding.weight


class Raw(nn.Module):
    """Parameters that belong to no layer, as in a vision transformer."""

    def __init__(self) -> None:
        super().__init__()
        self.cls_token = nn.Parameter(torch.zeros(1, 1, 64))
        self.positions = nn.Parameter(torch.zeros(1, 40, 64))
        self.layer_scale = nn.Parameter(torch.ones(64))
        self.shift = nn.Parameter(torch.zeros(64))
        self.fc = nn.Linear(64, 64)


class OwnScheme(nn.Module):
    """A parent whose initialiser has the last word over its child's."""

    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(64, 64)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        nn.init.normal_(self.fc.weight, std=3.0)
        nn.init.constant_(self.fc.bias, 7.0)


def old_style(name: str, layer: nn.Module) -> nn.Module:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        return getattr(nn.utils, name)(layer)


def convnet() -> nn.Module:
    head = (nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(32, 10))
    return nn.Sequential(nn.Conv2d(3, 32, 3), nn.BatchNorm2d(32), nn.PReLU(), nn.Conv2d(32, 32, 3, groups=4), *head)


ZOO: dict[str, Callable[[], nn.Module]] = {
    "convnet": convnet,
    "lstm": lambda: nn.LSTM(32, 32, 2, bidirectional=True),
    "attention": lambda: nn.MultiheadAttention(32, 4),
    "encoder layer": lambda: nn.TransformerEncoderLayer(32, 4, 64),
    "layer norm over maps": lambda: nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.LayerNorm([8, 6, 6])),
    "tied": Tied,
    "own scheme": OwnScheme,
    "weight norm": lambda: nn.Sequential(parametrizations.weight_norm(nn.Conv2d(8, 32, 3))),
    "spectral norm": lambda: nn.Sequential(parametrizations.spectral_norm(nn.Linear(32, 32))),
    "old weight norm": lambda: nn.Sequential(old_style("weight_norm", nn.Conv2d(8, 32, 3))),
    "old spectral norm": lambda: nn.Sequential(old_style("spectral_norm", nn.Linear(32, 32))),
    "weight norm in lstm": lambda: parametrizations.weight_norm(nn.LSTM(32, 32), "weight_hh_l0"),
}


@pytest.fixture(params=ZOO)
def make(request: pytest.FixtureRequest) -> Callable[[], nn.Module]:
    return ZOO[request.param]


def pruned(net: nn.Module) -> nn.Module:
    """Half of the weights of every layer that has some, and a fifth of the biases."""
    layers = [m for m in net.modules() if isinstance(m, (nn.Linear, nn.Conv2d))]
    for layer in layers:
        prune.l1_unstructured(layer, "weight", 0.5)
        prune.random_unstructured(layer, "bias", 0.2)
    return net


def trained(net: nn.Module) -> nn.Module:
    """The net with every weight and statistic moved far from where it began."""
    with own_randomness(99), torch.no_grad():
        for tensor in [*net.parameters(), *net.buffers()]:
            if tensor.is_floating_point():
                tensor.mul_(3).add_(torch.rand_like(tensor) + 2)
    return net


def deviations(net: nn.Module) -> dict[str, tuple[float, float]]:
    """Mean and standard deviation of every parameter."""
    held = {name: p.detach() for name, p in net.named_parameters()}
    return {name: (float(p.mean()), float(p.std()) if p.numel() > 1 else 0.0) for name, p in held.items()}


def twin_of(net: nn.Module, seed: int = 0) -> nn.Module:
    return untrained(Model(net, "net"), seed)[0]


def test_a_twin_is_drawn_as_the_architecture_itself_is(make: Callable[[], nn.Module]) -> None:
    net = seeded(make)(5)
    twin, new = deviations(twin_of(trained(make()))), deviations(net)
    for name, (mean, std) in new.items():
        chance = 4.5 / net.get_parameter(name).numel() ** 0.5
        assert twin[name][0] == pytest.approx(mean, abs=max(chance * std, 1e-6)), name
        assert twin[name][1] == pytest.approx(std, rel=chance, abs=1e-6), name


def test_the_seed_alone_decides_and_nothing_else_is_touched(make: Callable[[], nn.Module]) -> None:
    net = trained(make())
    before, random = weights(net), torch.random.get_rng_state()
    first, again, other = twin_of(net, 1), twin_of(net, 1), twin_of(net, 2)
    assert weights(first) == weights(again) != weights(other)
    assert weights(net) == before
    assert torch.equal(torch.random.get_rng_state(), random)


def test_running_statistics_start_anew() -> None:
    twin = twin_of(trained(convnet()))
    norm = twin.get_submodule("1")
    assert isinstance(norm, nn.BatchNorm2d)
    assert norm.running_mean is not None
    assert norm.running_var is not None
    assert (norm.running_mean == 0).all()
    assert (norm.running_var == 1).all()
    assert int(norm.num_batches_tracked or 0) == 0


def test_statistics_and_scales_of_a_frozen_norm_start_anew() -> None:
    class FrozenNorm(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            for name in ("weight", "bias", "running_mean", "running_var"):
                self.register_buffer(name, torch.full((4,), 5.0))

    twin = twin_of(nn.Sequential(nn.Linear(3, 4), FrozenNorm()))
    assert [float(b[0]) for b in twin.buffers()] == [1.0, 0.0, 0.0, 1.0]


def test_tied_weights_stay_tied() -> None:
    twin = twin_of(trained(Tied()))
    assert twin.get_parameter("head.weight") is twin.get_parameter("embedding.weight")


def test_raw_parameters_are_initialised_and_named() -> None:
    twin, how = untrained(Model(trained(Raw()), "raw"), 0)
    assert how == (
        "re-initialised with seed 0 by each layer's own initialiser; "
        "without one, or left out by it, and so as a linear layer's "
        "(vectors set to 1 or 0): cls_token, layer_scale, positions, shift"
    )
    bound = 64**-0.5
    assert 0.9 * bound < float(twin.get_parameter("cls_token").detach().abs().max()) <= bound
    assert (twin.get_parameter("layer_scale") == 1).all()
    assert (twin.get_parameter("shift") == 0).all()


@pytest.mark.parametrize("kind", ["weight norm", "old weight norm"])
def test_weight_norm_computes_the_weight_that_was_drawn(kind: str) -> None:
    twin = twin_of(trained(ZOO[kind]()))
    twin(torch.zeros(1, 8, 3, 3))
    weight = twin.get_submodule("0").weight
    assert isinstance(weight, Tensor)
    assert float(weight.detach().std()) == pytest.approx((3 * 72) ** -0.5, rel=0.05)  # a plain convolution's


@pytest.mark.parametrize("kind", ["spectral norm", "old spectral norm"])
def test_spectral_norm_is_one_at_once(kind: str) -> None:
    twin = twin_of(trained(ZOO[kind]()))
    twin(torch.zeros(1, 32))
    weight = twin.get_submodule("0").weight
    assert isinstance(weight, Tensor)
    assert float(torch.linalg.matrix_norm(weight.detach(), 2)) == pytest.approx(1, rel=0.05)


def test_a_parametrisation_without_inverse_has_its_pieces_drawn() -> None:
    class Symmetric(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return x.triu() + x.triu(1).T

    layer = nn.Linear(16, 16)
    nn.utils.parametrize.register_parametrization(layer, "weight", Symmetric())
    twin = twin_of(trained(layer))
    assert 0 < float(twin.get_parameter("parametrizations.weight.original").detach().abs().max()) <= 16**-0.5


def test_a_net_after_a_forward_with_gradients_can_be_copied() -> None:
    class Remembers(nn.Linear):
        def forward(self, input: Tensor) -> Tensor:
            self.last = super().forward(input)
            return self.last

    for net in (Remembers(3, 3), old_style("weight_norm", nn.Linear(3, 3))):
        net(torch.ones(2, 3))
        before = weights(net)
        assert weights(twin_of(net)) != before == weights(net)


def test_a_net_made_with_the_seed_is_not_met_again() -> None:
    with own_randomness(0):
        net = nn.Linear(5, 5)
    for model in (Model(net, "net"), Model(net, "net", fresh=seeded(lambda: nn.Linear(5, 5)))):
        assert weights(untrained(model, 0)[0]) != weights(net)


def test_the_factory_is_asked_where_it_is_known() -> None:
    net = trained(nn.Linear(5, 5)).double()
    twin, how = untrained(Model(net, "net", fresh=seeded(lambda: nn.Linear(5, 5))), 3)
    assert how == "freshly initialised by its own factory with seed 3"
    assert next(twin.parameters()).dtype == torch.float64


def test_mixed_precision_is_kept() -> None:
    twin = twin_of(nn.Sequential(nn.Linear(4, 4).bfloat16(), nn.Linear(4, 4)))
    assert [p.dtype for p in twin.parameters()] == [torch.bfloat16] * 2 + [torch.float32] * 2


@pytest.mark.filterwarnings("ignore:.*script_method:DeprecationWarning")
def test_a_compiled_net_has_a_plain_twin() -> None:
    assert type(twin_of(torch.compile(nn.Linear(3, 3)))) is nn.Linear  # type: ignore[arg-type]


class Keeps(nn.Linear):
    """Its initialiser draws the weight alone."""

    def __init__(self) -> None:
        super().__init__(64, 64)
        self.gate_weight = nn.Parameter(torch.full((64,), 3.0))
        self.mixing = nn.Parameter(torch.full((64, 64), 3.0))

    def reset_parameters(self) -> None:
        nn.init.normal_(self.weight)


class NeedsMore(nn.Linear):
    def __init__(self) -> None:
        super().__init__(3, 3)
        self.ready = True

    def reset_parameters(self) -> None:
        if hasattr(self, "ready"):
            raise RuntimeError("no longer\nnow")


class Locked(nn.Linear):
    def __init__(self) -> None:
        super().__init__(3, 3)
        self.lock = threading.Lock()


class Packed(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.arange(9, dtype=torch.int8).reshape(3, 3), requires_grad=False)


def kept() -> nn.Module:
    return nn.Sequential(*(Packed() for _ in range(5)))


MESSAGES = {
    "would keep 5 trained weights: 0.weight, 1.weight, 2.weight, 3.weight and 1 more. Pass twin=": kept,
    "The layer '0' must re-initialise itself by its reset_parameters(). Got RuntimeError: no longer. Pass twin=": (
        lambda: nn.Sequential(NeedsMore())
    ),
    "cannot be copied for its untrained twin: TypeError: cannot pickle": Locked,
    "must have run once before it is counted. Got lazy parameters: weight, bias": lambda: nn.LazyLinear(3),
}


@pytest.mark.parametrize("message", MESSAGES)
def test_what_cannot_be_a_twin_is_refused(message: str) -> None:
    with pytest.raises(CensusError) as caught:
        twin_of(MESSAGES[message]())
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_factory_of_something_else_is_refused() -> None:
    model = Model(nn.Linear(3, 3), "mine", fresh=lambda seed: nn.Linear(3, 4))
    with pytest.raises(CensusError, match=r"factory of mine must give the same architecture\. Got .*: bias, weight"):
        untrained(model, 0)


def test_a_factory_that_loads_the_trained_weights_is_refused() -> None:
    net = nn.Linear(3, 3)
    with pytest.raises(CensusError, match=r"would keep 1 trained weights: weight\."):
        untrained(Model(net, "mine", fresh=lambda seed: net), 0)


def test_fixed_tables_that_a_factory_fills_in_are_no_trained_weights() -> None:
    def make() -> nn.Module:
        table = nn.Embedding.from_pretrained(torch.arange(12.0).reshape(4, 3).sin(), freeze=True)
        return nn.Sequential(table, nn.Linear(3, 3))

    twin, _ = untrained(Model(make(), "net", fresh=seeded(make)), 0)
    assert torch.equal(twin.get_parameter("0.weight"), torch.arange(12.0).reshape(4, 3).sin())


def deep(blocks: int = 24) -> nn.Module:
    layers: list[nn.Module] = []
    for block in range(blocks):
        layers += [nn.Conv2d(16 if block else 3, 16, 3, padding=1, bias=False), nn.BatchNorm2d(16), nn.ReLU()]
    return nn.Sequential(*layers)


def test_a_deep_fresh_net_dies_uncalibrated_and_lives_calibrated() -> None:
    net = seeded(deep)(0).eval()
    with own_randomness(1):
        x = torch.randn(32, 3, 8, 8)
    with torch.no_grad():
        dead = net(x).mean((2, 3)).std(0).median()
        assert calibrate(net, x.split(8)) == 24
        alive = net(x).mean((2, 3)).std(0).median()
    assert dead < 1e-8
    assert alive > 0.01


def test_statistics_are_the_mean_over_batches() -> None:
    norm = nn.BatchNorm1d(3)
    with own_randomness(0):
        x = torch.randn(40, 3) * 4 + 9
    calibrate(trained(norm), x.split(10))
    assert norm.running_mean is not None
    assert norm.running_var is not None
    assert torch.allclose(norm.running_mean, x.mean(0))
    assert torch.allclose(norm.running_var, torch.stack([part.var(0) for part in x.split(10)]).mean(0))


def test_only_the_normalisations_are_in_train_mode_and_everything_is_put_back() -> None:
    seen: list[list[bool]] = []
    net = nn.Sequential(nn.Linear(4, 4), nn.Dropout(0.9), nn.BatchNorm1d(4, momentum=0.3), nn.LayerNorm(4))
    net.eval()
    net[0].train()
    net[3].register_forward_hook(lambda *_: seen.append([m.training for m in net]))
    random = torch.random.get_rng_state()
    assert calibrate(net, [torch.randn(8, 4, generator=torch.Generator().manual_seed(0)), torch.ones(8, 4)]) == 1
    assert seen == [[False, False, True, False]] * 2
    assert [m.training for m in net] == [True, False, False, False]
    assert net[2].momentum == 0.3
    assert torch.equal(torch.random.get_rng_state(), random)


def test_everything_is_put_back_after_a_failure() -> None:
    net = nn.Sequential(nn.BatchNorm1d(4, momentum=0.3), nn.Linear(4, 4)).eval()
    with pytest.raises(KeyboardInterrupt):
        calibrate(net, (_interrupted(number) for number in range(3)))
    with pytest.raises(RuntimeError, match="running_mean"):
        calibrate(net, [torch.ones(8, 5)])
    assert not any(m.training for m in net.modules())
    assert net[0].momentum == 0.3


def _interrupted(number: int) -> Tensor:
    if number == 2:
        raise KeyboardInterrupt
    return torch.ones(8, 4)


def test_batches_of_one_example_are_left_out() -> None:
    norm = nn.BatchNorm1d(2)
    calibrate(norm, [torch.tensor([[0.0, 2.0], [2.0, 4.0]]), torch.tensor([[50.0, 50.0]])])
    assert norm.running_mean is not None
    assert norm.running_mean.tolist() == [1.0, 3.0]
    with pytest.raises(CensusError, match=r"two examples or more\. Got no usable batch"):
        calibrate(norm, [torch.ones(1, 2)])


def test_which_layers_count_and_how_inputs_are_passed() -> None:
    class Two(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.norm = nn.InstanceNorm1d(2, track_running_stats=True)
            self.untracked = nn.Sequential(
                nn.InstanceNorm1d(2), nn.GroupNorm(1, 2), nn.BatchNorm1d(2, track_running_stats=False)
            )

        def forward(self, left: Tensor, right: Tensor) -> Tensor:
            return self.norm(left + right)

    net, x = Two(), torch.arange(12.0).reshape(2, 2, 3)
    assert calibrate(net, [{"left": x, "right": x}, (x, x), (3 * x, x)]) == 1
    assert net.norm.running_mean is not None
    assert torch.allclose(net.norm.running_mean, (2 + 2 + 4) / 3 * x.mean((0, 2)))
    assert net.norm.momentum == 0.1
    assert not net.norm._forward_hooks
    assert calibrate(nn.Sequential(nn.Linear(2, 2)), []) == 0


def test_a_twin_of_a_module_given_as_it_is() -> None:
    twin, how = untrained(open_model(convnet()), 0)
    assert isinstance(twin, nn.Sequential)
    assert not twin.training
    assert how == "re-initialised with seed 0 by each layer's own initialiser"


def test_what_an_initialiser_leaves_out_is_initialised_and_named() -> None:
    twin, how = untrained(Model(trained(nn.Sequential(Keeps())), "net"), 0)
    assert how.endswith("(vectors set to 1 or 0): 0.bias, 0.gate_weight, 0.mixing")
    assert (twin.get_parameter("0.bias") == 0).all()
    assert (twin.get_parameter("0.gate_weight") == 1).all()
    assert float(twin.get_parameter("0.weight").detach().std()) == pytest.approx(1, rel=0.05)
    assert 0.9 / 8 < float(twin.get_parameter("0.mixing").detach().abs().max()) <= 1 / 8


# what torch.nn.utils.prune does to a layer, and the fraction of its weights that is left
PRUNINGS: dict[str, tuple[Callable[[nn.Module], object], float]] = {
    "l1_unstructured": (lambda layer: prune.l1_unstructured(layer, "weight", 0.75), 0.25),
    "random_structured": (lambda layer: prune.random_structured(layer, "weight", 0.5, 0), 0.5),
    "ln_structured": (lambda layer: prune.ln_structured(layer, "weight", 0.25, 2, 1), 0.75),
    "global": (lambda layer: prune.global_unstructured([(layer, "weight")], prune.L1Unstructured, amount=0.5), 0.5),
    "twice": (
        lambda layer: [prune.random_unstructured(layer, "weight", 0.5), prune.l1_unstructured(layer, "weight", 0.5)],
        0.25,
    ),
}


@pytest.mark.parametrize("kind", PRUNINGS)
@pytest.mark.parametrize("layer", [lambda: nn.Linear(64, 32), lambda: nn.Conv2d(8, 32, 3)])
def test_the_twin_of_a_pruned_net_has_fresh_weights_under_the_same_mask(
    kind: str, layer: Callable[[], nn.Module]
) -> None:
    change, left = PRUNINGS[kind]
    net = trained(nn.Sequential(layer()))
    change(net.get_submodule("0"))
    before = weights(net)
    twin, how = untrained(Model(net, "net"), 0)
    masked, fresh = twin.get_submodule("0").weight, twin.get_parameter("0.weight_orig").detach()
    mask = net.get_buffer("0.weight_mask").bool()
    assert isinstance(masked, Tensor)
    assert float(mask.float().mean()) == pytest.approx(left, abs=0.02)
    assert torch.equal(masked, fresh * mask)
    assert (masked[~mask] == 0).all()
    assert (masked[mask] != 0).all()
    bound = (masked[0].numel()) ** -0.5
    assert 0.95 * bound < float(fresh.abs().max()) <= bound
    assert how.endswith("; what was pruned away stays away: 0.weight")
    assert weights(net) == before


def test_a_pruned_net_after_a_forward_with_gradients_has_a_twin_and_computes_with_the_mask() -> None:
    net = pruned(convnet())
    net(torch.ones(2, 3, 8, 8))
    twin = twin_of(net)
    twin(torch.ones(2, 3, 8, 8))
    for name in ("0", "3", "6"):
        for part in ("weight", "bias"):
            value, mask = getattr(twin.get_submodule(name), part), twin.get_buffer(f"{name}.{part}_mask")
            assert torch.equal(value.detach(), twin.get_parameter(f"{name}.{part}_orig").detach() * mask)


def test_dead_units_of_a_pruned_net_are_counted() -> None:
    with own_randomness(0):
        net = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 12), nn.ReLU(), nn.Linear(12, 3)).eval()
        x = torch.randn(300, 8)
    prune.random_structured(net[2], "weight", 5, 0)
    nn.init.zeros_(net[2].bias)
    census = lc.take(net, x, layers=["1", "3"], settings=lc.Settings(progress=False, twins=1, resamples=20))
    dead = {unit for unit in range(12) if not net[2].weight_mask[unit].any()}
    units = census.units[(census.units["layer"] == "3") & (census.units["fate"] == "dead")]
    assert len(dead) == 5
    assert dead <= set(units["unit"])


def test_a_net_whose_pruning_was_made_final_has_a_dense_twin() -> None:
    net = trained(nn.Sequential(nn.Linear(32, 32)))
    prune.l1_unstructured(net[0], "weight", 0.5)
    prune.remove(net[0], "weight")
    assert (net.get_parameter("0.weight") == 0).sum() == 512
    assert (twin_of(net).get_parameter("0.weight") != 0).all()


def test_complex_parameters_are_drawn_too() -> None:
    net = nn.ParameterDict({"a": torch.full((64, 64), 2 + 3j), "b": torch.full((64,), 2 + 3j)})
    twin = twin_of(net)
    a = twin.get_parameter("a").detach()
    assert float(a.abs().square().mean()) == pytest.approx(1 / (3 * 64), rel=0.05)  # as a real one's
    assert (twin.get_parameter("b") == 0).all()


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_a_twin_is_in_the_nets_precision(dtype: torch.dtype) -> None:
    twin = twin_of(trained(convnet()).to(dtype))
    assert {t.dtype for t in [*twin.parameters(), *twin.buffers()] if t.is_floating_point()} == {dtype}
    assert twin.get_parameter("6.weight").detach().double().std() == pytest.approx((3 * 32) ** -0.5, rel=0.1)


def test_a_factorys_twin_is_in_each_parameters_own_precision() -> None:
    def make() -> nn.Module:
        return nn.Sequential(nn.Linear(4, 4), nn.BatchNorm1d(4))

    net = make()
    net[0].half()  # type: ignore[index]
    twin, _ = untrained(Model(net, "net", fresh=seeded(make)), 0)
    assert {n: p.dtype for n, p in twin.named_parameters()} == {n: p.dtype for n, p in net.named_parameters()}
    assert {n: p.dtype for n, p in twin.named_buffers()} == {n: p.dtype for n, p in net.named_buffers()}


def test_a_factory_that_fails_is_one_line() -> None:
    def fresh(seed: int) -> nn.Module:
        raise TypeError("missing 1 argument\nmore")

    with pytest.raises(CensusError, match=r"factory of mine must give an untrained net\. Got TypeError: missing 1 arg"):
        untrained(Model(nn.Linear(2, 2), "mine", fresh=fresh), 0)


def test_activations_that_were_kept_in_a_list_do_not_hinder_the_copy() -> None:
    class Keeper(nn.Linear):
        def forward(self, input: Tensor) -> Tensor:
            self.kept = [super().forward(input)]
            return self.kept[0]

    net = Keeper(3, 3)
    net(torch.ones(2, 3))
    assert weights(twin_of(net)) != weights(net)


class Decaying(nn.Module):
    """A state space layer's decay, which its architecture always begins with: the same numbers for every seed."""

    def __init__(self, rows: int = 3) -> None:
        super().__init__()
        self.decay = nn.Parameter(torch.arange(1.0, 5.0).log().repeat(rows, 1))
        self.fc = nn.Linear(20, 20)


def test_weights_that_an_architecture_always_begins_with_are_no_trained_ones() -> None:
    twin, how = untrained(Model(Decaying(), "mine", fresh=seeded(Decaying)), 0)
    assert torch.equal(twin.get_parameter("decay"), Decaying().decay)
    assert how.endswith("; what it always begins with is as in the net, which training has not moved: decay")


def test_a_factory_that_loads_a_large_part_is_refused_all_the_same() -> None:
    fresh = seeded(lambda: Decaying(rows=100))
    with pytest.raises(CensusError, match=r"would keep 1 trained weights: decay\."):
        untrained(Model(Decaying(rows=100), "mine", fresh=fresh), 0)
