"""Which source an example comes from: how it is named, and where it is read."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image
from torch.utils.data import DataLoader, Dataset

from layercensus import CensusError
from layercensus.data.groups import group_keys
from layercensus.data.open import open_data
from layercensus.data.source import Source

X = np.random.default_rng(0).standard_normal((6, 3)).astype(np.float32)
NAMES = ["ann", "ann", "bob", None, "bob", "ann"]
SAME = [[0, 1, 5], [2, 4]]  # rows that share one


def shared(source: Source, size: int = 4) -> tuple[list[list[int]], list[str]]:
    """The rows that share a group, and the ids, batch by batch."""
    batches = list(source.batches(size))
    ids = [id for batch in batches for id in batch.ids]
    group = torch.cat([batch.sources(-1 - torch.arange(len(batch.ids)) - 100 * n) for n, batch in enumerate(batches)])
    found = [(group == one).nonzero().flatten().tolist() for one in dict.fromkeys(group.tolist())]
    return [rows for rows in found if len(rows) > 1], ids


class Items(Dataset[Any]):
    def __init__(self, entry: str = "groups") -> None:
        self.entry = entry

    def __getitem__(self, row: int) -> dict[str, Any]:
        return {"inputs": torch.from_numpy(X[row]), "labels": row % 2, self.entry: NAMES[row]}

    def __len__(self) -> int:
        return len(X)


FORMS = {
    "an array": lambda: open_data(X, groups=NAMES),
    "a pair": lambda: open_data((X, [0, 1] * 3), groups=NAMES),
    "integers": lambda: open_data(X, groups=torch.tensor([4, 4, -2, 8, -2, 4])),
    "floats": lambda: open_data(X, groups=pd.Series([1.0, 1.0, 2.0, np.nan, 2.0, 1.0])),
    "a dict": lambda: open_data({"inputs": X, "groups": NAMES}),
    "a list of batches": lambda: open_data([{"inputs": X[s], "groups": NAMES[s]} for s in (slice(2), slice(2, 6))]),
    "batches and groups beside them": lambda: open_data([X[:2], X[2:]], groups=NAMES),
    "batches of several forms": lambda: open_data([X[:2], {"inputs": X[2:], "labels": [0, 1, 0, 1]}], groups=NAMES),
    "a Dataset": lambda: open_data(Items()),
    "a Dataset of single ones": lambda: open_data(Items("group")),
    "a loader": lambda: open_data(DataLoader(Items(), batch_size=4, shuffle=True)),
    "a stream": lambda: open_data({"inputs": X[at : at + 2], "groups": NAMES[at : at + 2]} for at in (0, 2, 4)),
    "a stream and groups beside it": lambda: open_data((X[at : at + 2] for at in (0, 2, 4)), groups=NAMES),
    "given ones go first": lambda: open_data({"inputs": X, "groups": list("abcdef")}, groups=NAMES),
}  # fmt: skip


@pytest.mark.parametrize("form", FORMS)
def test_every_form_of_data_names_the_same_groups(form: str) -> None:
    found, ids = shared(FORMS[form]())
    assert found == SAME
    assert ids == list("012345")
    assert "groups" in FORMS[form]().about


def test_examples_are_picked_with_their_groups() -> None:
    source = open_data(X, groups=NAMES)
    assert source.pick(["4", "2", "0"]).groups.tolist() == group_keys(["bob", "bob", "ann"]).tolist()
    assert open_data(X).pick(["0"]).groups is None


def test_a_part_of_a_dataset_takes_its_own_rows() -> None:
    source = open_data(DataLoader(Items(), sampler=[2, 4, 5]), groups=list("uvwxyz"))
    assert source.pick(["5", "2"]).groups.tolist() == group_keys(["z", "w"]).tolist()


def test_a_skipped_example_moves_no_group() -> None:
    source = open_data((X[at : at + 3] for at in (0, 3)), groups=list("uvwxyz"))
    batches = list(source.batches(2, skip=lambda id: id in ("1", "3")))
    assert torch.cat([b.groups for b in batches]).tolist() == group_keys(list("uwyz")).tolist()


def test_folders_below_the_classes_are_groups(tmp_path: Path) -> None:
    for name in ("cat/a/1", "cat/a/2", "dog/a/1", "dog/b/1", "dog/b/x/1"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.random.default_rng(len(name)).integers(0, 255, (4, 4), dtype=np.uint8)).save(
            tmp_path / f"{name}.png"
        )
    source = open_data(f"images:{tmp_path}")
    found, ids = shared(source)
    assert [[ids[row] for row in rows] for rows in found] == [
        ["cat/a/1.png", "cat/a/2.png"],
        ["dog/b/1.png", "dog/b/x/1.png"],
    ]
    assert source.about["groups"] == "names of the 3 folders in those"
    Image.new("L", (4, 4), 9).save(tmp_path / "dog" / "alone.png")
    assert open_data(f"images:{tmp_path}").first(9).groups is None  # one lies in no folder: these name nothing


def test_an_npz_file_names_groups(tmp_path: Path) -> None:
    np.savez(tmp_path / "some.npz", inputs=X, groups=np.array([3, 3, 9, 1, 9, 3]))
    source = open_data(f"npz:{tmp_path / 'some.npz'}")
    assert shared(source)[0] == SAME
    assert source.about["groups"] == "the file's array groups"


def test_an_entry_of_another_name(tmp_path: Path) -> None:
    forms: list[Any] = [
        {"inputs": X, "speaker": NAMES, "labels": [0, 1] * 3}, [{"inputs": X, "speaker": NAMES}], Items("speaker"),
        DataLoader(Items("speaker"), batch_size=4), iter([{"inputs": X, "speaker": NAMES}]),
    ]  # fmt: skip
    for data in forms:
        assert shared(open_data(data, groups="speaker"))[0] == SAME
    np.savez(tmp_path / "some.npz", inputs=X, speaker=np.array([3, 3, 9, 1, 9, 3]), labels=[0, 1] * 3)
    assert shared(open_data(f"npz:{tmp_path / 'some.npz'}", groups="speaker"))[0] == SAME
    for data, said in (
        ({"inputs": X, "who": NAMES}, "and there are inputs, who."), ([X], "and ndarray has no names."),
        (f"npz:{tmp_path / 'some.npz'}", "and npz:some.npz has no such entry."),
    ):  # fmt: skip
        with pytest.raises(CensusError, match=f"^groups must be one source per example, or the name.*{said}$"):
            open_data(data, groups="speak")


def test_spellings_of_one_source() -> None:
    assert len(set(group_keys([3, 3.0, "3", np.int8(3), torch.tensor(3), b"3"]).tolist())) == 1
    assert group_keys([None, float("nan"), " ", pd.NA, np.datetime64("NaT")]).tolist() == [0] * 5
    assert len(set(group_keys([-1, -2, 0, 1, "a", "A"]).tolist())) == 6
    assert group_keys(np.array([[1], [2]])).tolist() == group_keys([1, 2]).tolist()


@pytest.mark.parametrize(
    ("groups", "said"),
    [
        (NAMES[:5], "groups must have one entry for each of the 6 examples. Got 5."),
        (
            "speaker",
            "groups must be one source per example, or the name of an entry of the data. Got 'speaker', and ndarray "
            "has no names.",
        ),
        (np.zeros((6, 2)), "groups must be one source per example, as an integer or a name. Got shape (6, 2)."),
        ([[1], [2]] * 3, "groups must be one source per example, as an integer or a name. Got list for an example."),
    ],
)
def test_what_names_no_source(groups: Any, said: str) -> None:
    with pytest.raises(CensusError) as error:
        open_data(X, groups=groups)
    assert str(error.value) == said
    if isinstance(groups, list) and len(groups) == 5:
        with pytest.raises(CensusError, match=r"^groups must have one entry for each example\. Got 5 for more\.$"):
            list(open_data((X[at : at + 3] for at in (0, 3)), groups=groups).batches(2))
