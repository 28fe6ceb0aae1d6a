"""Laws that every measure obeys; a measure of one's own is held to them by `check`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor

from ..census.columns import Columns
from ..measures import MEASURES, Column, Evidence, Measure, Outcome, measure
from ..measures.reliability import icc
from ..tally import Marks, Rows
from .evidence import evidence, first, panel
from .planted_concepts import marks_of
from .planted_needs import planted_needs

UNITS, EXAMPLES, CLASSES = 24, 400, 4
FEW = (*range(1, 65), 80, 99, 128, 200)  # examples at which a zero would be no finding
NEGLIGIBLE = 1e-6  # beside what many examples give: as good as 0
Measures = Sequence[Measure]


def mixed_evidence(order: Tensor | None = None, units: Tensor | None = None, gain: Tensor | None = None) -> Evidence:
    """A layer of 24 units with copies, noise, dead and class-selective ones, 400 examples, 4 classes, a replica.

    order: (examples,) their order; units: (24,) the order of the units; gain: (24,) what each is multiplied with.
    """
    label = torch.arange(EXAMPLES) % CLASSES
    base = _normal(0, EXAMPLES, 3, 8)
    clean = base[:, :, torch.arange(UNITS) % 8] * (1 + torch.arange(UNITS) / 10)
    clean[:, :, 0] += label[:, None] * 2.0
    clean += 0.02 * _normal(5, EXAMPLES, 3, UNITS)
    clean[:, :, 20:] = -0.5  # dead
    noise = torch.full((UNITS,), 0.05)
    noise[14:20] = 3.05
    moves = clean.std((0, 1)) > 0
    a, b = (clean.mean(1) + _normal(seed, EXAMPLES, UNITS) * noise * moves for seed in (1, 2))
    replica = clean[:, :, torch.randperm(UNITS, generator=torch.Generator().manual_seed(3))]
    order = torch.arange(EXAMPLES) if order is None else order
    units = torch.arange(UNITS) if units is None else units
    gain = torch.ones(UNITS) if gain is None else gain
    whole = evidence(
        (clean * gain)[order][:, :, units], (a * gain)[order][:, units], (b * gain)[order][:, units],
        label=label[order], keys=order, classes=CLASSES, rarefy_to=10,
    )  # fmt: skip
    other = panel(replica, replica.mean(1), replica.mean(1), torch.arange(EXAMPLES), label)
    heads = [torch.zeros(UNITS, 5).index_put_((torch.arange(5), torch.arange(5)), torch.ones(())) for _ in range(2)]
    needs = planted_needs((clean * gain)[:, :, units], (heads[0] / gain[:, None])[units])
    drawn = [Rows(torch.arange(EXAMPLES), _normal(20 + net, EXAMPLES, 3, UNITS)) for net in range(6)]
    untrained = tuple(drawn[:4])
    return replace(
        whole, replicas=(other,), needs=needs, replica_needs=(planted_needs(replica, heads[1]),), untrained=untrained,
        untrained_needs=tuple(planted_needs(rows.spots, heads[0]) for rows in untrained[:2]),
        shuffled=tuple(drawn[4:]), shown=torch.stack([icc(a, b), 0.6 * icc(a, b)])[:, units],
        marks=(_named(label, base),),
    )  # fmt: skip


def _named(label: Tensor, base: Tensor) -> Marks:
    """Four named concepts, three of them told: the first class or not, two latents, and none."""
    latent, none = base.mean(1), _normal(11, EXAMPLES)
    has = torch.stack(
        [(label == 0).float(), (latent[:, 3] > 0).float(), (latent[:, 5] > 0.3).float(), (none > 0).float()], 1
    )
    return marks_of(torch.arange(EXAMPLES), has[:, None], inputs=latent[:, None, 3:5])


def columns(measures: Measures) -> dict[str, Column]:
    """Every declared column, as "layers.NAME" or "units.NAME"."""
    layers = {f"layers.{name}": column for m in measures for name, column in m.layer_columns.items()}
    return layers | {f"units.{name}": column for m in measures for name, column in m.unit_columns.items()}


def values(outcome: Outcome) -> dict[str, Tensor]:
    """Everything that was returned, as float64: "layers.NAME", "units.NAME" and "arrays.NAME"."""
    numbers = {name: value for name, value in outcome.layer.items() if not isinstance(value, str)}
    layers = {f"layers.{name}": torch.tensor(float(value)) for name, value in numbers.items()}
    units = {f"units.{name}": value for name, value in outcome.units.items()}
    arrays = {f"arrays.{name}": value for name, value in outcome.arrays.items()}
    return {name: value.double() for name, value in (layers | units | arrays).items()}


def declared_is_returned(measures: Measures) -> None:
    """Each declared column is returned, and no other; a unit's column has a value for every unit."""
    outcome = measure(mixed_evidence(), measures)
    returned = {f"layers.{name}" for name in outcome.layer} | {f"units.{name}" for name in outcome.units}
    assert returned == set(columns(measures)), f"declared, or returned, alone: {returned ^ set(columns(measures))}"
    assert all(len(value) == UNITS for value in outcome.units.values())


