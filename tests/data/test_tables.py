"""Data in tables of every kind: which column is what, stable ids, and values as the file has them."""

from __future__ import annotations

import io
import json
import sys
import tarfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image
from torch.utils.data import Dataset

from layercensus.data.open import open_data
from layercensus.data.shards import expanded
from layercensus.errors import CensusError
from layercensus.models.prepare import Prepare

PREPARE = Prepare(size=(8, 8), mean=(0.5,) * 3, std=(0.25,) * 3, channels=3, interpolation="nearest")


def picture(colour: Sequence[int], size: tuple[int, int] = (8, 8)) -> Image.Image:
    return Image.new("RGB", size, tuple(colour))


def encoded(image: Image.Image) -> bytes:
    file = io.BytesIO()
    image.save(file, "PNG")
    return file.getvalue()


def value(byte: int) -> float:
    """A byte as the preparation gives it."""
    return (byte / 255 - 0.5) / 0.25


class Words:
    """A tokenizer: a word is a token, its number the length of the word; 0 begins every text and fills it up."""

    pad_token_id = cls_token_id = 0

    def __call__(self, lines: list[str], **_: Any) -> dict[str, list[list[int]]]:
        return {"input_ids": [[0, *map(len, line.split())] for line in lines]}

    def __len__(self) -> int:
        return 20


TEXT = Prepare(tokenizer=Words())


def test_csv_numbers_and_categories(tmp_path: Path) -> None:
    file = tmp_path / "wine.csv"
    file.write_text("id,colour,sugar,dry,label\na7,red,1.5,true,good\na8,white,2,false,bad\na9,red,4,true,good\n")
    source = open_data(f"csv:{file}")
    batch = source.pick(["a8", "a7"])
    assert batch.inputs.tolist() == [[0, 1, 2, 0], [1, 0, 1.5, 1]]  # red, white, sugar, dry
    assert batch.labels is not None
    assert batch.labels.tolist() == [0, 1]
    assert source.class_names == ("bad", "good")
    assert (
        source.about["inputs"] == "3 columns as 4 features; categories as 0 and 1 for each value: colour (red, white)"
    )
    assert open_data(f"csv:{file}:sugar,dry").first(1).inputs.tolist() == [[1.5, 1]]


