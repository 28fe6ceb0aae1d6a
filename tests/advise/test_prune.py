"""Units that can be taken out of planted nets, and those that only seem so."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import nn

import layercensus as lc
from layercensus.advise.panel import open_panel
from layercensus.data.keys import key
from layercensus.models.open import open_model

from .nets import ANSWERS, INPUTS, UNITS, Switches, census, inputs, plain, widened

NOTHING = 1 - 1e-7  # fidelity at which the answers are the same


def parameters(net: nn.Module) -> int:
    return sum(p.numel() for p in net.parameters())


def test_redundant_width_goes_and_the_answers_stay() -> None:
    net, x = widened(plain()), inputs()
    advice = census(net, x).advise(net, x, parts=["prune"], fidelity=[NOTHING])
    assert advice.prune["after"].min() == UNITS
    assert (advice.prune["fidelity"] > NOTHING).all()
    assert {"dead", "dead and duplicate", "not needed"} >= set(advice.prune["what"])
    small = advice.pruned(NOTHING)
    assert parameters(small) == parameters(plain())
    torch.testing.assert_close(small(x), net(x), rtol=1e-4, atol=1e-5)
    assert parameters(net) > parameters(small)  # the net itself is as it was


def test_why_a_unit_goes_and_into_which_one() -> None:
    net, x = widened(plain()), inputs()
    advice = census(net, x).advise(net, x, parts=["prune"], fidelity=[NOTHING])
    why = advice.units.set_index("unit")
    assert why.index.tolist() == sorted(why.index)
    assert set(why.loc[3 * UNITS :, "why"]) == {"dead"}
    assert why.loc[3 * UNITS :, "into"].isna().all()
    copies = why[why["why"] == "duplicate"]
    assert len(copies) == 2 * UNITS
    assert (copies["into"] % UNITS).tolist() == (copies.index % UNITS).tolist()
    stays = advice.masks(NOTHING)["1"]
    assert stays.nonzero().flatten().tolist() == [u for u in range(len(stays)) if u not in why.index]


def test_an_effect_is_what_the_smaller_net_does_to_examples_that_chose_nothing() -> None:
    net, x = plain(), inputs()
    counted = census(net, x)
    advice = counted.advise(net, x, parts=["prune"], fidelity=[0.8])
    row = advice.together.iloc[0]
    panel = open_panel(counted, open_model(net), x)
    rows = [int(id) for batch in panel.verifying for id in batch.ids]
    sets = [set(part.tolist()) for part in (panel.parts.calibration, panel.parts.choosing, panel.parts.verifying)]
    assert not (sets[0] & sets[1] | sets[0] & sets[2] | sets[1] & sets[2])
    assert {key(str(row)) for row in rows} == sets[2]
    with torch.no_grad():
        before, after = (one(x[rows]).double() for one in (net, advice.pruned(0.8)))
    before, after = (y - y.mean(1, keepdim=True) for y in (before, after))
    around = (before - before.mean(0)).square().sum() * len(rows) / (len(rows) - 1)
    assert row["fidelity"] == pytest.approx(1 - float((after - before).square().sum() / around), abs=1e-6)
    assert row["agreement"] == float((after.argmax(1) == before.argmax(1)).double().mean())
    assert 0.8 <= row["low"] <= row["fidelity"] <= row["high"] <= 1
    assert row["parameters"] < row["parameters_before"] == parameters(net)
    hidden = int(row["parameters"] - ANSWERS) // (INPUTS + 1 + ANSWERS)
    assert row["flops"] == 2 * hidden * (INPUTS + ANSWERS)


def test_units_that_have_no_gradient_are_not_given_away() -> None:
    """To first order nothing rests on the switched units; without them the answers are others."""
    net, x = Switches().eval(), inputs(1, UNITS)
    advice = census(net, x, layers=["act"]).advise(net, x, parts=["prune"], fidelity=[0.9])
    assert (advice.prune["fidelity"] >= 0.9).all()
    for stays in advice.masks(0.9).values():
        assert bool(stays[:UNITS].all())


def test_what_holds_only_where_it_was_chosen_is_withheld() -> None:
    """A unit that moves in verifying examples alone seems not to be needed; it is tried, and not given."""
    net, x = plain(2), inputs(2)
    net = nn.Sequential(nn.Linear(INPUTS, UNITS + 1), nn.ReLU(), nn.Linear(UNITS + 1, ANSWERS)).eval()
    with torch.no_grad():
        net[0].weight[-1] = torch.eye(INPUTS)[0]
        net[0].bias[-1] = -6
        net[2].weight[:, -1] = 20 * torch.randn(ANSWERS, generator=torch.Generator().manual_seed(1))
    x = x.clamp(-4, 4)
    counted = census(net, x)
    panel = open_panel(counted, open_model(net), x)
    rows = [int(id) for batch in panel.verifying for id in batch.ids]
    x[rows[::4], 0] = 9.0
    advice = census(net, x).advise(net, x, parts=["prune"], fidelity=[0.95])
    assert all(bool(stays[-1]) for stays in advice.masks(0.95).values())
    assert (advice.prune["fidelity"] >= 0.95).all()
    assert advice.withheld["why"].str.contains("on verifying examples it keeps").any()


def test_advice_is_refused_for_another_net_and_for_few_examples() -> None:
    net, x = plain(), inputs()
    counted = census(net, x)
    with pytest.raises(lc.CensusError, match="model must be the one that was counted"):
        counted.advise(plain(1), x)
    with pytest.raises(lc.CensusError, match=r"parts must be a list of some of prune.* Got \['grow'\]"):
        counted.advise(net, x, parts=["grow"])
    with pytest.raises(lc.CensusError, match="fidelity must be a list of numbers between 0 and 1"):
        counted.advise(net, x, fidelity=[1.5])
    with pytest.raises(lc.CensusError, match="at least 16 examples each"):
        census(net, x[:40]).advise(net, x[:40])
    other = replace(counted, provenance=replace(counted.provenance, needs={"output": "'logits'", "centred": True}))
    with pytest.raises(lc.CensusError, match="output must be the one of the census, 'logits'"):
        lc.Census.of(other).advise(net, x)


def test_advice_leaves_the_net_and_the_caller_as_they_were() -> None:
    net, x = widened(plain()).train(), inputs()
    before = {name: value.clone() for name, value in net.state_dict().items()}
    net[0].weight.requires_grad_(False)
    census(net, x).advise(net, x, fidelity=[0.9])
    assert torch.is_grad_enabled()
    assert net.training
    assert [p.requires_grad for p in net.parameters()] == [False, True, True, True]
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in net.modules())
    for name, value in net.state_dict().items():
        assert torch.equal(value, before[name])


class Company(nn.Module):
    """What it gives an example depends on the others in the batch, so examples pass one by one."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.act, self.head = nn.Linear(INPUTS, UNITS), nn.Tanh(), nn.Linear(UNITS, ANSWERS)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.act(self.first(x / x.abs().amax())))


@pytest.mark.parametrize("engine", ["own", "torch_pruning"])
def test_a_net_that_is_read_example_by_example_is_advised_on(engine: str) -> None:
    if engine == "torch_pruning":
        pytest.importorskip("torch_pruning")
    torch.manual_seed(6)
    net, x = Company().eval(), inputs()[:80]
    advice = census(net, x).advise(net, x, parts=["prune", "compress", "remove"], fidelity=[0.6], engine=engine)
    small = advice.pruned(0.6)
    assert small.first.out_features < UNITS
    panel = open_panel(census(net, x), open_model(net), x)
    rows = [int(id) for batch in panel.verifying for id in batch.ids]
    with torch.no_grad():
        before, after = (torch.cat([one(x[row : row + 1]) for row in rows]).double() for one in (net, small))
    before, after = (y - y.mean(1, keepdim=True) for y in (before, after))
    around = (before - before.mean(0)).square().sum() * len(rows) / (len(rows) - 1)
    fidelity = 1 - float((after - before).square().sum() / around)
    assert advice.together.iloc[0]["fidelity"] == pytest.approx(fidelity, abs=1e-5)
