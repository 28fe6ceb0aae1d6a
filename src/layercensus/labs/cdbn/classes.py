"""The third experiment: stacks of single classes of objects, and how specific their features are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

from ...data.handwriting import SIDE
from ..record import Folder
from .crbm import Crbm
from .how import OBJECTS, How
from .nets import Stack, untrained
from .objects import Objects
from .small import batches, pooled
from .specificity import information, responses, specificity
from .trainer import Bench

ALL = "all classes/"  # no folder is called that


@dataclass(frozen=True)
class Classes:
    """Of one set of objects: a stack for each class and one for all, and what was measured."""

    objects: Objects
    stacks: dict[str, Stack]
    results: dict[str, Any]


def classes(bench: Bench, folder: Folder, objects: Objects, how: How) -> Classes:
    """Train a stack on every class, all on one first layer, and measure them on held-out images of all classes."""
    form, recipe = OBJECTS[0]
    every = torch.cat(objects.training).to(how.device)
    first = bench.layer(f"{objects.name}-1", form, recipe, how.seed, batches(every, how.batch)).layer
    sets = dict(zip(objects.classes, objects.training, strict=True)) | {ALL: every}
    stacks: dict[str, Stack] = {}
    for name, images in tqdm(sets.items(), desc=objects.name, unit="class", disable=not how.progress):
        file = f"{objects.name}-{len(stacks) + 1}-{_word(name)}"  # names may differ in nothing that a file's can hold
        crbms = _above(bench, first, file, images.to(how.device), how)
        stacks[name] = bench.stack(file, crbms, SIDE)
    measured = folder.once(f"classes-{objects.name}", lambda: _measured(objects, stacks, how))
    return Classes(objects, stacks, measured)


def _above(bench: Bench, first: Crbm, file: str, images: Tensor, how: How) -> list[Crbm]:
    layers, inputs = [first], pooled(first, images)
    for number, (form, recipe) in enumerate(OBJECTS[1:], 2):
        title = f"{file}-{number}"
        layer = bench.layer(title, form, recipe, how.seed + number, batches(inputs, how.batch)).layer
        layers.append(layer)
        inputs = pooled(layer, inputs)
    return layers


def _measured(objects: Objects, stacks: dict[str, Stack], how: How) -> dict[str, Any]:
    test = torch.cat(objects.test).to(how.device)
    labels = np.repeat(np.arange(len(objects.test)), [len(images) for images in objects.test])
    rows: list[dict[str, Any]] = []
    for number, name in enumerate(objects.classes):
        rows += _rows(stacks[name], test, labels, number, {"class": name}, how)
    return {
        "set": objects.name, "origin": objects.origin, "classes": list(objects.classes),
        "training": [len(images) for images in objects.training], "test": [len(images) for images in objects.test],
        "specificity": rows, "information": _told(stacks[ALL], test, labels, how),
    }  # fmt: skip


def _nets(stack: Stack, how: How) -> Sequence[tuple[str, Stack]]:
    twin = untrained(stack.forms, how.seed + 50, stack.crbms).to(how.device).eval()
    return (("trained", stack), ("untrained twin", twin))


def _rows(
    stack: Stack, test: Tensor, labels: np.ndarray, number: int, head: dict[str, Any], how: How
) -> list[dict[str, Any]]:
    of_class, found = labels == number, []
    for net, which in _nets(stack, how):
        for layer, one in enumerate(specificity(responses(which, test), of_class, labels, how.seed), 1):
            found.append(head | {"net": net, "layer": layer, "chance": float(of_class.mean())} | asdict(one))
    return found


def _told(stack: Stack, test: Tensor, labels: np.ndarray, how: How) -> list[dict[str, Any]]:
    found = []
    for net, which in _nets(stack, how):
        for layer, units in enumerate(responses(which, test), 1):
            found.append({"net": net, "layer": layer} | asdict(information(units, labels, how.seed)))
    return found


def _word(name: str) -> str:
    """The name as a part of a file's."""
    return "".join(letter if letter.isalnum() else "-" for letter in name.lower())
