"""Fill a folder with crops of the colour photographs that scikit-image ships: a small stream of natural images.

python natural_crops.py FOLDER --count 512
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import skimage
from PIL import Image

PHOTOS = (
    "astronaut.png", "chelsea.png", "coffee.png", "hubble_deep_field.jpg", "ihc.png", "motorcycle_left.png",
    "motorcycle_right.png", "retina.jpg", "rocket.jpg",
)  # fmt: skip
SIDE = 256


def write_crops(folder: Path, count: int, seed: int = 0) -> None:
    """`count` JPEG crops of 256 x 256, of 100 to 400 pixels of a photograph, some of them mirrored."""
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(seed)
    photos = [Image.open(Path(skimage.data_dir) / name).convert("RGB") for name in PHOTOS]
    for number in range(count):
        photo = photos[number % len(photos)]
        side = int(rng.integers(100, min(400, *photo.size)))
        left, top = (int(rng.integers(0, room - side + 1)) for room in photo.size)
        crop = photo.crop((left, top, left + side, top + side)).resize((SIDE, SIDE), Image.Resampling.BICUBIC)
        if rng.random() < 0.5:
            crop = crop.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
        crop.save(folder / f"{number:05d}.jpg", quality=92)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--count", type=int, default=512)
    arguments = parser.parse_args()
    write_crops(arguments.folder, arguments.count)
