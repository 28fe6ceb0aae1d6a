"""Laws that every measure obeys; a measure that is added to MEASURES gets all of them."""

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from layercensus.measures import MEASURES, Column, Evidence, Outcome, measure

from .evidence import evidence, normal, panel

UNITS, N = 24, 400
LABELS = torch.arange(N) % 4


def mixed(order: Tensor | None = None, units: Tensor | None = None, gain: Tensor | None = None) -> Evidence:
    """A layer with copies, noise, dead and class-selective units, optionally reordered and rescaled."""
    base = normal(0, N, 3, 8)
    clean = base[:, :, torch.arange(UNITS) % 8] * (1 + torch.arange(UNITS) / 10)
    clean[:, :, 0] += LABELS[:, None] * 2.0
    clean += 0.02 * normal(5, N, 3, UNITS)
    clean[:, :, 20:] = -0.5  # dead
    quiet, loud = torch.full((UNITS,), 0.05), torch.full((UNITS,), 0.0)
    loud[14:20] = 3.0
    a = clean.mean(1) + normal(1, N, UNITS) * (quiet + loud) * (clean.std((0, 1)) > 0)
    b = clean.mean(1) + normal(2, N, UNITS) * (quiet + loud) * (clean.std((0, 1)) > 0)
    replica = clean[:, :, torch.randperm(UNITS, generator=torch.Generator().manual_seed(3))]
    order = torch.arange(N) if order is None else order
    units = torch.arange(UNITS) if units is None else units
    gain = torch.ones(UNITS) if gain is None else gain
    whole = evidence(
        (clean * gain)[order][:, :, units], (a * gain)[order][:, units], (b * gain)[order][:, units],
        label=LABELS[order], keys=order, classes=4, rarefy_to=10,
    )  # fmt: skip
    return replace(whole, replicas=(panel(replica, replica.mean(1), replica.mean(1), torch.arange(N), LABELS),))


def columns() -> dict[str, Column]:
    layers = {f"layers.{name}": c for m in MEASURES for name, c in m.layer_columns.items()}
    return layers | {f"units.{name}": c for m in MEASURES for name, c in m.unit_columns.items()}


def values(got: Outcome) -> dict[str, Tensor]:
    layers = {f"layers.{name}": torch.tensor(float(v)) for name, v in got.layer.items()}
    units = {f"units.{name}": v for name, v in got.units.items()}
    return {k: v.double() for k, v in (layers | units | {f"arrays.{n}": v for n, v in got.arrays.items()}).items()}


@pytest.fixture(scope="module")
def plain() -> Outcome:
    return measure(mixed(), MEASURES)


def close(one: Tensor, two: Tensor, tolerance: float = 1e-5) -> None:
    torch.testing.assert_close(one, two, rtol=tolerance, atol=tolerance, equal_nan=True)


def test_what_is_declared_is_what_is_returned(plain: Outcome) -> None:
    assert {name for name in values(plain) if not name.startswith("arrays")} == set(columns())
    assert all(len(v) == UNITS for v in plain.units.values())


@pytest.mark.parametrize("name", columns())
def test_every_number_is_in_its_range(plain: Outcome, name: str) -> None:
    declared, got = columns()[name], values(plain)[name].flatten()
    got = got[~got.isnan()]
    assert declared.meaning
    assert len(got)
    assert bool((got >= declared.low - 1e-6).all() and (got <= declared.high + 1e-6).all())


def test_the_order_of_examples_does_not_matter(plain: Outcome) -> None:
    order = torch.randperm(N, generator=torch.Generator().manual_seed(7))
    other = values(measure(mixed(order=order), MEASURES))
    for name, value in values(plain).items():
        close(value, other[name])


def test_the_order_of_units_moves_nothing_but_units(plain: Outcome) -> None:
    units = torch.randperm(UNITS, generator=torch.Generator().manual_seed(8))
    other = measure(mixed(units=units), MEASURES)
    for name in set(plain.layer) - {"parallel_dim"}:  # its permutations are drawn unit by unit
        close(values(plain)[f"layers.{name}"], values(other)[f"layers.{name}"], 1e-4)
    for name in set(plain.units) - {"cluster", "representative", "replication_null", "replicated"}:
        close(values(plain)[f"units.{name}"][units], values(other)[f"units.{name}"], 1e-4)
    mine, theirs = plain.units["representative"][units], other.units["representative"]
    assert torch.equal(torch.where(theirs >= 0, units[theirs.clamp(min=0)], -1), mine)


def test_a_unit_may_be_measured_on_any_positive_scale(plain: Outcome) -> None:
    other = values(measure(mixed(gain=torch.exp(normal(9, UNITS))), MEASURES))
    for name, column in columns().items():
        if column.scale_free:
            close(values(plain)[name], other[name], 1e-3)


def test_the_same_seed_gives_the_same_numbers(plain: Outcome) -> None:
    other = values(measure(mixed(), MEASURES))
    for name, value in values(plain).items():
        assert torch.equal(value.nan_to_num(7.0), other[name].nan_to_num(7.0)), name


def test_too_few_examples_leave_gaps_not_zeros() -> None:
    few = mixed()
    few = replace(few, panel=few.panel.half(0).half(0).half(0).half(0).half(0).half(0))
    assert len(few.panel) < 16
    got = measure(few, MEASURES)
    assert "live" in got.layer
    assert not {"reliable", "distinct", "redundant", "replicated"} & set(got.layer)
