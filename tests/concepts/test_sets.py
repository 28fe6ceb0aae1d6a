"""Concept sets: whatever they are named by, each example has the values that one counts by hand."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image

import layercensus as lc
from layercensus.concepts.inputs import at_places, of_examples
from layercensus.concepts.open import open_concepts
from layercensus.concepts.places import Map, map_of
from layercensus.concepts.plain_images import colours, shapes
from layercensus.concepts.sets import ConceptSet, Places
from layercensus.concepts.tags import _aligned
from layercensus.data.batch import Batch
from layercensus.data.open import open_data
from layercensus.data.source import Source
from layercensus.errors import CensusError
from layercensus.layers.layer import Layer

X = torch.arange(48.0).reshape(6, 2, 2, 2)


def opened(given: Any, data: Any = X) -> tuple[list[ConceptSet], Source]:
    source = open_data(data)
    return list(open_concepts(given, source)), source


def values(given: Any, data: Any = X) -> dict[str, list[float]]:
    """Name of each concept -> its value of each example."""
    sets, source = opened(given, data)
    batch = source.pick(list(source.ids or ()))
    found: dict[str, list[float]] = {}
    for each in sets:
        assert each.values is not None
        found |= dict(zip(each.concepts, each.values(batch).T.tolist(), strict=True))
    return found


def test_columns_are_booleans_values_or_several_an_example() -> None:
    found = values({"big": [True, False, None, True, False, False], "size": np.array([3, 1, 1, 2, 3, -1]),
                    "seen": [["a", "b"], [], ["b"], ["a"], [], []], "two": np.eye(6)[:, :2]})  # fmt: skip
    assert found["big"][:2] == [1, 0]
    assert np.isnan(found["big"][2])
    assert found["size: 3"][:5] == [1, 0, 0, 0, 1]
    assert np.isnan(found["size: 3"][5])
    assert found["seen: b"] == [1, 0, 1, 0, 0, 0]
    assert found["two 1"] == [0, 1, 0, 0, 0, 0]


def test_a_table_is_matched_by_id_and_otherwise_by_order(tmp_path: Path) -> None:
    frame = pd.DataFrame({"id": ["4", "0"], "kind": ["x", "y"], "old": [True, False]})
    found = values(frame)
    assert [found["old"][0], found["old"][4], found["kind: x"][4]] == [0, 1, 1]
    assert np.isnan(found["old"][1])
    pd.DataFrame({"old": [1, 0, 1, 0, 0, 1]}).to_csv(tmp_path / "t.csv", index=False)
    assert values(str(tmp_path / "t.csv"))["old"] == [1, 0, 1, 0, 0, 1]


def test_functions_give_booleans_numbers_or_several() -> None:
    found = values({"sum": lambda x: {"large": float(x.sum()), "first": bool(x[0, 0, 0] == 0)}, "all": lambda x: True})
    assert found["large"] == X.flatten(1).sum(1).tolist()
    assert found["first"] == [1, 0, 0, 0, 0, 0]
    sets, _ = opened({"sum": lambda x: x.sum()})
    assert sets[0].graded


def test_labels_are_concepts_and_none_is_unknown() -> None:
    found = values("labels", (X, [2, 0, -1, 1, 0, 2]))
    assert found["class 0"][:2] == [0, 1]
    assert np.isnan(found["class 0"][2])
    assert list(found) == ["class 0", "class 1", "class 2"]


def pictures(root: Path) -> Path:
    for number, name in enumerate(["animal/dog/a", "animal/dog/b", "animal/cat/c", "tool/saw/d"]):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGBA", (8, 8), (60 * number, 0, 0, 255)).save(root / f"{name}.png")
    return root


def test_folders_name_a_concept_a_level_and_no_sources(tmp_path: Path) -> None:
    sets, source = opened("folders", f"images:{pictures(tmp_path)}")
    assert [each.concepts for each in sets] == [("animal", "tool"), ("animal/cat", "animal/dog", "tool/saw")]
    batch = source.pick(["animal/dog/b.png"])
    assert [each.values(batch).tolist() for each in sets if each.values] == [[[1, 0]], [[0, 1, 0]]]
    assert batch.groups is None


def test_masks_are_read_at_the_positions_of_a_map(tmp_path: Path) -> None:
    """Of a mask of 8 x 8 pixels with its upper left quarter, in maps of 2 x 2 and, behind a class token, 4 x 4."""
    source_folder = pictures(tmp_path / "pictures")
    (tmp_path / "masks" / "sky" / "animal" / "dog").mkdir(parents=True)
    shown = np.zeros((8, 8), dtype=np.uint8)
    shown[:4, :4] = 255
    Image.fromarray(shown).save(tmp_path / "masks" / "sky" / "animal" / "dog" / "a.bmp")
    sets, source = opened(f"masks:{tmp_path / 'masks'}", f"images:{source_folder}")
    batch = source.pick(["animal/dog/a.png", "tool/saw/d.png"])
    assert sets[0].at is not None
    found = sets[0].at(batch, Map((2, 2)).of(batch, torch.rand(2, 8)))
    assert found[..., 0].tolist() == [[1, 0, 0, 0], [0, 0, 0, 0]]
    some = sets[0].at(batch, Map((4, 4), 1).of(batch, torch.tensor([[0.0, 1.1 / 17, 6.1 / 17], [0.0, 0.5, 0.9]])))
    assert some[0, 1:, 0].tolist() == [1, 1]
    assert some[:, 0].isnan().all()
    arrays = lc.concepts.masks({"sky": np.stack([shown] * 4)})
    sets, source = opened(arrays, f"images:{source_folder}")
    assert sets[0].at is not None
    assert sets[0].at(batch, Places(torch.tensor([[0], [3]]), (2, 2))).flatten().tolist() == [1, 0]


def test_alpha_is_a_mask_of_its_own(tmp_path: Path) -> None:
    image = np.full((8, 8, 4), 255, dtype=np.uint8)
    image[:, 4:, 3] = 0
    Image.fromarray(image).save(tmp_path / "a.png")
    sets, source = opened("alpha", f"images:{tmp_path}")
    assert sets[0].at is not None
    assert sets[0].at(source.pick(["a.png"]), Places(torch.arange(4)[None], (2, 2))).flatten().tolist() == [1, 0, 1, 0]


def test_tags_follow_the_pieces_of_words() -> None:
    assert _aligned(["The", "unbelievable", "x1!"], ["the", "un", "##believ", "##able", "x", "##1", "!"]) == [
        0, 1, 1, 1, 2, 2, 2,
    ]  # fmt: skip
    assert _aligned(["a", "日本", "b"], ["a", "[UNK]", "b"]) == [0, 1, 2]


def test_which_layers_have_a_place() -> None:
    def layer(shape: tuple[int, ...], axis: int) -> Layer:
        return Layer("l", "k", "neurons", "", 0, None, axis, shape[axis - 1], shape, 0, "", (), True, None)

    assert map_of(layer((32, 7, 5), 1), "images", None) == Map((7, 5))
    assert map_of(layer((50, 32), 2), "images", None) == Map((7, 7), 1)
    assert map_of(layer((49, 32), 2), "images", None) == Map((7, 7))
    assert map_of(layer((32,), 1), "images", None) is None
    assert map_of(layer((12, 32), 2), "tokens", 12) == Map()
    assert map_of(layer((3, 32), 2), "tokens", 12) is None
    assert map_of(layer((3, 32), 2), "tokens", None) == Map()


def test_plain_concepts_of_pictures() -> None:
    """A red one whose right half is bright, with one vertical edge, beside a grey one with a horizontal edge."""
    x = torch.zeros(2, 3, 8, 8)
    x[0, 0, :, 4:] = 1.0
    x[1, :, 4:] = 0.5
    found = {**shapes(x), **colours(x)}
    assert found["vertical edges"].tolist() == [1, 0]
    assert found["horizontal edges"].tolist() == [0, 1]
    assert found["brighter right"].tolist() == pytest.approx([1 / 3, 0], abs=1e-6)
    assert found["brighter bottom"].tolist() == pytest.approx([0, 0.5], abs=1e-6)
    assert found["red"][0] == pytest.approx(0.5, abs=1e-5)
    assert found["red"][1] == found["blue"][0] == 0
    assert found["colourful"].tolist() == pytest.approx([0.5, 0], abs=1e-5)


def test_what_the_net_is_given_is_read_at_the_same_place() -> None:
    """A pixel of a picture of 4 x 4 is the middle of its patch."""
    batch = Batch(torch.arange(16.0).reshape(1, 1, 4, 4), ("a",))
    patch = at_places(batch, Places(torch.tensor([[0, 5, 15]]), (4, 4)), "images")
    assert patch[0, :, 12].tolist() == [0, 5, 15]
    assert of_examples(batch, "images").tolist() == [list(map(float, range(16)))]
    tokens = Batch(torch.tensor([[3, 3, 9]]), ("a",), mask=torch.tensor([[True, True, False]]))
    assert sorted(of_examples(tokens, "tokens").flatten().tolist())[-2:] == [0, 2]


BAD: dict[str, Callable[[], Any]] = {
    "must have one entry for each of the 6 examples. Got 5.": lambda: opened({"a": [1] * 5}),
    "must be booleans, integers or names, one an example. Got fractional": lambda: opened({"a": [0.5] * 6}),
    "must name examples of .* Got '9'": lambda: opened(pd.DataFrame({"id": ["9"], "a": [1]})),
    "must name each example once. Got '1' again": lambda: opened(pd.DataFrame({"id": ["1", "1"], "a": [1, 0]})),
    "concepts must be some of labels, plain,.* Got 'lables'": lambda: opened("lables"),
    "concepts must be some of .* Got int": lambda: opened(3),
    "must have names of their own. Got 'a' twice": lambda: opened([{"a": [1, 0] * 3}, {"a": [1, 0] * 3}]),
    "must be a CSV file of concepts with a header": lambda: opened("nothing.csv"),
    "labels as concepts must be in the data": lambda: opened("labels"),
    "folders as concepts must be those of pictures": lambda: opened("folders"),
    "must return a boolean or number": lambda: opened({"a": lambda x: "much"}),
    "failed for example '0': ZeroDivisionError: division": lambda: opened({"a": lambda x: 1 / 0}),
    "masks:nothing must be a folder": lambda: opened("masks:nothing"),
    "tags:nothing must be a text file": lambda: opened("tags:nothing"),
    "concepts need data that can be read twice": lambda: opened("labels", iter([X])),
    "Mask 'a' must have the shape": lambda: opened(lc.concepts.masks({"a": np.zeros((6, 4))})),
}  # fmt: skip


@pytest.mark.parametrize("says", BAD)
def test_a_bad_set_gets_one_line(says: str) -> None:
    with pytest.raises(CensusError, match=says) as raised:
        BAD[says]()
    assert "\n" not in str(raised.value)
