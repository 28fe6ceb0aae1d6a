"""Units that a net needs, planted: a head reads some of a layer's units, copies of them, or a rotation of them."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import layercensus as lc
from layercensus.intervene.effects import Effects
from layercensus.intervene.moments import Moments
from layercensus.intervene.search import search
from layercensus.intervene.units import keeping, ranked
from layercensus.tally import Needs
from layercensus.testing import mixed_evidence

UNITS, ANSWERS = 24, 10


class Planted(nn.Module):
    """A layer of random units, dense, at the positions of a map or at those of a row, and a linear head."""

    def __init__(self, form: str, head: Tensor, mix: Tensor | None = None) -> None:
        super().__init__()
        units, read = (head.shape[0], head.shape[0]) if mix is None else mix.shape
        self.form = form
        self.first = nn.Conv2d(3, units, 3, padding=1) if form == "conv" else nn.Linear(units, units)
        self.act = nn.Tanh()
        self.mix = nn.Linear(units, read, bias=False) if mix is not None else nn.Identity()
        self.head = nn.Linear(*head.shape, bias=False)
        with torch.no_grad():
            self.head.weight.copy_(head.T)
            if mix is not None:
                self.mix.weight.copy_(mix.T)

    def forward(self, x: Tensor) -> Tensor:
        rows = self.act(self.first(x))
        rows = rows.movedim(1, -1) if self.form == "conv" else rows
        rows = self.mix(rows)
        return self.head(rows.reshape(len(x), -1, rows.shape[-1]).mean(1))


def planted(seed: int, form: str, head: Tensor, mix: Tensor | None = None) -> tuple[nn.Module, Tensor]:
    """The net and 400 inputs for it."""
    units = head.shape[0] if mix is None else mix.shape[0]
    torch.manual_seed(seed)
    net = Planted(form, head, mix).eval()
    shape = {"dense": (units,), "token": (5, units), "conv": (3, 4, 4)}[form]
    return net, torch.randn(400, *shape, generator=torch.Generator().manual_seed(seed))


def reading(seed: int, units: int, read: int) -> Tensor:
    """(units, ANSWERS): a head that reads so many units, each of them by one unit of length in a random direction."""
    generator = torch.Generator().manual_seed(seed)
    head = torch.zeros(units, ANSWERS)
    rows = torch.randn(read, ANSWERS, generator=generator)
    head[torch.randperm(units, generator=generator)[:read]] = nn.functional.normalize(rows, dim=1)
    return head


def asked(net: nn.Module, x: Tensor, layers: str = "act") -> lc.Census:
    settings = lc.Settings(progress=False, resamples=20, pictures=0)
    return lc.take(
        net, x, twin=False, layers=layers, output=lambda y: y, settings=settings, seed=0,
    )  # fmt: skip


@pytest.mark.parametrize("form", ["dense", "conv", "token"])
@pytest.mark.parametrize("read", [1, 3, 8])
def test_as_many_units_are_needed_as_a_head_reads(form: str, read: int) -> None:
    head = reading(read, UNITS, read)
    census = asked(*planted(read, form, head))
    assert census.layers["needed_units_99"].tolist() == [read]
    assert census.layers["needed_units"].tolist() == [read]
    units, reads = census.units, head.abs().sum(1).numpy() > 0
    assert (units["effect"].to_numpy(dtype=float)[~reads] < 1e-9).all()
    at = units["needed_at"].to_numpy(dtype=float)
    assert (at[~reads] > 1 - 1e-6).all()
    assert np.sort(at[reads])[:-1].max(initial=0) < 0.99


@pytest.mark.parametrize("form", ["dense", "conv", "token"])
def test_copies_of_what_is_read_are_not_needed(form: str) -> None:
    read, copies = 8, 3
    head = reading(4, UNITS, UNITS)[:read]
    gains = torch.tensor([1.0, -3.0, 0.5])
    once = torch.eye(UNITS)[:, :read]
    mix = torch.cat([gain * once for gain in gains], 1)
    plain = asked(*planted(4, form, head * gains.sum(), once), layers="mix").layers.iloc[0]
    copied = asked(*planted(4, form, head.repeat(copies, 1), mix), layers="mix").layers.iloc[0]
    assert (plain["width"], copied["width"]) == (read, read * copies)
    assert (plain["needed_units_99"], copied["needed_units_99"]) == (read, read)
    assert copied["needed_units"] == plain["needed_units"]


def test_a_rotation_leaves_the_needed_directions_and_asks_for_more_units() -> None:
    read = 4
    head = reading(5, UNITS, read)
    basis = torch.linalg.qr(torch.randn(UNITS, UNITS, generator=torch.Generator().manual_seed(6))).Q
    plain = asked(*planted(5, "dense", head, torch.eye(UNITS)), layers="mix").layers.iloc[0]
    rotated = asked(*planted(5, "dense", basis.T @ head, basis), layers="mix").layers.iloc[0]
    assert (plain["needed"], plain["needed_units"]) == (read, read)
    assert rotated["needed"] == read
    assert rotated["needed_units"] > 3 * read


def test_the_effect_is_what_the_answers_change_without_the_unit() -> None:
    """Behind the layer everything is linear, so the first order is all there is."""
    lengths = torch.linspace(0.3, 3, UNITS)[:, None]
    net, x = planted(7, "token", reading(7, UNITS, UNITS) * lengths)
    census = asked(net, x)
    with torch.no_grad():
        rows, answers = net.act(net.first(x)), net(x)
        variance = (answers - answers.mean(0)).square().sum(1).mean()
        without = [_with(rows, unit) for unit in range(UNITS)]
        change = torch.stack([(net.head(r.mean(1)) - answers).square().sum(1).mean() for r in without])
    effect = torch.tensor(census.units["effect"].to_numpy(dtype=float))
    torch.testing.assert_close(effect, (change / variance).double(), rtol=0.7, atol=0.0)
    assert np.corrcoef(effect, change)[0, 1] > 0.8
    torch.testing.assert_close(effect.sum(), (change.sum() / variance).double(), rtol=0.25, atol=0.0)


def test_an_effect_sums_over_positions_before_it_is_squared() -> None:
    generator = torch.Generator().manual_seed(9)
    rows, slopes = (torch.randn(6, 3, 4, generator=generator) + 100 for _ in range(2))
    effects = Effects()
    for some in (slice(0, 4), slice(4, 6)):
        effects.watch(rows[some])(slopes[some])
    mean = rows.mean((0, 1)).double()
    by_hand = (slopes.double() * (rows.double() - mean)).sum(1)
    torch.testing.assert_close(effects.moved(mean), by_hand, rtol=1e-4, atol=1e-3)


def _with(rows: Tensor, unit: int) -> Tensor:
    changed = rows.clone()
    changed[..., unit] = rows[..., unit].mean()
    return changed


def test_units_that_are_kept_stay_to_the_bit_and_others_follow_the_fitted_line() -> None:
    generator = torch.Generator().manual_seed(8)
    rows = torch.randn(50, 2, 4, generator=generator)
    rows[..., 3] = 2 * rows[..., 0] + 0.1 * rows[..., 3] + 5
    moments, effects = Moments(), Effects()
    moments.add(rows, torch.full((50, 2), 0.5))
    effects.watch(rows)(torch.tensor([3.0, 2.0, 1.0, 0.1]).expand(rows.shape))
    ranks = ranked(moments, effects)
    assert ranks.order.tolist() == [0, 1, 2, 3]
    changed = keeping(ranks, 2)(rows)
    assert torch.equal(changed[..., :2], rows[..., :2])
    flat = rows.flatten(0, 1).double().numpy()
    slope, at_0 = np.polyfit(flat[:, 0], flat[:, 3], 1)
    np.testing.assert_allclose(changed[..., 3].flatten().numpy(), at_0 + slope * flat[:, 0], rtol=1e-4)
    assert torch.equal(keeping(ranks, 4)(rows), rows)
    np.testing.assert_allclose(keeping(ranks, 0)(rows)[3, 1], flat.mean(0), rtol=1e-4)


def test_what_is_known_of_units_goes_through_a_file() -> None:
    needs = mixed_evidence().needs
    assert needs is not None
    assert needs.units is not None
    again = Needs.from_state(needs.state_dict())
    assert again.units is not None
    for name, tensor in needs.units.state_dict().items():
        torch.testing.assert_close(again.units.state_dict()[name], tensor, rtol=0, atol=0, equal_nan=True)
    bare = {name: tensor for name, tensor in needs.state_dict().items() if not name.startswith("units.")}
    assert Needs.from_state(bare).units is None


@pytest.mark.parametrize("units", [16, 200, 1000])
def test_few_numbers_of_units_are_tried(units: int) -> None:
    tries = list[int]()
    value = torch.arange(1, units + 1, dtype=torch.float64).flip(0) ** 2
    tail = torch.cat([value.flip(0).cumsum(0).flip(0), torch.zeros(1, dtype=torch.float64)]) / value.sum()

    def loss(kept: int) -> float:
        if kept < units:
            tries.append(kept)
        return float(tail[kept] ** 1.3)

    found = search(loss, value, also=(units,), others=False)
    least = int((tail**1.3 <= 0.05).nonzero()[0, 0])
    assert min(k for k, lost in found.items() if lost <= 0.05) - least <= 0.03 * units
    assert len(tries) <= 4
