"""What training runs share and learned is what was planted; what was never trained reads 0."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from torch import Tensor

from layercensus.measures import Evidence, Outcome
from layercensus.measures.learned import learned
from layercensus.tally import Needs, Panel, Rows
from layercensus.testing import panel

from .directions import Random, compared, needs_of, planted, principal, run


def computed(evidence: Evidence) -> Outcome:
    return learned.compute(evidence)


@pytest.mark.parametrize(("shared", "needed"), [(0, 6), (3, 8), (8, 8), (5, 20)])
def test_the_planted_number_is_learned(shared: int, needed: int) -> None:
    found = [computed(planted(seed, shared=shared, needed=needed)).layer for seed in range(20)]
    right = [abs(layer.get("learned", -9) - shared) <= 1 and abs(layer["shared"] - shared) <= 1 for layer in found]
    assert sum(right) >= 19
    assert sum(layer.get("permuted_learned", 0) for layer in found) <= 1


@pytest.mark.parametrize(("shared", "needed", "grafted"), [(3, 8, 4), (10, 20, 10)])
def test_what_comes_from_an_untrained_net_is_shared_and_not_learned(shared: int, needed: int, grafted: int) -> None:
    for seed in range(5):
        layer = computed(planted(seed, shared=shared, needed=needed, grafted=grafted, examples=400)).layer
        assert layer["shared"] == pytest.approx(shared + grafted, abs=1)
        assert layer["learned"] == pytest.approx(shared, abs=1)


def heavy(x: Tensor) -> Tensor:
    """Responses as of Student's t with 2.5 degrees of freedom."""
    from scipy.stats import norm, t

    return torch.from_numpy(t.ppf(norm.cdf(x.double().clamp(-5, 5).numpy()), 2.5)).float()


RESPONSES: dict[str, Callable[[Tensor], Tensor]] = {
    "relu": torch.relu, "tanh": torch.tanh, "rarely": lambda x: torch.relu(x - 2.2), "exp": torch.exp,
    "lognormal": lambda x: torch.exp(1.5 * x), "t": heavy,
    "some hardly ever": lambda x: torch.relu(x - 3.2 * (torch.arange(x.shape[2]) % 4 == 3)),
}  # fmt: skip


@pytest.mark.parametrize("response", RESPONSES)
def test_untrained_nets_learned_nothing(response: str) -> None:
    counts = []
    for seed in range(15):
        for examples, spots in ((64, 8), (300, 1)):
            features = Random.of(seed, examples, spots, RESPONSES[response])
            counts.append(as_twin([features.net() for _ in range(6)], 12).layer["learned"])
    assert sum(counts) / len(counts) < 0.1


def as_twin(nets: list[Tensor], directions: int) -> Outcome:
    """Two untrained nets beyond the others."""
    runs = [(net, principal(net, directions)) for net in nets[:2]]
    return computed(replace(compared(runs, nets[2:]), untrained_needs=(), is_twin=True))


def test_untrained_nets_of_more_units_than_rows_learned_nothing() -> None:
    for seed in range(3):
        features = Random.of(seed, 160, 2)  # 160 rows to fit 2,400 units
        assert as_twin([features.net(600) for _ in range(6)], 20).layer["learned"] == 0


def test_the_basis_and_scale_of_units_and_the_order_of_examples_change_nothing() -> None:
    whole = planted(1, shared=3, needed=7, grafted=2)
    plain = computed(whole)
    for name, change in CHANGES.items():
        other = computed(change(whole))
        for column in ("shared", "learned", "learned_low", "learned_high"):
            assert other.layer[column] == pytest.approx(plain.layer[column], abs=1e-6), (name, column)
        torch.testing.assert_close(other.arrays["learned_r2"], plain.arrays["learned_r2"], atol=1e-4, rtol=1e-4)


