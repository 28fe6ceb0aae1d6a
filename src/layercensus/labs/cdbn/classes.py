"""The third experiment: stacks of single classes of objects, and how specific their features are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ...data.handwriting import SIDE
from ...progress import tqdm
from ..record import Folder
from .crbm import Crbm
from .nets import Stack, untrained
from .objects import Objects
from .options import OBJECTS, Options
from .small import batches, pooled
from .specificity import information, responses, specificity
from .trainer import Trainer

ALL = "all classes/"  # no folder is called that


@dataclass(frozen=True)
class Classes:
    """Of one set of objects: a stack for each class and one for all, and what was measured."""

    objects: Objects
    stacks: dict[str, Stack]
    results: dict[str, Any]


def classes(trainer: Trainer, folder: Folder, objects: Objects, options: Options) -> Classes:
    """Train a stack on every class, all on one first layer, and measure them on held-out images of all classes."""
    form, recipe = OBJECTS[0]
    every = torch.cat(objects.training).to(options.device)
    first = trainer.layer(f"{objects.name}-1", form, recipe, options.seed, batches(every, options.batch)).layer
    sets = dict(zip(objects.classes, objects.training, strict=True)) | {ALL: every}
    stacks: dict[str, Stack] = {}
    for name, images in tqdm(sets.items(), desc=objects.name, unit="class", disable=not options.progress):
        file = f"{objects.name}-{len(stacks) + 1}-{_word(name)}"  # names may differ in nothing that a file's can hold
        crbms = _above(trainer, first, file, images.to(options.device), options)
        stacks[name] = trainer.stack(file, crbms, SIDE)
    measured = folder.once(f"classes-{objects.name}", lambda: _measured(objects, stacks, options))
    return Classes(objects, stacks, measured)


def _above(trainer: Trainer, first: Crbm, file: str, images: Tensor, options: Options) -> list[Crbm]:
    layers, inputs = [first], pooled(first, images)
    for number, (form, recipe) in enumerate(OBJECTS[1:], 2):
        title = f"{file}-{number}"
        layer = trainer.layer(title, form, recipe, options.seed + number, batches(inputs, options.batch)).layer
        layers.append(layer)
        inputs = pooled(layer, inputs)
    return layers


def _measured(objects: Objects, stacks: dict[str, Stack], options: Options) -> dict[str, Any]:
    test = torch.cat(objects.test).to(options.device)
    labels = np.repeat(np.arange(len(objects.test)), [len(images) for images in objects.test])
    rows: list[dict[str, Any]] = []
    for number, name in enumerate(objects.classes):
        rows += _rows(stacks[name], test, labels, number, {"class": name}, options)
    return {
        "set": objects.name, "origin": objects.origin, "classes": list(objects.classes),
        "training": [len(images) for images in objects.training], "test": [len(images) for images in objects.test],
        "specificity": rows, "information": _information(stacks[ALL], test, labels, options),
    }  # fmt: skip


def _nets(stack: Stack, options: Options) -> Sequence[tuple[str, Stack]]:
    twin = untrained(stack.forms, options.seed + 50, stack.crbms).to(options.device).eval()
    return (("trained", stack), ("untrained twin", twin))


def _rows(
    stack: Stack, test: Tensor, labels: np.ndarray, number: int, head: dict[str, Any], options: Options
) -> list[dict[str, Any]]:
    of_class, rows = labels == number, []
    for net, which in _nets(stack, options):
        for layer, layer_result in enumerate(specificity(responses(which, test), of_class, labels, options.seed), 1):
            rows.append(head | {"net": net, "layer": layer, "chance": float(of_class.mean())} | asdict(layer_result))
    return rows


def _information(stack: Stack, test: Tensor, labels: np.ndarray, options: Options) -> list[dict[str, Any]]:
    rows = []
    for net, which in _nets(stack, options):
        for layer, units in enumerate(responses(which, test), 1):
            rows.append({"net": net, "layer": layer} | asdict(information(units, labels, options.seed)))
    return rows


def _word(name: str) -> str:
    """The name as a part of a file's."""
    return "".join(letter if letter.isalnum() else "-" for letter in name.lower())
