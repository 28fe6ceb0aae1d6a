import json
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.utils.data import BatchSampler, DataLoader, Dataset, IterableDataset, SubsetRandomSampler, TensorDataset

from layercensus.data.batch import Batch, cast, moved
from layercensus.data.objects import open_object
from layercensus.data.replay import Replay
from layercensus.data.source import Source
from layercensus.errors import CensusError

X = torch.arange(60, dtype=torch.float64).reshape(20, 3)
Y = torch.arange(20) % 4


class Items(Dataset[Any]):
    """Rows of any form, counting how often each was read."""

    def __init__(self, items: list[Any]) -> None:
        self.items, self.read = items, 0

    def __len__(self) -> int:
        return len(self.items)

    def __getitem__(self, row: int) -> Any:
        self.read += 1
        return self.items[row]


class Endless(IterableDataset[Any]):
    def __iter__(self) -> Iterator[Any]:
        return iter(zip(X, Y, strict=True))


def whole(source: Source, size: int = 7) -> Batch:
    """All batches as one."""
    batches = list(source.batches(size))
    assert all(0 < len(b.ids) <= size for b in batches)
    labels = [b.labels for b in batches if b.labels is not None]
    return Batch(
        torch.cat([b.inputs for b in batches]),
        tuple(id for b in batches for id in b.ids),
        torch.cat(labels) if labels else None,
    )


def generator() -> Iterator[Any]:
    for start in range(0, 20, 6):
        yield X[start : start + 6], Y[start : start + 6]


FORMS = {
    "pair": lambda: (X, Y),
    "dataset": lambda: TensorDataset(X, Y),
    "loader": lambda: DataLoader(TensorDataset(X, Y), batch_size=6),
    "shuffled loader": lambda: DataLoader(TensorDataset(X, Y), batch_size=6, shuffle=True, drop_last=True),
    "loader with workers": lambda: DataLoader(TensorDataset(X, Y), batch_size=6, num_workers=1),
    "batch sampler": lambda: DataLoader(TensorDataset(X, Y), batch_sampler=[[3, 1], [0, 2], list(range(4, 20))]),
    "iterable dataset": Endless,
    "iterable loader": lambda: DataLoader(Endless(), batch_size=3),
    "unbatched loader": lambda: DataLoader([(X[:9], Y[:9]), (X[9:], Y[9:])], batch_size=None),  # type: ignore[arg-type]
    "generator": generator,
    "list": lambda: list(generator()),
    "list of dicts": lambda: [{"inputs": x.numpy(), "labels": y.numpy()} for x, y in generator()],
    "dict": lambda: {"inputs": X, "labels": Y},
    "sequence": lambda: Items(list(zip(X, Y.tolist(), strict=True))),
}


@pytest.mark.parametrize("form", FORMS)
def test_every_form_gives_the_same_examples(form: str) -> None:
    source = open_object(FORMS[form]())
    batch = whole(source)
    assert batch.ids == tuple(map(str, range(20)))
    assert torch.equal(batch.inputs, X.float())
    assert batch.labels is not None
    assert torch.equal(batch.labels, Y)
    assert source.kind == "arrays"
    assert json.loads(json.dumps(source.about)) == source.about
    if source.ids is not None:
        some = source.pick(["12", "3", "19", "0"])
        assert torch.equal(some.inputs, X[[12, 3, 19, 0]].float())
        assert some.labels is not None
        assert torch.equal(some.labels, Y[[12, 3, 19, 0]])
        assert some.ids == ("12", "3", "19", "0")


@pytest.mark.parametrize("form", ["pair", "dataset", "shuffled loader", "batch sampler", "list", "sequence"])
def test_what_can_be_read_again_can(form: str) -> None:
    source = open_object(FORMS[form]())
    assert (source.reusable, source.length) == (True, 20)
    assert whole(source).ids == whole(source, 3).ids == tuple(source.ids or ())


