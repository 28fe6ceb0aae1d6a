"""Folders of images to read."""

import numpy as np
from PIL import Image


def painted(folder, count, size=(40, 30)):
    """`count` images of noise, the lower half of each transparent."""
    folder.mkdir(parents=True)
    rng = np.random.default_rng(0)
    for number in range(count):
        pixels = rng.integers(0, 256, (*size, 4), dtype=np.uint8)
        pixels[..., 3] = 255
        pixels[size[0] // 2 :, :, 3] = 0
        Image.fromarray(pixels).save(folder / f"{number}.png")
