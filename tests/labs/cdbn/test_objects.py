"""Classes of objects."""

import pytest

from layercensus.data import handwriting
from layercensus.errors import CensusError
from layercensus.labs.cdbn import objects as module
from layercensus.labs.cdbn.objects import objects
from tests.labs.cdbn.paint import painted


def test_folders_of_images_are_classes_and_what_is_missing_is_said(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "CLOTHES_AT", tmp_path / "none")
    monkeypatch.setattr(handwriting, "CLOTHES_AT", tmp_path / "none")
    for name in ("a", "b", "c"):
        painted(tmp_path / "o" / name, 14)
    painted(tmp_path / "o" / "few", 3)
    sets, missing = objects(tmp_path / "o", None, 0, 20, 5)
    named = {one.name: one for one in sets}
    assert named["objects"].classes == ("a", "b", "c")
    assert [len(part) for part in named["objects"].training] == [14, 14, 14]  # seven and their mirror images
    assert [len(part) for part in named["objects"].test] == [5, 5, 5]
    assert named["numerals"].training[0].shape == (20, 1, 28, 28)
    assert missing == ["Clothes were left out: Fashion-MNIST is not installed (Debian: dataset-fashion-mnist)."]


def test_too_few_classes_are_refused(tmp_path):
    with pytest.raises(
        CensusError, match=r"^objects must be a folder with three folders or more of at least 12 images"
    ):
        objects(tmp_path, None, 0, 20, 5)