def in_range(measures: Measures) -> None:
    """Every number lies in the range of its column, whose meaning is said."""
    found = values(measure(mixed_evidence(), measures))
    for name, column in columns(measures).items():
        assert column.meaning, f"{name} must say what it means"
        if column.dtype == "string" and column.kind not in ("choice", "concept"):
            continue
        numbers = found[name].flatten()
        numbers = numbers[~numbers.isnan()]
        assert len(numbers), f"{name} must have a value on a layer of every kind of unit"
        inside = (numbers >= column.low - 1e-6).all() and (numbers <= column.high + 1e-6).all()
        assert bool(inside), f"{name} must lie between {column.low} and {column.high}"


def order_of_examples(measures: Measures) -> None:
    """The order in which examples come changes nothing."""
    order = torch.randperm(EXAMPLES, generator=torch.Generator().manual_seed(7))
    plain, other = (values(measure(e, measures)) for e in (mixed_evidence(), mixed_evidence(order=order)))
    for name, value in plain.items():
        _close(name, value, other[name])


def order_of_units(measures: Measures) -> None:
    """The order of the units moves nothing but the units; `Column.with_units` says how a column goes with them.

    "moves": a unit's value goes where the unit goes, and a layer's stays. "names": the value is the index of a unit, of
    its new place then. "groups": it numbers groups of units, which stay together whatever their numbers. "drawn":
    random numbers are drawn unit by unit, so that another order draws others.
    """
    units = torch.randperm(UNITS, generator=torch.Generator().manual_seed(8))
    plain, other = measure(mixed_evidence(), measures), measure(mixed_evidence(units=units), measures)
    declared = columns(measures)
    for name in sorted(set(values(plain)) & set(declared)):
        mine, theirs, how = values(plain)[name], values(other)[name], declared[name].with_units
        if how == "drawn":
            continue
        mine = mine[units] if name.startswith("units.") else mine
        if how == "names":
            theirs = torch.where(theirs >= 0, units[theirs.long().clamp(min=0)], theirs)
        if how == "groups":
            mine, theirs = ((x[:, None] == x[None]).double() for x in (mine, theirs))
        _close(name, mine, theirs, 1e-4)


def any_positive_scale(measures: Measures) -> None:
    """A unit may be multiplied by a positive number, but where its column says that it is not scale-free."""
    plain = values(measure(mixed_evidence(), measures))
    other = values(measure(mixed_evidence(gain=torch.exp(_normal(9, UNITS))), measures))
    for name, column in columns(measures).items():
        if column.scale_free and name in plain:
            _close(name, plain[name], other[name], 1e-3)


def same_seed(measures: Measures) -> None:
    """The same seed gives the same numbers."""
    plain, other = (values(measure(mixed_evidence(), measures)) for _ in range(2))
    for name, value in plain.items():
        assert torch.equal(value.nan_to_num(7.0), other[name].nan_to_num(7.0)), f"{name} must follow the seed"


def gaps_not_zeros(measures: Measures, on: Evidence | None = None) -> None:
    """Too few examples leave a gap: what is not 0 on many examples is missing on few, or not 0 there either.

    on: evidence on which no column of the measures is 0; None: `mixed_evidence`.
    """
    whole = mixed_evidence() if on is None else on
    asked = {name for name, column in columns(measures).items() if not column.rare}
    many = {name: value for name, value in values(measure(whole, measures)).items() if name in asked}
    size = {name: float(value.nan_to_num(0).abs().amax()) for name, value in many.items()}
    silent = [name for name, largest in size.items() if largest == 0]
    assert not silent, (
        f"{silent[0]} is 0 on this evidence, of which no law can say anything: give other evidence, on=..."
    )
    for examples in FEW:
        few = values(measure(first(whole, examples), measures))
        for name in few.keys() & size.keys():
            if name != "units.live" and not bool(few[name].isnan().all()):
                zero = float(few[name].nan_to_num(0).abs().amax()) <= NEGLIGIBLE * size[name]
                assert not zero, f"{name} must be missing on {examples} examples. Got 0."


LAWS = (
    declared_is_returned, in_range, order_of_examples, order_of_units, any_positive_scale, same_seed, gaps_not_zeros,
)  # fmt: skip


def check(*measures: Measure, on: Evidence | None = None) -> None:
    """Hold measures of one's own to every law, after those of the package.

    on: evidence on which none of their columns is 0, where on `mixed_evidence` one is.

    >>> from layercensus.measures.live import live
    >>> check()

    Raises:
        AssertionError: names the law's column and what it must be.
    """
    Columns.of((*MEASURES, *measures))
    for law in LAWS:
        if law is gaps_not_zeros:
            gaps_not_zeros((*MEASURES, *measures), on)
        else:
            law((*MEASURES, *measures))


def _normal(seed: int, *shape: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def _close(name: str, one: Tensor, two: Tensor, tolerance: float = 1e-5) -> None:
    try:
        torch.testing.assert_close(one, two, rtol=tolerance, atol=tolerance, equal_nan=True)
    except AssertionError as error:
        raise AssertionError(f"{name} must stay the same: {' '.join(str(error).split())}") from None