def _with_units(whole: Evidence, matrix: Tensor) -> Evidence:
    """The first run's units replaced by linear combinations, its needs with them."""
    assert whole.needs is not None
    spots = whole.panel.spots @ matrix
    reader = torch.linalg.pinv(matrix.double()) @ whole.needs.reader
    needs = replace(whole.needs, mean=whole.needs.mean @ matrix.double(), reader=reader)
    return replace(whole, width=spots.shape[2], needs=needs, panel=_panel(spots, whole.panel.key))


def _panel(spots: Tensor, key: Tensor) -> Panel:
    return panel(spots, spots.mean(1), spots.mean(1), key)


def _rotated(whole: Evidence) -> Evidence:
    return _with_units(whole, torch.linalg.qr(torch.randn(32, 32, generator=torch.Generator().manual_seed(5))).Q)


def _copied(whole: Evidence) -> Evidence:
    return _with_units(whole, torch.eye(32).repeat(1, 3))


def _scaled(whole: Evidence) -> Evidence:
    return _with_units(whole, torch.diag(torch.logspace(-2, 2, 32)))


def _in_other_order(whole: Evidence) -> Evidence:
    order = torch.randperm(len(whole.panel), generator=torch.Generator().manual_seed(6))
    return replace(whole, panel=_panel(whole.panel.spots[order], whole.panel.key[order]))


CHANGES = {"rotated": _rotated, "copied": _copied, "scaled": _scaled, "in other order": _in_other_order}


def test_one_run_alone_says_what_is_missing_and_without_needs_nothing_is_said() -> None:
    whole = planted(0, shared=2, needed=4)
    alone = replace(whole, replicas=(), replica_needs=())
    assert computed(alone) == Outcome()
    assert computed(replace(alone, is_twin=True, untrained=())) == Outcome()
    assert computed(replace(whole, needs=None)) == Outcome()


def test_the_twin_is_compared_with_the_next_untrained_net_beyond_the_others() -> None:
    whole = planted(0, shared=2, needed=4)
    first = whole.untrained[0].spots
    twin = replace(
        whole, panel=_panel(first, whole.panel.key), needs=whole.untrained_needs[0], replicas=(), is_twin=True
    )
    nets = [rows.spots for rows in whole.untrained]
    assert computed(twin).layer == as_twin(nets, 8).layer
    assert computed(twin).layer["learned"] == 0
    assert computed(replace(twin, untrained=())) == Outcome()


def test_without_untrained_nets_directions_are_shared_and_nothing_is_said_to_be_learned() -> None:
    got = computed(replace(planted(0, shared=2, needed=4), untrained=(), untrained_needs=()))
    assert got.layer == {"shared": 2.0}
    assert got.notes == (
        "learned is missing: it takes three untrained nets or more (twin=True, and twins of 4 or more)",
    )


def test_where_untrained_nets_share_what_the_others_do_not_give_nothing_is_learned() -> None:
    whole = planted(0, shared=2, needed=4)
    common = torch.randn(256, 2, 6, generator=torch.Generator().manual_seed(9))
    units = [torch.cat([common, rows.spots[..., 6:]], 2) for rows in whole.untrained[:2]]
    untrained = tuple(Rows(whole.panel.key, u) for u in units)
    needs = tuple(needs_of(u, torch.eye(32)[:, :8]) for u in units)
    got = computed(replace(whole, untrained=(*untrained, *whole.untrained[2:]), untrained_needs=needs))
    assert got.layer == {"shared": 2.0}
    assert got.notes == ("learned is missing: untrained nets read 6.0 directions here too, not 0",)
    nothing = planted(0, shared=0, needed=4)
    assert computed(nothing).layer["learned"] == 0
    got = computed(replace(nothing, untrained=(*untrained, *whole.untrained[2:]), untrained_needs=needs))
    assert got.layer == {"shared": 0.0}  # nor is a 0 printed that stands beside such a null
    assert got.notes == ("learned is missing: untrained nets read 6.0 directions here too, not 0",)


