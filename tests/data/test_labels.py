"""Labels in every spelling; what is no label, and what is no class."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset, TensorDataset

import layercensus as lc
from layercensus.data.collate import collate_examples
from layercensus.data.label_values import label_values
from layercensus.data.labels import as_classes
from layercensus.data.objects import open_object

NAN = float("nan")
X = torch.randn(300, 8, generator=torch.Generator().manual_seed(0))
Y = (torch.arange(300) * 7 % 3).tolist()
HOLES = [None if i % 7 == 0 else label for i, label in enumerate(Y)]  # 43 of 300
NET = nn.Sequential(nn.Linear(8, 12), nn.ReLU(), nn.Linear(12, 3))
QUICK = lc.Settings(progress=False, twins=1, resamples=20)


@pytest.mark.parametrize(
    "labels",
    [
        [2, None, 0],
        [2, NAN, 0],
        [2.0, np.nan, 0.0],
        [2, pd.NA, 0],
        [2, pd.NaT, 0],
        [2, np.ma.masked, 0],
        [np.int64(2), np.float32("nan"), np.bool_(False)],
        [torch.tensor(2), None, torch.tensor(0)],
        np.array([2, None, 0], dtype=object),
        np.array([2.0, NAN, 0.0]),
        np.ma.array([2, 5, 0], mask=[False, True, False]),
        pd.Series([2, None, 0], dtype="Int64"),
        pd.Series([2, None, 0], index=[9, 9, 4]),
        pd.Categorical.from_codes([2, -1, 0], ["a", "b", "c"]).codes,
        torch.tensor([2, -1, 0]),
        torch.tensor([2, -100, 0]),
        torch.tensor([2.0, NAN, 0.0], dtype=torch.bfloat16),
        torch.tensor([[2], [-1], [0]]),
        (label for label in (2, None, 0)),
    ],
)
def test_every_spelling_of_no_label_among_numbers(labels: Any) -> None:
    numbers, names = as_classes(labels)
    assert (numbers.dtype, numbers.tolist(), names) == (torch.int64, [2, -1, 0], None)


@pytest.mark.parametrize(
    "labels",
    [
        ["cat", None, "ape"],
        ["cat", NAN, "ape"],
        ["cat", "", b"ape"],
        ("cat", "  ", "ape"),
        np.array(["cat", None, "ape"], dtype=object),
        np.array(["cat", "", "ape"]),
        np.array([b"cat", b"", b"ape"]),
        np.ma.array(["cat", "bee", "ape"], mask=[False, True, False]),
        pd.Series(["cat", pd.NA, "ape"], dtype="string"),
        pd.Categorical(["cat", None, "ape"], ["cat", "bee", "ape"]),
    ],
)
def test_every_spelling_of_no_label_among_names(labels: Any) -> None:
    numbers, names = as_classes(labels)
    assert (numbers.tolist(), names) == ([1, -1, 0], ("ape", "cat"))


def test_dates_are_names_and_not_a_time_is_none() -> None:
    assert label_values(np.array(["2020-01-02", "NaT"], dtype="M8[D]")).tolist() == ["2020-01-02", ""]


@pytest.mark.parametrize("labels", [[None, None], [NAN, NAN], torch.tensor([-1, -5]), np.array(["", " "])])
def test_none_has_a_label(labels: Any) -> None:
    assert as_classes(labels)[0].tolist() == [-1, -1]
    assert not as_classes(labels)[1]


@pytest.mark.parametrize(
    ("labels", "said"),
    [
        (["cat", 3], "labels must be all names or all integers. Got 3 beside 'cat'."),
        (["cat", None, 3.0], "labels must be all names or all integers. Got 3.0 beside 'cat'."),
        ([0, 1.5], "integer or a name. Got fractional numbers, such as 1.5."),
        ([0, float("inf")], "integer or a name. Got fractional numbers, such as inf."),
        (np.eye(3), r"Got shape (3, 3): for rows with a single 1 pass their argmax(1), for several classes"),
        (torch.zeros(2, 4, 4), "Got shape (2, 4, 4): a class for each position of an example is no label of it"),
        ([[1, 2], [3]], "Got list for an example."),
        ({"y": [1]}, "integer or a name. Got dict."),
        ("cat", "integer or a name. Got str."),
        (3, "integer or a name. Got int."),
        ([1j], "Got complex for an example."),
        (np.array([2**64 - 1], dtype=np.uint64), "Got 18446744073709551615, which 64 bits do not hold."),
    ],
)
def test_what_is_no_label(labels: Any, said: str) -> None:
    with pytest.raises(lc.CensusError) as error:
        as_classes(labels)
    assert said in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("none", [None, NAN, -1, -100, pd.NA])
def test_none_is_no_class_of_a_census(none: Any) -> None:
    labels = [none if label is None else label for label in HOLES]
    census = lc.take(NET, X, labels=labels, twin=False, settings=QUICK)
    assert (census.about["classes"], census.about["classes_seen"]) == (None, 3)
    assert census.about["data"]["labels"] == "given beside the data; 43 of 300 examples have none"
    known = torch.tensor([label is not None for label in HOLES])
    y = torch.tensor(Y)[known]
    response = NET[:2](X)[known].detach().double()  # eta^2 by hand, over the examples with a label
    between = sum(((response[y == c].mean(0) - response.mean(0)) ** 2) * int((y == c).sum()) for c in range(3))
    expected = between / ((response - response.mean(0)) ** 2).sum(0)
    found = census.units[census.units["layer"] == "1"]["eta2"].astype(float).to_numpy()
    np.testing.assert_allclose(found, expected.numpy(), rtol=1e-4)


class Items(Dataset[Any]):
    def __init__(self, labels: list[Any]) -> None:
        self.labels = labels

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, row: int) -> Any:
        return X[row], self.labels[row]


NAMED = ["abc"[label] if label is not None else None for label in HOLES]


@pytest.mark.parametrize(
    "data",
    [
        Items(NAMED),
        DataLoader(Items(NAMED), batch_size=9, shuffle=True),
        DataLoader(Items(NAMED), batch_size=30, num_workers=1),
        [(X[:100], NAMED[:100]), (X[100:], np.array(NAMED[100:], dtype=object))],
        [{"inputs": X[:1], "labels": [None]}, {"inputs": X[1:], "labels": NAMED[1:]}],
    ],
)
def test_names_mixed_with_none_in_the_data(data: Any) -> None:
    census = lc.take(NET, data, twin=False, settings=QUICK)
    beside = lc.take(NET, X, labels=NAMED, twin=False, settings=QUICK)
    assert (census.about["classes"], census.about["classes_seen"]) == (["a", "b", "c"], 3)
    pd.testing.assert_frame_equal(census.units, beside.units, atol=1e-5)  # batches of 100 and 30 round differently


@pytest.mark.parametrize("size", [1, 64])
@pytest.mark.parametrize("labels", [HOLES, [NAN if label is None else float(label) for label in HOLES]])
def test_numbers_mixed_with_none_in_a_dataset(labels: list[Any], size: int) -> None:
    settings = lc.Settings(progress=False, twins=1, resamples=20, batch=size)
    census = lc.take(NET, DataLoader(Items(labels), batch_size=7), twin=False, settings=settings)
    assert (census.about["classes"], census.about["classes_seen"]) == (None, 3)


def column(x: Any, y: Any) -> dict[str, Any]:
    return {
        "pair": (x, y[:, None]),
        "numpy": (x.numpy(), y[:, None].numpy()),
        "dataset": TensorDataset(x, y[:, None]),
        "batches": [(x[:9], y[:9, None]), (x[9:], y[9:, None])],
        "stream": iter([(x[:9], y[:9, None]), (x[9:], y[9:, None])]),
        "dict": {"inputs": x, "labels": y[:, None]},
    }


@pytest.mark.parametrize("form", list(column(X, torch.tensor(Y))))
def test_a_column_of_labels(form: str) -> None:
    source = open_object(column(X, torch.tensor(Y))[form])
    batches = list(source.batches(50))
    assert torch.cat([b.inputs for b in batches]).shape == X.shape
    assert torch.cat([b.labels for b in batches if b.labels is not None]).tolist() == Y


TARGETS = X[:, 0] * 3
DENSE = torch.randint(0, 5, (300, 4, 4), generator=torch.Generator().manual_seed(1))
NO_CLASSES = {
    "pair": lambda: (X, TARGETS),
    "column": lambda: (X, TARGETS[:, None]),
    "dataset": lambda: TensorDataset(X, TARGETS),
    "several numbers": lambda: TensorDataset(X, X[:, :4]),
    "one-hot": lambda: TensorDataset(X, torch.eye(3)[Y]),
    "masks": lambda: DataLoader(TensorDataset(X, DENSE), batch_size=16),
    "boxes": lambda: [{"inputs": X, "labels": {"boxes": torch.rand(300, 4)}}],
    "tags": lambda: [(X, [[1] * (n % 3) for n in range(300)])],
    "stream": lambda: iter([(X[:150], TARGETS[:150]), (X[150:], TARGETS[150:])]),
    "mostly round": lambda: (X, torch.tensor([0.5] + [float(label) for label in Y[1:]])),
}


@pytest.mark.parametrize("form", NO_CLASSES)
def test_targets_in_the_data_are_not_classes_and_say_so(form: str) -> None:
    census = lc.take(NET, NO_CLASSES[form](), twin=False, settings=QUICK)
    plain = lc.take(NET, X, twin=False, settings=QUICK)
    assert (census.about["classes"], census.about["classes_seen"]) == (None, 0)
    assert (census.about["data"]["labels"], census.about["data"]["targets"]) == (
        "none", "in the data; no classes, and not used",
    )  # fmt: skip
    assert [f.sentence for f in census.findings if "targets are no classes" in f.sentence]
    if form != "stream":  # its views are scaled by its first examples alone
        pd.testing.assert_frame_equal(census.layers, plain.layers)
        pd.testing.assert_frame_equal(census.units, plain.units)


def test_a_head_without_labels_has_no_classes() -> None:
    head = nn.Sequential(nn.Linear(8, 12), nn.ReLU(), nn.Linear(12, 8))
    for data, labels in ((X, None), ((X, TARGETS), None), (X, Y)):
        census = lc.take(head, data, labels=labels, twin=False, settings=QUICK)
        assert [status.split("; ")[0] for status in census.layers["status"]] == ["count", "count"]
        assert "classes" not in " ".join(finding.sentence for finding in census.findings if finding.layer)


def test_a_head_whose_classes_are_known_is_bound_by_those_that_the_data_show() -> None:
    net = nn.Sequential(nn.Linear(8, 12), nn.ReLU(), nn.Linear(12, 4))
    some = [label if label < 2 else 3 for label in Y]  # 0, 1 and 3 of four
    for model, labels in ((net, some), (lc.Model(net, "mine", classes=tuple("abcd")), some)):
        census = lc.take(model, X, labels=labels, twin=False, settings=QUICK)
        assert "panel show 3 of 4 classes" in census.layers["status"].iloc[-1]
    answers = int(net(X).argmax(1).unique().numel())
    alone = lc.take(lc.Model(net, "mine", classes=tuple("abcd")), X, twin=False, settings=QUICK)
    expected = "count" if answers == 4 else f"panel show {answers} of 4 classes"
    assert expected in alone.layers["status"].iloc[-1]


def test_labels_of_a_dataset_are_collated_as_they_are() -> None:
    assert collate_examples([{"inputs": torch.zeros(2), "labels": None}, {"inputs": torch.ones(2), "labels": 1}])[
        "labels"
    ] == [None, 1]
    assert collate_examples([torch.zeros(2), torch.ones(2)]).shape == (2, 2)


@pytest.mark.parametrize("size", [1, 2])
@pytest.mark.parametrize(("first", "then"), [([0, 1], ["a", "b"]), (["a", "b"], [0, 1]), ([None, 3], [None, "a"])])
@pytest.mark.parametrize("form", ["stream", "dataset", "batches"])
def test_names_and_integers_are_no_labels_of_one_data_set(form: str, first: Any, then: Any, size: int) -> None:
    x = torch.zeros(2, 4)
    batches = [(x, first), (x + 1, then)]
    rows = [(x[0] + n, label) for n, label in enumerate([*first, *then])]
    with pytest.raises(lc.CensusError, match=r"^labels must be all names or all integers\. Got .* (after|beside) "):
        read({"stream": iter(batches), "dataset": Rowwise(rows), "batches": batches}[form], size)


def read(data: Any, size: int) -> None:
    for _ in open_object(data).batches(size):
        pass


class Rowwise(Dataset[Any]):
    def __init__(self, rows: list[Any]) -> None:
        self.rows = rows

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, row: int) -> Any:
        return self.rows[row]
