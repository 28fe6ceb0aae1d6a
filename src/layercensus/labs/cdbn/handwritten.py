"""The second experiment: digits, told apart with few labels, and completed where half of them is hidden."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

from ...data.handwriting import SIDE, digits
from ..record import Folder
from .completion import HALVES, Completed, compare, complete
from .fewlabels import PUBLISHED, Division, divide, error, features, forms_of, principal, summary
from .how import DIGITS, How
from .nets import Stack
from .small import batches, pooled
from .trainer import Bench

USED = 2  # layers whose pooling units are features


@dataclass(frozen=True)
class Handwritten:
    """The first split's stack, its held-out digits, and what was measured."""

    stack: Stack
    images: Tensor  # (images, 1, 28, 28) held out
    labels: Tensor  # (images,)
    results: dict[str, Any]
    completed: dict[str, Completed]  # for the pictures


def handwritten(bench: Bench, folder: Folder, how: How) -> Handwritten:
    """Train a stack for each split, compare its features with pixels, complete halves with the first."""
    images, labels = digits()
    images = images.to(how.device)
    numbers = labels.numpy()
    rows: list[dict[str, Any]] = []
    divisions = [divide(numbers, how.seed + split, how.pool, how.held_out) for split in range(how.splits)]
    for split, division in enumerate(tqdm(divisions, desc="digits", unit="split", disable=not how.progress)):
        stack = _stack(bench, how, images, division, split, USED)
        measure = partial(_split, stack, images, numbers, division, how, split)
        rows += folder.once(f"labels-{split}", measure)
    stack = _stack(bench, how, images, divisions[0], 0, len(DIGITS))
    stack = bench.stack("digits", stack.crbms, SIDE)
    held_out = _mixed(divisions[0].test, how.seed)
    made, compared = _completions(stack, images, divisions[0], held_out[: how.hidden], how)
    results: dict[str, Any] = {"rows": rows, "table": _table(rows, how), "published": PUBLISHED, "completion": compared}
    results["unlabelled"] = len(divisions[0].training)
    return Handwritten(stack, images[held_out], labels[held_out], results, made)


def _stack(bench: Bench, how: How, images: Tensor, division: Division, split: int, layers: int) -> Stack:
    inputs, found = images[torch.from_numpy(division.training)], []
    for number, (form, recipe) in enumerate(DIGITS[:layers]):
        seed = how.seed + 100 * split + number
        layer = bench.layer(f"digits-{split}-{number + 1}", form, recipe, seed, batches(inputs, how.batch)).layer
        found.append(layer)
        inputs = pooled(layer, inputs)
    return Stack(found).eval()


def _split(
    stack: Stack, images: Tensor, labels: np.ndarray, division: Division, how: How, split: int
) -> list[dict[str, Any]]:
    learn, test = np.arange(len(division.training)), len(division.training) + np.arange(len(division.test))
    rows = np.concatenate([division.training, division.test])
    images, labels = images[torch.from_numpy(rows)], labels[rows]
    raw = images.flatten(1).double().cpu().numpy()
    kinds = {"CDBN": features(stack, images, USED, learn), "raw pixels": raw, "PCA": principal(raw[learn], raw)}
    found = []
    for name, values in kinds.items():
        forms = forms_of("pca" if name == "PCA" else name, values, learn)
        for count in how.labels:
            told = error(forms, labels, learn[:count], test)
            found.append({"split": split, "features": name, "labels": count} | told)
    return found


def _table(rows: list[dict[str, Any]], how: How) -> list[dict[str, Any]]:
    names = list(dict.fromkeys(row["features"] for row in rows))
    return [
        {"features": name, "labels": count}
        | summary([row for row in rows if row["features"] == name and row["labels"] == count])
        for name in names for count in how.labels
    ]  # fmt: skip


def _completions(
    stack: Stack, images: Tensor, division: Division, rows: np.ndarray, how: How
) -> tuple[dict[str, Completed], list[dict[str, Any]]]:
    average = images[torch.from_numpy(division.training)].mean(0)
    chosen, made, compared = images[torch.from_numpy(rows)], {}, []
    for half in HALVES:
        made[half] = complete(stack, chosen, half)
        compared.append(asdict(compare(made[half], chosen, average, half, how.seed)))
    return made, compared


def _mixed(rows: np.ndarray, seed: int) -> np.ndarray:
    """Held-out rows in a random order, so that the first of them are of all classes."""
    return np.random.default_rng(seed).permutation(rows)