@pytest.mark.parametrize("form", ["generator", "iterable dataset", "iterable loader", "unbatched loader"])
def test_what_can_be_read_once_says_so(form: str) -> None:
    source = open_object(FORMS[form]())
    assert (source.reusable, source.length, source.ids) == (False, None, None)
    whole(source)
    with pytest.raises(CensusError, match="can be read only once"):
        list(source.batches(4))
    with pytest.raises(CensusError, match="can only be read from front to back"):
        source.pick(["0"])


@pytest.mark.parametrize("form", FORMS)
@given(skipped=st.sets(st.integers(0, 19)), size=st.integers(1, 25))
@settings(max_examples=8, deadline=None)
def test_skipped_examples_are_left_out(form: str, skipped: set[int], size: int) -> None:
    if form == "loader with workers":
        return
    batches = list(open_object(FORMS[form]()).batches(size, skip=lambda id: int(id) in skipped))
    assert [int(id) for b in batches for id in b.ids] == [i for i in range(20) if i not in skipped]
    for b in batches:
        assert torch.equal(b.inputs, X[[int(id) for id in b.ids]].float())


def test_skipped_rows_of_a_dataset_are_not_even_read() -> None:
    data = Items(list(X))
    source = open_object(data)
    data.read = 0
    list(source.batches(4, skip=lambda id: int(id) != 7))
    assert data.read == 1


def test_a_subset_keeps_the_row_numbers_of_the_dataset() -> None:
    loader = DataLoader(TensorDataset(X, Y), batch_size=2, sampler=SubsetRandomSampler([9, 4, 11]))
    assert whole(open_object(loader)).ids == ("4", "9", "11")
    labels = whole(open_object(loader, labels=list(range(100, 120)))).labels
    assert labels is not None
    assert labels.tolist() == [104, 109, 111]


def test_a_custom_batch_sampler_decides_which_rows_there_are() -> None:
    sampler = BatchSampler([5, 2, 5, 8], 2, drop_last=False)
    assert whole(open_object(DataLoader(TensorDataset(X), batch_sampler=sampler))).ids == ("2", "5", "8")


@pytest.mark.parametrize("generator", [torch.Generator(), None])
def test_drawing_the_rows_of_a_loader_moves_no_random_state(generator: torch.Generator | None) -> None:
    own = generator or torch.default_generator
    loader = DataLoader(TensorDataset(X, Y), batch_size=6, shuffle=True, generator=generator)
    before, theirs = own.get_state(), torch.get_rng_state()
    whole(open_object(loader))
    assert torch.equal(own.get_state(), before)
    assert torch.equal(torch.get_rng_state(), theirs)


def test_the_loader_s_collate_fn_is_used() -> None:
    loader = DataLoader(Items([3, 5, 7]), collate_fn=lambda items: torch.tensor(items)[:, None].repeat(1, 2) / 2)
    assert whole(open_object(loader)).inputs.tolist() == [[1.5, 1.5], [2.5, 2.5], [3.5, 3.5]]


@pytest.mark.parametrize("make", [list, iter, Items])
def test_names_as_labels_are_one_class_each_in_every_batch(make: Any) -> None:
    names = ["cat", "bee", "cat", "ape"]
    rows: list[Any] = list(zip(X[:4], names, strict=True))
    if make is not Items:
        rows = [(X[:2], names[:2]), (X[2:4], names[2:])]
    source = open_object(make(rows))
    labels = whole(source, 2).labels
    assert labels is not None
    assert source.class_names is not None
    assert [source.class_names[i] for i in labels] == names
    if make is not iter:
        assert source.class_names == ("ape", "bee", "cat")


def test_names_keep_their_numbers_when_some_are_skipped() -> None:
    rows = list(zip(X[:4], ["cat", "bee", "cat", "ape"], strict=True))
    (batch,) = open_object(Items(rows)).batches(4, skip=lambda id: id in "01")
    assert batch.labels is not None
    assert batch.labels.tolist() == [2, 0]