@pytest.mark.parametrize(
    ("content", "more", "said"),
    [
        ("a,b\n1,2\n3,\n", "", "must have a value in every cell. Got none in column 'b', row 1."),
        ("a,b\n1,2\n", ":c", "must have a column 'c'. Got a, b."),
        ("a,b\n", "", "data must hold at least one example."),
        ("t\n" + "".join(f"word{n}\n" for n in range(60)), "", "at most 50 categories. Got 60 different texts in 't'"),
        ("", "", "must be a table in UTF-8. It cannot be read: "),
    ],
)
def test_csv_that_cannot_be_counted(content: str, more: str, said: str, tmp_path: Path) -> None:
    file = tmp_path / "a.csv"
    file.write_text(content)
    with pytest.raises(CensusError) as caught:
        open_data(f"csv:{file}{more}")
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_texts_of_a_table_go_to_the_tokenizer(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("review,label\nvery good wine,good\nno,bad\n")
    rows = [{"text": "very good wine", "label": "good", "id": "x"}, {"text": "no", "label": "bad", "id": "y"}]
    (tmp_path / "a.jsonl").write_text("\n".join(map(json.dumps, rows)))
    for name, ids in ((f"csv:{tmp_path / 'a.csv'}", ("0", "1")), (f"text:{tmp_path / 'a.jsonl'}", ("x", "y"))):
        source = open_data(name, prepare=TEXT)
        batch = source.pick(ids)
        assert source.ids == ids
        assert batch.inputs["input_ids"].tolist() == [[0, 4, 4, 4], [0, 2, 0, 0]]
        assert batch.mask is not None
        assert batch.mask.tolist() == [[False, True, True, True], [False, True, False, False]]
        assert source.class_names == ("bad", "good")
        assert batch.labels is not None
        assert batch.labels.tolist() == [1, 0]


def test_json_lines_of_strings_and_of_other_things(tmp_path: Path) -> None:
    file = tmp_path / "a.jsonl"
    file.write_text('"one two"\n"three"\n')
    assert open_data(f"text:{file}", prepare=TEXT).first(2).inputs["input_ids"].tolist() == [[0, 3, 3], [0, 5, 0]]
    for content, said in (("{no", "must hold JSON in every line. Line 1: "), ("3\n", "Got another in line 1.")):
        file.write_text(content)
        with pytest.raises(CensusError, match=said):
            open_data(f"text:{file}", prepare=TEXT)


def test_several_columns_that_could_be_it(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text('{"question": "why", "answer": "so"}\n')
    with pytest.raises(CensusError, match=r"must say which column the model is given\. question, answer could be it"):
        open_data(f"text:{tmp_path / 'a.jsonl'}", prepare=TEXT)


def test_named_arrays(tmp_path: Path) -> None:
    a, b = np.arange(6, dtype=np.float32).reshape(3, 2), np.ones((3, 4), np.float32)
    file = tmp_path / "a.npz"
    np.savez(file, first=a, second=b, y=[0, 1, 0], ids=["p", "q", "r"])
    source = open_data(f"npz:{file}:first,second")
    batch = source.pick(["r", "p"])
    assert batch.inputs["first"].tolist() == [[4, 5], [0, 1]]
    assert batch.inputs["second"].shape == (2, 4)
    assert batch.labels is not None
    assert batch.labels.tolist() == [0, 0]
    assert open_data(f"npz:{file}:second").pick(["q"]).inputs.tolist() == [[1, 1, 1, 1]]
    with pytest.raises(CensusError, match=r"Save it with that name\. Or name it: npz:.*a\.npz:first,second"):
        open_data(f"npz:{file}")
    with pytest.raises(CensusError, match=r"must hold an array named third\. Got first, second, y, ids\."):
        open_data(f"npz:{file}:third")


def test_one_array_mapped_from_disk(tmp_path: Path) -> None:
    x = np.random.default_rng(0).integers(0, 255, (5, 3, 4, 4), dtype=np.uint8)
    np.save(tmp_path / "a.npy", x)
    source = open_data(f"npy:{tmp_path / 'a.npy'}")
    assert isinstance(source.inputs, np.memmap)  # type: ignore[attr-defined]
    assert np.allclose(source.pick(["3"]).inputs[0], x[3] / 255)
    with pytest.raises(CensusError, match=r"must be an npy file\. Got no such file"):
        open_data(f"npy:{tmp_path / 'b.npy'}")


def shard(file: Path, samples: dict[str, dict[str, bytes]]) -> Path:
    with tarfile.open(file, "w") as tar:
        for key, parts in samples.items():
            for ending, held in parts.items():
                member = tarfile.TarInfo(f"{key}.{ending}")
                member.size = len(held)
                tar.addfile(member, io.BytesIO(held))
    return file


@pytest.fixture
def shards(tmp_path: Path) -> Path:
    for n in range(2):
        samples = {
            f"part{n}/{row:03}": {"png": encoded(picture((50 * row, 10 * n, 7))), "cls": str(row).encode()}
            for row in range(3)
        }
        shard(tmp_path / f"train-{n:02}.tar", samples)
    return tmp_path


def test_shards(shards: Path) -> None:
    source = open_data(f"wds:{shards}/train-{{00..01}}.tar", prepare=PREPARE)
    assert source.ids == tuple(f"part{n}/{row:03}" for n in range(2) for row in range(3))
    batch = source.pick(["part1/002", "part0/001"])
    assert batch.inputs[0, :, 0, 0].tolist() == pytest.approx([value(100), value(10), value(7)], abs=1e-5)
    assert batch.inputs[1, :, 3, 3].tolist() == pytest.approx([value(50), value(0), value(7)], abs=1e-5)
    assert batch.labels is not None
    assert batch.labels.tolist() == [2, 1]
    assert source.kind == "images"
    assert [len(b.ids) for b in source.batches(4)] == [4, 2]


@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")
def test_shards_as_webdataset_reads_them(shards: Path) -> None:
    webdataset = pytest.importorskip("webdataset")
    read = webdataset.WebDataset(str(shards / "train-{00..01}.tar"), shardshuffle=False).decode("pil")
    theirs = [(sample["__key__"], np.asarray(sample["png"]), sample["cls"]) for sample in read]
    source = open_data(f"wds:{shards}/train-*.tar", prepare=Prepare(channels=3))
    assert [key for key, _, _ in theirs] == list(source.ids or ())
    batch = source.first(6)
    for row, (_, image, label) in enumerate(theirs):
        assert np.allclose(batch.inputs[row].numpy() * 255, image.transpose(2, 0, 1), atol=1e-4)
        assert batch.labels is not None
        assert int(batch.labels[row]) == label


def test_patterns_of_shards(shards: Path) -> None:
    assert [Path(f).name for f in expanded(f"{shards}/train-{{01,00}}.tar")] == ["train-01.tar", "train-00.tar"]
    (shards / "bad.tar").write_bytes(b"\x1f\x8b" + bytes(600))
    with pytest.raises(CensusError, match=r"must be a tar file\. Got a compressed file: unpack it"):
        open_data(f"wds:{shards}/bad.tar")


class Folder(Dataset[Any]):
    """A Dataset that has not been given a transform."""

    def __init__(self) -> None:
        self.classes = ["cat", "dog"]
        self.targets = [0, 1, 1]
        self.decoded = 0

    def __len__(self) -> int:
        return 3

    def __getitem__(self, row: int) -> tuple[Image.Image, int]:
        if row > 2:
            raise IndexError
        self.decoded += 1
        return picture((100 * row, 0, 0), (9 + row, 8)), self.targets[row]


def test_a_dataset_of_pictures_without_a_transform() -> None:
    data = Folder()
    source = open_data(data, prepare=PREPARE)
    assert data.decoded <= 2  # its labels are known without its pictures
    batch = source.pick(["2", "0"])
    assert batch.inputs.shape == (2, 3, 8, 8)
    assert batch.inputs[:, 0, 0, 0].tolist() == pytest.approx([value(200), value(0)], abs=1e-5)
    assert source.class_names == ("cat", "dog")
    assert batch.labels is not None
    assert batch.labels.tolist() == [1, 0]


def test_lists_of_pictures_and_of_texts() -> None:
    batch = open_data([picture((9, 8, 7)), picture((6, 5, 4))], prepare=PREPARE).first(2)
    assert batch.inputs[:, 2, 0, 0].tolist() == pytest.approx([value(7), value(4)], abs=1e-5)
    assert open_data(["a bb", "ccc"], prepare=TEXT).first(2).inputs["input_ids"].tolist() == [[0, 1, 2], [0, 3, 0]]


def test_pictures_that_differ_in_size_need_a_model_that_says_one() -> None:
    with pytest.raises(CensusError, match=r"Examples must share one shape.*Got \(3, 8, 9\) for '0' and \(3, 8, 10\)"):
        open_data(Folder()).pick(["0", "1"])


@pytest.mark.parametrize(
    ("package", "name"), [("pyarrow.parquet", "parquet"), ("datasets", "hf"), ("soundfile", "audio")]
)
def test_without_the_package(package: str, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    (tmp_path / "a.parquet").write_bytes(b"PAR1")
    with pytest.raises(CensusError, match=r"needs .*: pip install 'layercensus\[(data|hf)\]'") as caught:
        open_data(f"{name}:{tmp_path / 'a.parquet' if name == 'parquet' else tmp_path}")
    assert "\n" not in str(caught.value)


def test_parquet_of_numbers(tmp_path: Path) -> None:
    pytest.importorskip("pyarrow")
    frame = pd.DataFrame({"a": [1.0, 2.0, 3.0], "b": [4, 5, 6], "label": ["x", "y", "x"]})
    frame.to_parquet(tmp_path / "t.parquet")
    source = open_data(f"parquet:{tmp_path / 't.parquet'}:a,b")
    assert source.pick(["2"]).inputs.tolist() == [[3, 6]]
    assert source.class_names == ("x", "y")
    assert open_data(f"parquet:{tmp_path / 't.parquet'}:b").first(3).inputs.tolist() == [[4], [5], [6]]


def test_parquet_of_pictures_by_row_groups(tmp_path: Path) -> None:
    pyarrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    rows = [{"image": {"bytes": encoded(picture((20 * n, 0, 0))), "path": None}, "label": n % 2} for n in range(5)]
    parquet.write_table(pyarrow.Table.from_pylist(rows), tmp_path / "t.parquet", row_group_size=2)
    source = open_data(f"parquet:{tmp_path / 't.parquet'}", prepare=PREPARE)
    batch = source.pick(["4", "0", "3"])
    assert batch.inputs[:, 0, 0, 0].tolist() == pytest.approx([value(80), value(0), value(60)], abs=1e-5)
    assert batch.labels is not None
    assert batch.labels.tolist() == [0, 0, 1]


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    datasets = pytest.importorskip("datasets")
    features = datasets.Features(
        {
            "image": datasets.Image(),
            "text": datasets.Value("string"),
            "label": datasets.ClassLabel(names=["cat", "dog"]),
        }
    )
    rows = {
        "image": [picture((20 * n, 0, 0)) for n in range(4)], "text": ["a", "b b", "c", "d"], "label": [0, 1, 1, 0],
    }  # fmt: skip
    data = datasets.Dataset.from_dict(rows, features=features)
    datasets.DatasetDict({"train": data, "test": data.select([1])}).save_to_disk(str(tmp_path / "set"))
    return tmp_path / "set"


def test_a_folder_of_datasets(saved: Path) -> None:
    source = open_data(f"hf:{saved}", prepare=PREPARE)
    assert source.name == "hf:set"
    assert (source.length, source.about["split"]) == (4, "train")
    batch = source.pick(["3", "1"])
    assert batch.inputs[:, 0, 0, 0].tolist() == pytest.approx([value(60), value(20)], abs=1e-5)
    assert source.class_names == ("cat", "dog")
    assert batch.labels is not None
    assert batch.labels.tolist() == [0, 1]
    assert open_data(f"hf:{saved}:test", prepare=PREPARE).length == 1
    words = open_data(f"hf:{saved}:train:text", prepare=TEXT)
    assert words.first(2).inputs["input_ids"].tolist() == [[0, 1, 0], [0, 1, 1]]
    with pytest.raises(CensusError, match=r"must have a split 'dev'\. Got train, test\."):
        open_data(f"hf:{saved}:dev", prepare=PREPARE)


def test_objects_of_datasets(saved: Path) -> None:
    datasets = pytest.importorskip("datasets")
    data = datasets.load_from_disk(str(saved))["train"]
    assert open_data(data, prepare=PREPARE).class_names == ("cat", "dog")
    stream = open_data(data.to_iterable_dataset(), prepare=PREPARE)
    assert not stream.reusable
    batches = list(stream.batches(3))
    inputs = torch.cat([batch.inputs for batch in batches])
    assert inputs[:, 0, 0, 0].tolist() == pytest.approx([value(20 * n) for n in range(4)], abs=1e-5)
    assert [id for batch in batches for id in batch.ids] == ["0", "1", "2", "3"]


def test_a_folder_of_sounds(tmp_path: Path) -> None:
    soundfile = pytest.importorskip("soundfile")
    for name, seconds, rate in (("dog/a.wav", 0.5, 8000), ("cat/b.flac", 0.25, 16000)):
        (tmp_path / name).parent.mkdir()
        time = np.arange(int(seconds * rate)) / rate
        tone = 0.5 * np.sin(2 * np.pi * 440 * time)
        soundfile.write(tmp_path / name, np.stack([tone, tone], 1), rate)
    source = open_data(f"audio:{tmp_path}")
    assert source.ids == ("cat/b.flac", "dog/a.wav")
    assert source.class_names == ("cat", "dog")
    batch = source.first(2)
    assert batch.inputs.shape == (2, 1, 4000)  # of the shortest, 0.25 s, at the first one's 16,000 a second
    expected = 0.5 * np.sin(2 * np.pi * 440 * np.arange(4000) / 16000)
    assert np.allclose(batch.inputs[0, 0].numpy(), expected, atol=1e-3)
    assert np.allclose(batch.inputs[1, 0].numpy()[200:-200], expected[200:-200], atol=1e-2)  # resampled
    longer = open_data(f"audio:{tmp_path}:0.5").first(2).inputs
    assert longer.shape == (2, 1, 8000)
    assert not longer[0, 0, 4000:].any()
    doubled = Prepare(sound=lambda samples: torch.as_tensor(2 * samples), rate=8000)
    assert open_data(f"audio:{tmp_path}", prepare=doubled).first(2).inputs.shape == (2, 2000)
    with pytest.raises(CensusError, match=r"must have a number of seconds above 0\. Got 'x'"):
        open_data(f"audio:{tmp_path}:x")
