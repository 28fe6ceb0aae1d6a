"""Forms that look alike: pairs, lists of examples or batches, several inputs; or one line that says how to write it."""

from __future__ import annotations

from collections import namedtuple
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

import layercensus as lc
from layercensus.data.objects import open_object

X = torch.randn(40, 8, generator=torch.Generator().manual_seed(0))
Z = torch.randn(40, 8, generator=torch.Generator().manual_seed(1))
Y = torch.arange(40) % 3
TABLE = pd.DataFrame(X.numpy(), columns=list("hijklmno"))
IMAGES = torch.rand(6, 1, 5, 5)
NET = nn.Sequential(nn.Linear(8, 12), nn.ReLU(), nn.Linear(12, 3))
QUICK = lc.Settings(progress=False, twins=1, resamples=20)
Row = namedtuple("Row", "inputs labels")
Loose = namedtuple("Loose", "image target")


@dataclass
class Part:
    inputs: Tensor
    labels: Tensor


@dataclass
class Other:
    image: Tensor


class Two(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.one, self.act, self.two = nn.Linear(8, 12), nn.ReLU(), nn.Linear(12, 3)

    def forward(self, x: Tensor, z: Tensor) -> Tensor:
        return self.two(self.act(self.one(x) + self.one(z)))  # type: ignore[no-any-return]


class Graph:
    edge_index = torch.zeros(2, 5, dtype=torch.int64)


READ: dict[str, Any] = {
    "examples": list(X),
    "arrays": list(X.numpy()),
    "pairs": list(zip(X, Y, strict=True)),
    "pairs with names": [(x, "abc"[y]) for x, y in zip(X, Y.tolist(), strict=True)],
    "dicts": [{"inputs": x, "labels": int(y)} for x, y in zip(X, Y, strict=True)],
    "label": [{"inputs": x, "label": int(y)} for x, y in zip(X, Y, strict=True)],
    "batches": [X[:10], X[10:]],
    "batches of pairs": [(X[:10], Y[:10]), (X[10:], Y[10:])],
    "tuple of batches": ((X[:10], Y[:10]), (X[10:], Y[10:])),
    "namedtuples": [Row(X[:10], Y[:10]), Row(X[10:], Y[10:])],
    "loose namedtuples": [Loose(X[:10], Y[:10]), Loose(X[10:], Y[10:])],
    "dataclasses": [Part(X[:10], Y[:10]), Part(X[10:], Y[10:])],
    "with a list of labels": (X, Y.tolist()),
    "without labels": (X, None),
    "table and column": (TABLE, pd.Series(Y.numpy())),
    "table and names": (TABLE, pd.Series(list("abc"))[Y.numpy()].reset_index(drop=True)),
    "table and list": (TABLE, Y.tolist()),
    "array and categories": (X.numpy(), pd.Categorical([*"abc"] * 13 + ["a"])),
    "table with a column of labels": TABLE.assign(label=Y.numpy()),
    "table without labels": TABLE,
}


@pytest.mark.parametrize("form", READ)
def test_each_is_read_as_what_it_is(form: str) -> None:
    source = open_object(READ[form])
    batches = list(source.batches(7))
    assert torch.equal(torch.cat([b.inputs for b in batches]), X)
    assert [id for b in batches for id in b.ids] == [str(n) for n in range(40)]
    labels = [b.labels for b in batches if b.labels is not None]
    plain = form in ("examples", "arrays", "batches", "without labels", "table without labels")
    assert torch.cat(labels).tolist() == Y.tolist() if not plain else labels == []


def test_a_table_with_categories_is_one_of_features() -> None:
    source = open_object((pd.DataFrame({"size": [1.0, 2.0, 3.0], "kind": ["a", "b", "a"]}), [0, 1, 1]))
    assert source.first(3).inputs.tolist() == [[1, 1, 0], [2, 0, 1], [3, 1, 0]]
    assert "kind (a, b)" in source.about["inputs"]


def test_what_a_list_was_read_as_is_said() -> None:
    assert open_object(list(X)).about["read as"] == "a list of 40 examples"
    assert open_object([X, Z]).about["read as"] == "2 batches"


SEVERAL: dict[str, Any] = {
    "tuple": ((X, Z), None),
    "tuple with labels": ((X, Z), Y),
    "dict": {"x": X, "z": Z},
    "dict with labels": {"x": X, "z": Z, "labels": Y},
    "pair of a dict": ({"x": X, "z": Z}, Y),
    "loader": DataLoader(TensorDataset(X, Z), batch_size=5, collate_fn=lambda rows: (
        tuple(torch.stack(column) for column in zip(*rows, strict=True)), None)),
}  # fmt: skip


@pytest.mark.parametrize("form", SEVERAL)
def test_several_inputs_of_a_whole_data_set(form: str) -> None:
    net = Two()
    census = lc.take(net, SEVERAL[form], twin=False, settings=QUICK)
    assert census.about["examples"] == 40
    assert census.about["classes_seen"] == (
        3 if form in ("tuple with labels", "dict with labels", "pair of a dict") else 0
    )
    fired = (net.one(X) + net.one(Z) > 0).double().mean(0)
    found = census.units[census.units["layer"] == "act"]["firing_rate"].astype(float).to_numpy()
    np.testing.assert_allclose(found, fired.numpy(), rtol=1e-6)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ((X, X), "A pair must be (inputs, labels), with one label per example. Got arrays of shapes (40, 8)"),
        ((X, Z), "pass ((x, z), None) or {'x': x, 'z': z}"),
        ([X, Y], "Got arrays of shapes (40, 8) and (40,): pass (x, y) for inputs and their labels"),
        ((X, torch.eye(3)[Y]), "Labels with a single 1 in each row: (x, y.argmax(1))"),
        ((X, Y, Y), "Got three arrays: pass {'inputs': x, 'labels': y, 'ids': ids}"),
        ([(X, Y, Y)], "Got a tuple of 3: pass {'inputs': x, 'labels': y, 'ids': ids}"),
        ((X, torch.zeros(2, 9, dtype=torch.int64)), "Nodes of several graphs on one axis are no examples"),
        ((X, torch.zeros(2, 9, dtype=torch.int64), Y), "Nodes of several graphs on one axis are no examples"),
        ([((X, torch.zeros(2, 9, dtype=torch.int64)), None)], "Nodes of several graphs on one axis are no examples"),
        ([Graph()], "Nodes of several graphs on one axis are no examples"),
        ([Other(X)], "Got Other with image: pass {'inputs': x"),
        ([IMAGES[0], IMAGES[1]], "Got 2 arrays of shape (1, 5, 5), which could be either: pass torch.stack(data)"),
    ],
)  # fmt: skip
def test_what_could_be_several_things_is_refused_with_how_to_write_it(data: Any, said: str) -> None:
    with pytest.raises(lc.CensusError) as error:
        open_object(data)
    assert said in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("t", [torch.arange(40), torch.rand(40)])
def test_a_second_input_that_was_read_as_labels(t: Tensor) -> None:
    with pytest.raises(lc.CensusError, match=r"The model takes 2 inputs \(x, z\). Got 1: .*as \(\(x, z\), None\)"):
        lc.take(Two(), DataLoader(TensorDataset(X, t), batch_size=8), twin=False, settings=QUICK)


def test_an_input_of_a_name_that_the_model_does_not_know() -> None:
    with pytest.raises(lc.CensusError, match=r"takes 1 inputs \(input\). Got those named image: .*'inputs': x"):
        lc.take(NET, {"image": X}, twin=False, settings=QUICK)


def test_a_parallel_net_is_the_net_in_it() -> None:
    plain, parallel = (lc.take(net, (X, Y), twin=False, settings=QUICK) for net in (NET, nn.DataParallel(NET)))
    assert parallel.about["weights"] == plain.about["weights"]
    assert parallel.layers["layer"].tolist() == plain.layers["layer"].tolist() == ["1", "2"]
