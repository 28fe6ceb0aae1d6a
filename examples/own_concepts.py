"""Fill a folder with pictures whose folders name concepts, and masks beside them: a template for one of your own.

python own_concepts.py FOLDER --count 240
layercensus run efficientnet-lite:0 images:FOLDER/pictures --concepts folders --concepts masks:FOLDER/masks
    --concepts plain --out results

pictures/SHAPE/COLOUR/NUMBER.png shows a shape of a colour on a background of noise: `folders` makes concepts of
SHAPE and of SHAPE/COLOUR. masks/CONCEPT/SHAPE/COLOUR/NUMBER.png is white where the concept is.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

SIDE = 96
SHAPES = ("disc", "square", "triangle")
COLOURS = {"red": (200, 40, 40), "blue": (40, 70, 200)}


def draw(shape: str, colour: tuple[int, int, int], rng: np.random.Generator) -> tuple[Image.Image, Image.Image]:
    """A picture and the mask of its shape."""
    size = int(rng.integers(28, 52))
    left, top = (int(at) for at in rng.integers(4, SIDE - size - 4, 2))
    mask = Image.new("L", (SIDE, SIDE))
    pen = ImageDraw.Draw(mask)
    box = (left, top, left + size, top + size)
    if shape == "disc":
        pen.ellipse(box, fill=255)
    elif shape == "square":
        pen.rectangle(box, fill=255)
    else:
        pen.polygon([(left, top + size), (left + size, top + size), (left + size // 2, top)], fill=255)
    ground: NDArray[np.uint8] = rng.integers(40, 216, (SIDE // 8, SIDE // 8, 3), dtype=np.uint8)
    picture = Image.fromarray(ground).resize((SIDE, SIDE), Image.Resampling.BICUBIC)
    picture.paste(colour, mask=mask)
    return picture, mask


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--count", type=int, default=240)
    given = parser.parse_args()
    rng = np.random.default_rng(0)
    kinds = [(shape, colour) for shape in SHAPES for colour in COLOURS]
    for number in range(given.count):
        shape, colour = kinds[number % len(kinds)]
        picture, mask = draw(shape, COLOURS[colour], rng)
        name = f"{shape}/{colour}/{number:04d}.png"
        for file, image in ((f"pictures/{name}", picture), (f"masks/{shape}/{name}", mask)):
            (given.folder / file).parent.mkdir(parents=True, exist_ok=True)
            image.save(given.folder / file)
    print(f"{given.count} pictures in {given.folder}")
