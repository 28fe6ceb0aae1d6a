"""What a linear probe reads from layers, and up to which layer random features do as well."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import torch
from sklearn.linear_model import RidgeClassifierCV
from torch import Tensor, nn

import layercensus as lc
from layercensus.advise.features import Features
from layercensus.advise.probe import mean_interval, probe_table

from .nets import EXAMPLES, census, inputs, plain, widened

CLASSES, WIDTH = 4, 12


def side(seed: int, examples: int = 300) -> Features:
    """A layer that holds the classes with noise, the same rotated and rescaled, and one without them."""
    rng = torch.Generator().manual_seed(seed)
    labels = (torch.arange(examples) % CLASSES)[torch.randperm(examples, generator=rng)]
    means = 2 * torch.eye(WIDTH)[:CLASSES]
    held = means[labels] + torch.randn(examples, WIDTH, generator=rng)
    turn = torch.linalg.qr(torch.randn(WIDTH, WIDTH, generator=torch.Generator().manual_seed(9))).Q
    rows = {"noise": torch.randn(examples, WIDTH, generator=rng), "held": held, "turned": 7 * held @ turn + 3}
    return Features(rows, labels * 10, labels, torch.arange(examples) + seed * 1000)


def test_a_probe_reads_what_another_librarys_does() -> None:
    fitting, judging = side(1), side(2)
    table = probe_table(fitting, judging)
    assert table is not None
    table = table.set_index("layer")
    for name in ("held", "turned"):
        other = RidgeClassifierCV(alphas=np.logspace(-2, 4, 13)).fit(fitting.rows[name].numpy(), fitting.labels.numpy())
        expected = other.score(judging.rows[name].numpy(), judging.labels.numpy())
        assert abs(table.loc[name, "accuracy"] - expected) < 0.03
    assert abs(table.loc["noise", "accuracy"] - 1 / CLASSES) < 0.1
    assert table["chance"].tolist() == [1 / CLASSES] * 3
    assert not table.loc["noise", "best"]
    assert table["as_good"].tolist() == [False, True, True]
    assert table["examples"].tolist() == [300] * 3


def test_classes_that_are_too_few_or_unlabelled_give_no_probe() -> None:
    one = side(1)
    assert probe_table(replace(one, labels=torch.zeros(300, dtype=torch.int64)), side(2)) is None
    assert probe_table(replace(one, labels=torch.full((300,), -1)), side(2)) is None
    table = probe_table(replace(one, labels=torch.where(one.labels == 0, -1, one.labels)), side(2))
    assert table is not None
    assert table["examples"].tolist() == [225] * 3  # a class that no probe was fitted to judges nothing


def test_an_interval_draws_whole_groups() -> None:
    values = torch.arange(200, dtype=torch.float64) // 50 % 2
    alone = mean_interval(values, torch.arange(200))
    grouped = mean_interval(values, torch.arange(200) // 50)
    assert 0.4 < alone[0] < 0.5 < alone[1] < 0.6
    assert grouped == (0.0, 1.0)


class Products(nn.Module):
    """Four units that tell whether two of twenty inputs have one sign, or many random ones, and a head."""

    def __init__(self, *, planted: bool) -> None:
        super().__init__()
        torch.manual_seed(4)
        self.first, self.act, self.head = (
            nn.Linear(20, 4 if planted else 256),
            nn.ReLU(),
            nn.Linear(4 if planted else 256, 2),
        )
        if planted:
            with torch.no_grad():
                self.first.weight.zero_()
                self.first.bias.zero_()
                self.first.weight[:, :2] = torch.tensor([[1.0, 1], [-1, -1], [1, -1], [-1, 1]])

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.act(self.first(x)))


def frozen(net: nn.Module, x: Tensor, labels: Tensor) -> lc.Census:
    """A census which says that the first layer learned nothing."""
    counted = census(net, (x, labels))
    return lc.Census.of(replace(counted, layers=counted.layers.assign(learned=[0.0, 1.0])))


def test_layers_that_random_features_replace_are_named() -> None:
    net, x = Products(planted=False).eval(), torch.cat([inputs(seed, 20) for seed in range(5, 10)])
    labels = (x[:, :5].sum(1) > 0).long()
    advice = frozen(net, x, labels).advise(net, (x, labels), parts=["freeze"])
    assert advice.freeze["layer"].tolist() == ["act"]
    row = advice.freeze.iloc[0]
    assert min(row["accuracy"], row["random"]) > 0.75
    assert row["low"] <= row["difference"] <= row["high"]
    assert row["examples"] == 5 * EXAMPLES // 2


def test_a_layer_that_random_features_do_not_replace_is_withheld() -> None:
    net, x = Products(planted=True).eval(), inputs(6, 20)
    labels = (x[:, 0] * x[:, 1] > 0).long()
    advice = frozen(net, x, labels).advise(net, (x, labels), parts=["freeze"])
    assert len(advice.freeze) == 0
    assert advice.withheld["layer"].tolist() == ["act"]
    behind = re.search(r"random features is (\S+) behind", advice.withheld["why"].iloc[0])
    assert behind is not None
    assert float(behind[1]) > 0.25


def test_without_replicas_nothing_is_known_of_what_was_learned() -> None:
    net, x = Products(planted=False).eval(), inputs(5, 20)
    advice = census(net, x).advise(net, x, parts=["freeze", "probe"])
    assert len(advice.freeze) == len(advice.probe) == 0
    assert advice.withheld["part"].tolist() == ["probe", "freeze"]
    assert advice.withheld["why"].tolist()[1].startswith("learned was not counted: give the census replicas")


def test_labels_of_other_classes_than_the_nets_give_no_accuracy() -> None:
    net, x = widened(plain()), inputs()
    for classes in (4, 3):
        data = x, torch.arange(len(x)) % classes
        advice = census(net, data).advise(net, data, parts=["prune"], fidelity=[0.999])
        known = classes == net[2].out_features
        assert (advice.prune["accuracy"].notna() == known).all()
        assert (advice.prune["agreement"] > 0.9).all()
        if known:
            right = (net(x).argmax(1) == data[1]).double().mean()
            assert abs(advice.prune["accuracy_before"].iloc[0] - float(right)) < 0.15