@pytest.mark.parametrize("make", [list, iter])
def test_ids_in_batches_are_kept(make: Any) -> None:
    source = open_object(make([{"inputs": X[:2], "ids": ["a", "b"]}, {"inputs": X[2:3], "ids": torch.tensor([7])}]))
    assert whole(source).ids == ("a", "b", "7")
    if make is list:
        assert torch.equal(source.pick(["7", "a"]).inputs, X[[2, 0]].float())


def test_ids_in_items_are_kept() -> None:
    source = open_object(Items([{"inputs": x, "ids": f"row-{n}"} for n, x in enumerate(X)]))
    assert source.ids == tuple(f"row-{n}" for n in range(20))
    assert torch.equal(source.pick(["row-5"]).inputs, X[5:6].float())
    assert whole(source, 6).ids == source.ids


def test_token_dicts_give_their_mask() -> None:
    tokens = {"input_ids": torch.tensor([[5, 6, 0]]), "attention_mask": torch.tensor([[1, 1, 0]])}
    longer = {"input_ids": torch.tensor([[5, 6, 7, 8]]), "attention_mask": torch.ones(1, 4, dtype=torch.int64)}
    source = open_object([tokens | {"labels": [1]}, longer | {"labels": [0]}])
    one, two = source.batches(8)
    assert source.kind == "tokens"
    assert one.mask is not None
    assert one.mask.tolist() == [[True, True, False]]
    assert set(one.inputs) == {"input_ids", "attention_mask"}
    assert one.inputs["attention_mask"].dtype == torch.int64
    assert two.inputs["input_ids"].shape == (1, 4)
    assert source.ids is None
    given_mask = open_object([{"inputs": tokens, "mask": [[False, True, False]]}]).pick(["0"]).mask
    assert given_mask is not None
    assert given_mask.tolist() == [[False, True, False]]


def test_several_inputs_stay_several() -> None:
    source = open_object(
        [((X[:2], torch.ones(2, 4, dtype=torch.bool)), Y[:2]), ((X[2:4], torch.ones(2, 4, dtype=torch.bool)), Y[2:4])]
    )
    batch = source.pick(["3", "0"])
    assert torch.equal(batch.inputs[0], X[[3, 0]].float())
    assert batch.inputs[1].dtype == torch.bool


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ([], "at least one example"),
        (iter([]), "at least one example"),
        (Items([]), "at least one example"),
        ([torch.zeros(0, 3)], "at least one example"),
        (iter([torch.zeros(0, 3)]), "at least one example"),
        (5, "data must be an array, a Dataset, a DataLoader, an iterable of batches or a short name. Got int."),
        ([(X, Y, Y)], "Got a tuple of 3"),
        (["words"], "Texts need a model with a tokenizer"),
        ([{}], "Got an empty dict"),
        ([(X, Y[:3])], "labels must have one entry for each of the 20 examples. Got 3."),
        ([{"inputs": X, "ids": ["a"]}], "ids must name each of the 20 examples of a batch. Got 1."),
        ([{"inputs": X[:2], "ids": ["a", "a"]}], "Example ids must be unique. Got 'a' twice."),
        ([{"inputs": X, "mask": [[True]]}], "mask must have a row for each of the 20"),
        ([{"a": X, "b": X[:3]}], r"as many examples. Got \[3, 20\]"),
        ([Y], r"an axis of examples and at least one more. Got shape \(20,\)"),
        ([(X, ["a"] * 20), (X, [1] * 20)], "all names or all integers"),
        (Items([torch.zeros(2), torch.zeros(3)]), "must be numbers of one shape"),
    ],
)
def test_what_holds_no_examples(data: Any, said: str) -> None:
    with pytest.raises(CensusError, match=said):
        list(open_object(data).batches(32))