def test_where_no_directions_hold_the_status_says_whose() -> None:
    """Principal directions may not stand in: wide untrained nets on few rows have up to nine in common along these."""
    whole = planted(0, shared=2, needed=4)
    assert whole.needs is not None
    got = computed(replace(whole, needs=_unheld(whole.needs)))
    assert got.layer == {}
    assert got.notes == (
        "shared and learned are missing: no number of directions holds a fidelity of 0.95 in every run",
    )
    for at in (0, 1):
        untrained = list(whole.untrained_needs)
        untrained[at] = _unheld(untrained[at])
        got = computed(replace(whole, untrained_needs=tuple(untrained)))
        assert got.layer == {"shared": 2.0}
        assert got.notes == (
            "learned is missing: no number of directions holds a fidelity of 0.95 in two untrained nets, so its null "
            "is not known (give more examples)",
        )


def _unheld(needs: Needs) -> Needs:
    """The same answers, of which no number of these directions holds .95."""
    return replace(needs, change=torch.full_like(needs.change, 0.2))


def test_beside_untrained_nets_the_nets_own_weights_shuffled_say_what_was_learned() -> None:
    """Of three common directions the shuffled nets hold two: one of them was not learned, if they are believed."""
    whole = planted(4, shared=3, needed=7, examples=400)
    plain = computed(whole)
    assert plain.layer["learned"] == 3
    assert "learned_shuffled" not in plain.layer
    alike = computed(replace(whole, shuffled=whole.untrained))
    assert alike.layer == plain.layer | {"learned_shuffled": 3.0}
    assert alike.notes == plain.notes
    features = Random.of(4, 400, 2)
    for _ in range(7):
        features.net()
    common = features.normal(400, 2, 3)  # as `planted` draws them
    holding = tuple(Rows(r.key, torch.cat([common[..., :2], r.spots], 2)) for r in whole.untrained)
    got = computed(replace(whole, shuffled=holding))
    assert got.layer == plain.layer | {"learned_shuffled": 1.0}
    assert got.notes == (
        "learned follows from which nets count as untrained: 3.0 beyond re-initialised ones, 1.0 beyond the net's own "
        "weights shuffled",
    )


@pytest.mark.parametrize(
    ("examples", "spots", "says"),
    [(20, 4, "shared and learned are missing: 20 examples are too few"), (64, 1, "64 examples are too few (give 256 ")],
)
def test_few_examples_give_a_gap(examples: int, spots: int, says: str) -> None:
    got = computed(planted(0, shared=2, needed=4, examples=examples, spots=spots))
    assert says in got.notes[0]
    assert "learned" not in got.layer


def test_three_runs_are_compared_pair_by_pair() -> None:
    features = Random.of(3, 256, 2)
    untrained = [features.net() for _ in range(6)]
    one, two = features.normal(256, 2, 2), features.normal(256, 2, 3)
    contents = [torch.cat(parts, 2) for parts in ((one, two), (one, two), (one, features.normal(256, 2, 4)))]
    got = computed(compared([run(features, each) for each in contents], untrained))  # 5, 5 and 6 directions
    assert (got.layer["learned_least"], got.layer["learned_most"]) == (2, 5)
    assert got.layer["learned"] == got.layer["shared"] == 3
    assert got.layer["learned_low"] <= 2
    assert got.layer["learned_high"] >= 5
    assert got.arrays["learned_curve"].shape == (3, 7)
    assert got.arrays["learned_curve"][:, 2].tolist() == [3, 3, 3]


def test_a_layer_that_nothing_reads_learned_nothing() -> None:
    whole = planted(0, shared=2, needed=4)
    assert whole.needs is not None
    none = replace(whole.needs, change=whole.needs.change * 0)
    layer = computed(replace(whole, needs=none)).layer
    assert (layer["shared"], layer["learned"], layer["permuted_learned"]) == (0, 0, 0)


