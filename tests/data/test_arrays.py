import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from layercensus.data.arrays import Arrays
from layercensus.data.open import open_data
from layercensus.errors import CensusError

X = np.arange(24, dtype=np.float64).reshape(6, 4)


@given(st.integers(1, 8), st.sets(st.integers(0, 5)))
def test_batches_give_every_wanted_row_once_in_order(size: int, skipped: set[int]) -> None:
    batches = list(open_data(X).batches(size, skip=lambda id: int(id) in skipped))
    wanted = [row for row in range(6) if row not in skipped]
    assert [id for b in batches for id in b.ids] == [str(row) for row in wanted]
    assert all(len(b.ids) <= size and b.inputs.dtype == torch.float32 for b in batches)
    if wanted:
        np.testing.assert_array_equal(torch.cat([b.inputs for b in batches]).numpy(), X[wanted].astype(np.float32))


def test_pick_keeps_the_order_that_was_asked_for() -> None:
    batch = open_data(X, labels=list("bacbac")).pick(["5", "0", "3"])
    assert batch.ids == ("5", "0", "3")
    assert batch.labels is not None
    assert batch.labels.tolist() == [2, 1, 1]
    assert batch.inputs[:, 0].tolist() == [20, 0, 12]


@pytest.mark.parametrize(
    ("values", "kind", "dtype", "first"),
    [
        (np.full((2, 3, 4, 4), 255, np.uint8), "images", torch.float32, 1.0),
        (np.full((2, 1, 9), 51, np.uint8), "signals", torch.float32, 0.2),
        (np.full((2, 9), 51, np.uint8), "arrays", torch.float32, 51.0),
        (np.full((2, 9), 7, np.int64), "tokens", torch.int64, 7),
        (np.full((2, 9), 7, np.int32), "tokens", torch.int32, 7),
        (np.full((2, 9), 7, np.int16), "tokens", torch.int64, 7),
        (np.full((2, 1, 9), 7, np.int16), "signals", torch.float32, 7.0),
        (np.full((2, 1, 9), 7, np.uint16), "signals", torch.float32, 7.0),
        (np.full((2, 9), 7, ">f8"), "arrays", torch.float32, 7.0),
        (np.full((2, 9), 7, np.float16), "arrays", torch.float32, 7.0),
        (np.full((2, 9), True), "arrays", torch.float32, 1.0),
        (torch.full((2, 9), 7, dtype=torch.bfloat16), "arrays", torch.float32, 7.0),
        (torch.full((2, 1, 2, 3, 4), 7.0), "arrays", torch.float32, 7.0),
    ],
)
def test_numbers_of_every_type(values: np.ndarray, kind: str, dtype: torch.dtype, first: float) -> None:
    source = open_data(values)
    x = source.pick(["1"]).inputs
    assert (source.kind, x.dtype) == (kind, dtype)
    assert x.flatten()[0].item() == pytest.approx(first)


def test_awkward_memory_is_read_as_it_is(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", X)
    mapped = np.load(tmp_path / "x.npy", mmap_mode="r")
    frozen = X.copy()
    frozen.flags.writeable = False
    for values in (
        mapped,
        frozen,
        X[::-1][::-1],
        np.asfortranarray(X),
        pd.DataFrame(X),
        torch.tensor(X, requires_grad=True),
    ):
        np.testing.assert_array_equal(open_data(values).pick(["2"]).inputs.numpy(), X[2:3].astype(np.float32))


def test_bytes_stay_bytes_until_their_batch_is_due() -> None:
    images = np.zeros((4, 3, 8, 8), np.uint8)
    source = open_data(images)
    assert isinstance(source, Arrays)
    assert source.inputs is images
    assert source.about["values"] == "bytes divided by 255"
    assert json.loads(json.dumps(source.about)) == source.about


@pytest.mark.parametrize("value", [np.nan, np.inf, 1e200])
def test_a_value_that_is_not_finite_names_its_example(value: float) -> None:
    x = X.copy()
    x[4, 1] = value
    assert open_data(x).pick(["0", "3"]).ids == ("0", "3")
    with pytest.raises(CensusError, match=r"Inputs must be finite. Got NaN or inf in example '4' of array."):
        list(open_data(x).batches(3))


def test_huge_but_finite_values_are_let_through() -> None:
    assert open_data(np.full((2, 4), 3e38, np.float32)).pick(["0", "1"]).ids == ("0", "1")


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (np.zeros((0, 3)), "at least one example. Got none"),
        (np.zeros(5), r"an axis of examples and at least one more. Got shape \(5,\)"),
        (np.zeros((5, 0)), r"Got shape \(5, 0\)"),
        (np.array([["a", "b"]]), "data must be numbers. Got an array of <U1"),
        (torch.zeros(3, 3).to_sparse(), "a dense tensor of real numbers"),
        (torch.zeros(3, 3, dtype=torch.complex64), "a dense tensor of real numbers"),
    ],
)
def test_arrays_that_cannot_be_counted(data: object, said: str) -> None:
    with pytest.raises(CensusError, match=said):
        open_data(data)


