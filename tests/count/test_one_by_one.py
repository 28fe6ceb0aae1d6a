"""A census of nets whose rows are not their examples: what passes of single examples say, for any batch size."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import layercensus as lc
from tests.layers.test_rows import Centres, Chooses, Counts, Draws, Experts, Mixes, Packed, Remembers, Sorts, Through

QUIET = lc.Settings(progress=False, other_views=False, resamples=20, pictures=0, panel=64)
BATCHES = (1, 7, 64)


def examples(count: int, *shape: int) -> Tensor:
    return torch.randn(count, *shape, generator=torch.Generator().manual_seed(3))


def taken(net: nn.Module, data: Any, batch: int, **kwargs: Any) -> lc.Census:
    settings = lc.Settings(progress=False, other_views=False, resamples=20, pictures=0, panel=64, batch=batch)
    return lc.take(net.eval(), data, twin=False, settings=settings, **kwargs)


def by_hand(net: nn.Module, layer: nn.Module, inputs: list[Callable[[], Any]]) -> np.ndarray[Any, Any]:
    """(reached examples, units): the mean over positions of a layer, one example at a time."""
    rows: list[Tensor] = []
    hook = layer.register_forward_hook(lambda m, i, o: rows.append(o.double().flatten(0, -2).mean(0)))
    with torch.no_grad():
        for make in inputs:
            given = make()
            net(**given) if isinstance(given, dict) else net(given)
    hook.remove()
    return torch.stack(rows).numpy()


def numbers(census: lc.Census, layer: str) -> np.ndarray[Any, Any]:
    units = census.units[census.units["layer"] == layer]
    return units[["mean", "std", "firing_rate"]].to_numpy(dtype=float)


@pytest.mark.parametrize("kind", [Through, Sorts, Mixes, Centres])
def test_units_are_those_of_single_examples(kind: type[Through]) -> None:
    net, x = kind().eval(), examples(75, 6)
    rows = by_hand(net, net.r, [lambda i=i: x[i : i + 1] for i in range(75)])  # type: ignore[misc]
    truth = np.stack([rows.mean(0), rows.std(0), (rows > 0).mean(0)], axis=1)
    for batch in BATCHES:
        census = taken(net, x, batch)
        np.testing.assert_allclose(numbers(census, "r"), truth, rtol=1e-4, atol=1e-5)
        assert (census.provenance.alone != "") == (kind is not Through)


def test_labels_belong_to_their_examples_in_a_net_that_sorts() -> None:
    net, x = Sorts().eval(), examples(300, 6)
    with torch.no_grad():
        unit = net.r(net.a(x))[:, 0]
    labels = (unit > unit.median()).long()
    censuses = [taken(net, x, batch, labels=labels) for batch in (1, 32)]
    eta2 = [census.units.query("layer == 'r' and unit == 0")["eta2"].item() for census in censuses]
    assert eta2[0] == pytest.approx(eta2[1])
    assert eta2[0] > 0.3


@pytest.mark.parametrize("kind", [Draws, Counts, Remembers])
def test_what_draws_or_keeps_gives_the_same_census_twice(kind: type[Through]) -> None:
    net, x = kind(), examples(75, 6)
    once, again, small = (taken(net, x, batch) for batch in (64, 64, 7))
    for other in (again, small):
        np.testing.assert_allclose(numbers(once, "r"), numbers(other, "r"), rtol=1e-5)
        assert once.layers["distinct"].tolist() == other.layers["distinct"].tolist()


def test_random_numbers_of_the_caller_go_on() -> None:
    net = Draws()
    torch.manual_seed(5)
    expected = torch.rand(2)
    torch.manual_seed(5)
    first = torch.rand(1)
    taken(net, examples(20, 6), 8)
    assert torch.equal(torch.cat([first, torch.rand(1)]), expected)


def test_noise_inside_the_net_is_noise_in_the_census() -> None:
    class Vae(Through):
        def between(self, h: Tensor) -> Tensor:
            return h + 100 * torch.randn_like(h)

    census = taken(Vae(), examples(300, 6), 32)
    assert census.layers.set_index("layer").loc["r", "noise"] == 8
    assert [f.sentence for f in census.findings if "draws at random: randn_like" in f.sentence]


def test_experts_have_examples_of_their_own() -> None:
    net, x = Experts().eval(), examples(80, 2, 6)
    for batch in BATCHES:
        census = taken(net, x, batch)
        for number in range(3):
            rows = by_hand(net, net.expert[number][1], [lambda i=i: x[i : i + 1] for i in range(80)])  # type: ignore[index,misc]
            layer = census.layers.set_index("layer").loc[f"expert.{number}.1"]
            assert layer["examples"] == len(rows) < 80
            truth = np.stack([rows.mean(0), rows.std(0)], axis=1)
            np.testing.assert_allclose(numbers(census, f"expert.{number}.1")[:, :2], truth, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("ragged", [False, True])
def test_packed_sequences(ragged: bool) -> None:
    net, x = Packed(enforce_sorted=False).eval(), examples(90, 5, 6)
    lengths = torch.tensor([3, 4, 5] * 30) if ragged else torch.full((90,), 5)
    data = [{"inputs": {"x": x[i : i + 9], "length": lengths[i : i + 9]}} for i in range(0, 90, 9)]
    means = []
    with torch.no_grad():
        for one, length in zip(x, lengths, strict=True):
            means.append(net.l(one[None, : int(length)])[0][0].mean(0))
    truth = torch.stack(means).numpy()
    for batch in BATCHES:
        got = numbers(taken(net, data, batch), "l")
        np.testing.assert_allclose(got[:, 0], truth.mean(0), rtol=1e-4, atol=1e-6)
        np.testing.assert_allclose(got[:, 1], truth.std(0), rtol=1e-4, atol=1e-6)


def test_a_sorted_data_set_misleads_nobody() -> None:
    net, x = Chooses().eval(), examples(120, 6)
    with torch.no_grad():
        order = net.a(x)[:, 0].argsort()
    censuses = [taken(net, x[rows], batch, layers=["b", "r"]) for rows in (order, order.flip(0)) for batch in BATCHES]
    with torch.no_grad():
        h = net.a(x)
    reached = h[:, 0] > 0
    for census in censuses:
        layers = census.layers.set_index("layer")
        assert layers["examples"].to_dict() == {"b": int(reached.sum()), "r": 120}
        with torch.no_grad():
            truth = net.b(h[reached])
        np.testing.assert_allclose(numbers(census, "b")[:, 0], truth.mean(0), rtol=1e-4, atol=1e-6)


def test_a_rare_layer_is_found_where_it_is_named_and_told_of_where_not() -> None:
    class Rare(Through):
        def __init__(self) -> None:
            super().__init__()
            self.rare = nn.Linear(8, 8)

        def between(self, h: Tensor) -> Tensor:
            return self.rare(h) if (h[:, 0] > 5).any() else h

    net, x = Rare(), examples(200, 6)
    x[150] = torch.linalg.lstsq(net.a.weight.detach()[:1], torch.tensor([[9.0]])).solution.flatten()
    named = taken(net, x, 32, layers=["rare", "r"])
    assert named.layers.set_index("layer")["examples"].to_dict() == {"rare": 1, "r": 200}
    assert any("No calibrating example reaches rare" in finding.sentence for finding in named.findings)
    told = taken(net, x, 32)
    assert "rare" not in told.layers["layer"].tolist()
    assert any(entry.startswith("rare (it was not called") for entry in told.provenance.not_counted)
    assert [f.sentence for f in told.findings if "'rare' first ran for example" in f.sentence]


def test_an_error_inside_a_later_pass_names_the_examples() -> None:
    class Refuses(Through):
        def between(self, h: Tensor) -> Tensor:
            if (h.abs() > 100).any():
                raise ZeroDivisionError("too large\nfor this net")
            return h

    x = examples(64, 6)
    x[40] = 1000
    message = (
        r"^The model must accept every example\. Got ZeroDivisionError from its forward pass of the 16 examples "
        r"'32' to '47': too large for this net$"
    )
    with pytest.raises(lc.CensusError, match=message):
        taken(Refuses(), x, 16, layers="a")


def test_replicas_and_twins_of_experts() -> None:
    x, settings = examples(260, 2, 6), lc.Settings(progress=False, other_views=False, resamples=20, pictures=0, twins=1)
    other = Experts().eval()
    with torch.no_grad():
        for parameter in other.parameters():
            parameter.add_(0.05 * torch.randn(parameter.shape, generator=torch.Generator().manual_seed(1)))
    census = lc.take(Experts().eval(), x, replicas=[other], settings=settings)
    layers = census.layers.set_index("layer")
    assert layers.loc["expert.0.1", "replicated"] >= 1
    assert layers.loc["expert.0.1", "twin_examples"] > 0 if "twin_examples" in layers else True
    assert str(census.verdict)


class RollsMany(Through):
    """Rolls batches of more examples than the probe has, and rolls the answers back."""

    def forward(self, x: Tensor) -> Tensor:
        by = 1 if len(x) > 8 else 0
        y: Tensor = self.o(self.r(self.a(x).roll(by, 0))).roll(-by, 0)
        return y


def test_what_the_probe_could_not_show_is_refused_by_a_spot_check() -> None:
    net, x = RollsMany().eval(), examples(75, 6)
    with pytest.raises(
        lc.CensusError, match=r"^Each row of a layer must be its example's whatever the batch\. Got another"
    ):
        taken(net, x, 32)
    rows = by_hand(net, net.r, [lambda i=i: x[i : i + 1] for i in range(75)])  # type: ignore[misc]
    for batch in (1, 7):
        np.testing.assert_allclose(numbers(taken(net, x, batch), "r")[:, 0], rows.mean(0), rtol=1e-4, atol=1e-5)


def test_a_net_whose_chance_nobody_can_seed_is_not_counted() -> None:
    hidden = np.random.default_rng(0)

    class Hides(Through):
        def between(self, h: Tensor) -> Tensor:
            return h + torch.from_numpy(hidden.normal(size=tuple(h.shape))).to(h.dtype)

    with pytest.raises(lc.CensusError, match="one and the same example gets another answer each time"):
        taken(Hides(), examples(40, 6), 8)


def test_a_map_that_no_example_of_a_batch_reaches_has_its_dimension_from_the_others() -> None:
    class Maps(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            torch.manual_seed(0)
            self.a, self.b, self.r, self.o = nn.Conv2d(1, 4, 3), nn.Conv2d(4, 4, 3), nn.ReLU(), nn.Linear(4, 3)

        def forward(self, x: Tensor) -> Tensor:
            h = self.a(x)
            if (x.mean() > 0).all():
                h = self.r(self.b(h))
            y: Tensor = self.o(h.mean((2, 3)))
            return y

    x = examples(60, 1, 8, 8)
    settings = lc.Settings(progress=False, other_views=False, resamples=20, pictures=0, batch=2, dimension=True)
    census = lc.take(Maps().eval(), x, layers=["a", "r"], twin=False, settings=settings)
    reached = int((x.mean((1, 2, 3)) > 0).sum())
    assert census.layers.set_index("layer")["examples"].to_dict() == {"a": 60, "r": reached}
    assert 0 < reached < 60


def test_a_text_without_a_token_that_counts_is_no_example_of_a_layer() -> None:
    class Texts(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            torch.manual_seed(0)
            self.e, self.a, self.r, self.o = nn.Embedding(5000, 6), nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 3)

        def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
            y: Tensor = self.o(self.r(self.a(self.e(input_ids)))).mean(1)
            return y

    ids = torch.randint(0, 5000, (60, 5), generator=torch.Generator().manual_seed(0))
    mask = (torch.arange(5)[None] < torch.randint(1, 6, (60, 1), generator=torch.Generator().manual_seed(1))).long()
    mask[7] = 0
    net = Texts().eval()
    for batch in BATCHES:
        census = taken(net, {"input_ids": ids, "attention_mask": mask}, batch)
        with torch.no_grad():
            h = torch.relu(net.a(net.e(ids))) * mask[:, :, None]
        rows = (h.sum(1) / mask.sum(1, keepdim=True))[mask.any(1)]
        assert census.layers.set_index("layer").loc["r", "examples"] == 59
        np.testing.assert_allclose(numbers(census, "r")[:, 0], rows.mean(0), rtol=1e-4, atol=1e-6)
        peaks = census.units.query("layer == 'r'")
        assert np.isfinite(peaks["mean"].to_numpy(dtype=float)).all()


def test_untrained_nets_that_cannot_be_counted_are_told_of(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*args: Any) -> Any:
        raise lc.CensusError("too large for this test")

    monkeypatch.setattr("layercensus.count.untrained.another_untrained", fails)
    settings = lc.Settings(progress=False, other_views=False, resamples=20, pictures=0)
    census = lc.take(Through().eval(), examples(60, 6), settings=settings)
    told = [f.sentence for f in census.findings if "untrained nets could not be counted" in f.sentence]
    assert told
    assert told[0].startswith("4 of the untrained nets")
    assert told[0].endswith("too large for this test")