def test_examples_that_did_not_reach_a_net_and_copies_are_left_out() -> None:
    whole = planted(0, shared=3, needed=6, examples=300)
    plain = computed(whole).layer
    spots = whole.panel.spots.clone()
    spots[7:40] = torch.nan
    assert computed(replace(whole, panel=_panel(spots, whole.panel.key))).layer["learned"] == plain["learned"] == 3


def test_copies_of_fitting_examples_check_nothing() -> None:
    """36 examples eight times over would else fit themselves: ten private directions of ten, r^2 near 1."""
    few = planted(0, shared=0, needed=10, examples=36)
    copied = torch.arange(36).repeat_interleave(8)
    got = computed(_taking(few, copied))
    assert "too few" in got.notes[0]


def _taking(whole: Evidence, rows: Tensor) -> Evidence:
    keys = torch.arange(len(rows))
    return replace(
        whole, panel=_panel(whole.panel.spots[rows], keys),
        replicas=tuple(_panel(p.spots[rows], keys) for p in whole.replicas),
        untrained=tuple(Rows(keys, r.spots[rows]) for r in whole.untrained),
    )  # fmt: skip


@pytest.mark.parametrize("place", [10, 11])  # of the fitting, and of the checking examples
def test_one_example_far_off_decides_nothing(place: int) -> None:
    whole = planted(2, shared=2, needed=6)
    nets = [whole.panel.spots, *(p.spots for p in whole.replicas), *(r.spots for r in whole.untrained)]
    far = [net.clone() for net in nets]
    for number, net in enumerate(far):
        net[place] *= 1e3 * (1 + number)
    keys = whole.panel.key
    outlying = replace(
        whole, panel=_panel(far[0], keys), replicas=(_panel(far[1], keys),),
        untrained=tuple(Rows(keys, net) for net in far[2:]),
    )  # fmt: skip
    layer = computed(outlying).layer
    assert layer["shared"] == pytest.approx(2, abs=1)
    assert layer["learned"] == pytest.approx(2, abs=1)


def test_learned_directions_are_those_that_were_planted() -> None:
    whole = planted(4, shared=3, needed=7, grafted=2, examples=400)
    got = computed(whole)
    reader = got.arrays["learned_reader"]
    assert whole.needs is not None
    assert reader.shape == (32, int(got.layer["learned"])) == (32, 3)
    scores = (whole.panel.spots.double() - whole.needs.mean) @ reader.double()
    flat = scores.flatten(0, 1)
    torch.testing.assert_close(flat.var(0), torch.ones(3, dtype=torch.float64), rtol=0.1, atol=0.1)
    planted_ones = Random.of(4, 400, 2)
    for _ in range(7):
        planted_ones.net()
    common = planted_ones.normal(400, 2, 3).flatten(0, 1).double()  # as `planted` draws them
    common = common - common.mean(0)
    left = flat - common @ torch.linalg.lstsq(common, flat - flat.mean(0)).solution - flat.mean(0)
    assert float((left.square().sum(0) / flat.var(0) / len(flat)).max()) < 0.2
    carries = got.arrays["learned_carries"]
    torch.testing.assert_close(carries, torch.full_like(carries, 1 / 7), rtol=0.2, atol=0.03)  # seven carry as much
    mean = scores.mean(1)
    top = whole.panel.key[mean.argsort(dim=0, descending=True)[:9]].T
    assert got.arrays["learned_top"].tolist() == top.tolist()


def test_nothing_learned_is_an_empty_array_and_an_untrained_net_has_none() -> None:
    got = computed(planted(0, shared=0, needed=4))
    assert got.arrays["learned_reader"].shape == (32, int(got.arrays["learned_carries"].numel()))
    assert "learned_reader" not in as_twin([rows.spots for rows in planted(0, shared=0, needed=4).untrained], 8).arrays