@pytest.mark.parametrize(
    ("labels", "said"),
    [
        ([0, 1], "labels must have one entry for each of the 6 examples. Got 2."),
        ([[0, 1]] * 6, "labels must be one class per example"),
        ([[0], [0, 1], [], [], [], []], "Got list for an example"),
        ([0.5] * 6, "fractional"),
        ([np.inf] * 6, "fractional"),
    ],
)
def test_labels_that_cannot_be_taken(labels: list, said: str) -> None:
    with pytest.raises(CensusError, match=said):
        open_data(X, labels=labels)


@pytest.mark.parametrize(
    ("labels", "numbers", "names"),
    [
        ([3, 0, 1, 3, 0, 1], [3, 0, 1, 3, 0, 1], None),
        ([1.0, 0.0, 1.0, 0.0, 2.0, 2.0], [1, 0, 1, 0, 2, 2], None),
        (torch.tensor([[1], [0], [1], [0], [1], [1]]), [1, 0, 1, 0, 1, 1], None),
        ([True, False] * 3, [1, 0] * 3, None),
        (["dog", "cat", "ape"] * 2, [2, 1, 0] * 2, ("ape", "cat", "dog")),
    ],
)
def test_labels_become_class_numbers(labels: object, numbers: list[int], names: tuple[str, ...] | None) -> None:
    source = open_data(X, labels=labels)
    batch = source.pick(source.ids or ())
    assert batch.labels is not None
    assert (batch.labels.tolist(), source.class_names) == (numbers, names)
    assert source.about["labels"] == "given beside the data"


@pytest.mark.parametrize(
    "names", [("inputs", "labels"), ("x", "y"), ("X", "y"), ("whatever", "labels"), ("whatever", None)]
)
def test_npz(tmp_path: Path, names: tuple[str, str | None]) -> None:
    held = {names[0]: X} | ({names[1]: np.arange(6) % 2} if names[1] else {})
    np.savez(tmp_path / "a.npz", **held)
    source = open_data(f"npz:{tmp_path}/a.npz")
    batch = source.pick(["5"])
    np.testing.assert_array_equal(batch.inputs.numpy(), X[5:].astype(np.float32))
    assert (batch.labels is not None) == (names[1] is not None)
    assert source.name == "npz:a.npz"
    overridden = open_data(f"npz:{tmp_path}/a.npz", labels=[9] * 6).pick(["5"]).labels
    assert overridden is not None
    assert overridden.tolist() == [9]


def test_npy_is_taken_too(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", X)
    assert open_data(f"npz:{tmp_path}/a.npy").length == 6


def test_npz_files_that_cannot_be_counted(tmp_path: Path) -> None:
    np.savez(tmp_path / "two.npz", a=X, b=X)
    np.savez(tmp_path / "none.npz")
    np.savez(tmp_path / "objects.npz", x=np.array([{}, []], dtype=object))
    np.savez(tmp_path / "labels.npz", x=X, y=np.arange(5))
    (tmp_path / "broken.npz").write_bytes((tmp_path / "two.npz").read_bytes()[:200])
    (tmp_path / "empty.npz").touch()
    (tmp_path / "words.npz").write_text("not an archive\nat all")
    for name, said in {
        "two": "must hold an array named inputs or x. Got a, b. Save it with that name.",
        "none": "must hold an array named inputs or x. Got none.",
        "objects": "must be an npz file of plain arrays. It cannot be read",
        "labels": "labels must have one entry for each of the 6 examples. Got 5.",
        "broken": "must be an npz file of plain arrays",
        "empty": "must be an npz file of plain arrays",
        "words": "must be an npz file of plain arrays",
        "missing": "must be an npz file. Got no such file.",
    }.items():
        with pytest.raises(CensusError) as caught:
            open_data(f"npz:{tmp_path}/{name}.npz")
        assert said in str(caught.value)
        assert "\n" not in str(caught.value)