def test_labels_of_the_wrong_length() -> None:
    for data in (TensorDataset(X), [X], DataLoader(TensorDataset(X))):
        with pytest.raises(CensusError, match=r"labels must have one entry for each of the 20 examples. Got 5."):
            open_object(data, labels=[0] * 5)
    with pytest.raises(CensusError, match=r"for each of the 20 examples. Got 25."):
        list(open_object(generator(), labels=[0] * 25).batches(6))
    with pytest.raises(CensusError, match=r"one entry for each example. Got 5 for more."):
        list(open_object(generator(), labels=[0] * 5).batches(6))


@pytest.mark.parametrize("form", ["dataset", "list", "generator"])
def test_labels_given_override_those_in_the_data(form: str) -> None:
    source = open_object(FORMS[form](), labels=[f"c{n % 3}" for n in range(20)])
    labels = whole(source).labels
    assert labels is not None
    assert labels.tolist() == [n % 3 for n in range(20)]
    assert source.class_names == ("c0", "c1", "c2")


class Broken(Dataset[Any]):
    def __len__(self) -> int:
        return 8

    def __getitem__(self, row: int) -> Tensor:
        if row == 5:
            raise OSError("the disk is gone\nand more")
        return X[row]


@pytest.mark.parametrize("workers", [0, 1])
def test_an_error_of_the_user_s_dataset_is_one_line(workers: int) -> None:
    source = open_object(DataLoader(Broken(), batch_size=2, num_workers=workers))
    seen: list[str] = []

    def read() -> None:
        for batch in source.batches(2):
            seen.extend(batch.ids)

    with pytest.raises(CensusError) as caught:
        read()
    assert seen == ["0", "1", "2", "3"]
    assert "\n" not in str(caught.value)
    assert "OSError" in str(caught.value)


def test_a_value_that_is_not_finite_names_its_example() -> None:
    x = X.clone()
    x[13, 0] = torch.nan
    for data in (TensorDataset(x), [x[:10], x[10:]], iter([x[:10], x[10:]])):
        with pytest.raises(CensusError, match=r"Got NaN or inf in example '13'"):
            list(open_object(data).batches(4))


@given(st.integers(1, 30), st.integers(1, 30), st.sets(st.integers(0, 19)), st.integers(1, 30))
@settings(deadline=None)
def test_looking_ahead_in_a_stream_loses_nothing(ahead: int, size: int, skipped: set[int], peeked: int) -> None:
    replay = Replay(open_object(generator()), ahead, size)
    looked = [id for b in replay.peek(peeked) for id in b.ids]
    assert looked == [str(i) for i in range(min(peeked, ahead, 20))]
    assert replay.first(2).ids[0] == "0"
    found = [id for b in replay.batches(size, skip=lambda id: int(id) in skipped) for id in b.ids]
    assert found == [str(i) for i in range(20) if i not in skipped]


def test_a_stream_that_is_spent_says_so() -> None:
    replay = Replay(open_object(generator()), 6, 4)
    list(replay.batches(4))
    with pytest.raises(CensusError, match="can be read only once"):
        list(replay.batches(4))
    short = Replay(open_object(generator()), 100, 4)
    assert whole(short).ids == whole(short).ids


def test_inputs_come_in_the_net_s_precision() -> None:
    inputs = {"x": torch.ones(2, 3), "ids": torch.ones(2, 3, dtype=torch.int64)}
    for dtype in (torch.float16, torch.bfloat16, torch.float64):
        ready = Batch(inputs, ("0", "1")).for_net(nn.Linear(3, 3).to(dtype))
        assert (ready["x"].dtype, ready["ids"].dtype) == (dtype, torch.int64)
    assert cast((inputs["x"],), torch.float16)[0].dtype == torch.float16
    assert moved(inputs, "meta")["ids"].device.type == "meta"
    assert np.shares_memory(Batch(inputs["x"], ("0", "1")).for_net(nn.ReLU()).numpy(), inputs["x"].numpy())
