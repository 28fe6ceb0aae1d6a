"""The second experiment: digits, told apart with few labels, and completed where half of them is hidden."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ...data.handwriting import SIDE, digits
from ...progress import tqdm
from ..record import Folder
from .completion import HALVES, Completed, compare, complete
from .energy import controls, likelier
from .fewlabels import (
    PUBLISHED,
    Division,
    Kernel,
    divide,
    error,
    features,
    forms_of,
    linear,
    principal,
    radial,
    summary,
)
from .joint import Chain, sample_joint
from .nets import Stack, untrained
from .options import DIGITS, Options
from .small import batches, pooled
from .trainer import Trainer

USED = 2  # layers whose pooling units are features
SAMPLES = 24  # that the model draws by itself
TWIN = 50  # added to the seed for the net whose filters are noise
FEATURES, NOISE, PIXELS = "CDBN", "filters of noise", "raw pixels"


@dataclass(frozen=True)
class Handwritten:
    """The first split's stack, its held-out digits, and what was measured."""

    stack: Stack
    images: Tensor  # (images, 1, 28, 28) held out
    labels: Tensor  # (images,)
    results: dict[str, Any]
    completed: dict[str, Completed]  # for the pictures
    samples: dict[str, Tensor]  # likewise, (SAMPLES, 1, height, width) each: what the model draws by itself


def handwritten(trainer: Trainer, folder: Folder, options: Options) -> Handwritten:
    """Train a stack for each split, compare its features with pixels, complete halves with the first."""
    images, labels = digits()
    images = images.to(options.device)
    numbers = labels.numpy()
    rows: list[dict[str, Any]] = []
    divisions = [
        divide(numbers, options.seed + split, options.pool, options.held_out) for split in range(options.splits)
    ]
    for split, division in enumerate(tqdm(divisions, desc="digits", unit="split", disable=not options.progress)):
        stack = _stack(trainer, options, images, division, split, USED)
        measure = partial(_split, stack, images, numbers, division, options, split)
        rows += folder.once(f"labels-{split}", measure)
    stack = _stack(trainer, options, images, divisions[0], 0, len(DIGITS))
    stack = trainer.stack("digits", stack.crbms, SIDE)
    held_out = _mixed(divisions[0].test, options.seed)
    completed, compared = _completions(stack, images, divisions[0], held_out[: options.hidden], options)
    results: dict[str, Any] = {
        "rows": rows,
        "table": _table(rows, options),
        "published": PUBLISHED,
        "completion": compared,
    }
    results["sweeps"] = options.free
    results["unlabelled"] = len(divisions[0].training)
    shown, training = images[held_out[: options.hidden]], images[torch.from_numpy(divisions[0].training)]
    made = controls(shown, options.seed)
    twin = untrained(stack.forms, options.seed + TWIN, stack.crbms).to(images.device).eval()
    for name, net in (("likelier", stack), ("twin_likelier", twin)):
        results[name] = [asdict(row) for row in likelier(net, shown, training[: options.hidden], made)]
    return Handwritten(stack, images[held_out], labels[held_out], results, completed, _samples(stack, options))


def _samples(stack: Stack, options: Options) -> dict[str, Tensor]:
    """What the model draws when nothing is given, each chain from noise: of the first layer alone, and of all."""
    noise = torch.rand(SAMPLES, 1, SIDE, SIDE, generator=torch.Generator().manual_seed(options.seed))
    noise = noise.to(stack.crbms[0].weight.device)
    nets = {"the first layer alone": Stack(stack.crbms[:1]), "all layers together": stack}
    chain = Chain(options.free, options.free - 1, options.seed)
    return {name: sample_joint(net, noise, chain).last for name, net in nets.items()}


def _stack(trainer: Trainer, options: Options, images: Tensor, division: Division, split: int, layers: int) -> Stack:
    inputs, layers_done = images[torch.from_numpy(division.training)], []
    for number, (form, recipe) in enumerate(DIGITS[:layers]):
        seed = options.seed + 100 * split + number
        layer = trainer.layer(f"digits-{split}-{number + 1}", form, recipe, seed, batches(inputs, options.batch)).layer
        layers_done.append(layer)
        inputs = pooled(layer, inputs)
    return Stack(layers_done).eval()


def _split(
    stack: Stack, images: Tensor, labels: np.ndarray, division: Division, options: Options, split: int
) -> list[dict[str, Any]]:
    learn, test = np.arange(len(division.training)), len(division.training) + np.arange(len(division.test))
    rows = np.concatenate([division.training, division.test])
    images, labels = images[torch.from_numpy(rows)], labels[rows]
    rows_of_split = []
    for name, kernels in _kernels(stack, images, learn, options.seed + split).items():
        for count in options.labels:
            result = error(kernels, labels, learn[:count], test)
            rows_of_split.append({"split": split, "features": name, "labels": count} | result)
    return rows_of_split


def _kernels(stack: Stack, images: Tensor, learn: np.ndarray, seed: int) -> dict[str, dict[str, Kernel]]:
    """What is compared, each with the kernels that its training labels choose from."""
    raw = images.flatten(1).double().cpu().numpy()
    twin = untrained(stack.forms, seed + TWIN, stack.crbms).to(images.device).eval()
    learned, random = (features(net, images, USED, learn) for net in (stack, twin))
    return {
        FEATURES: linear(forms_of("", learned, learn)),
        f"{FEATURES}, RBF": radial(learned, learn),
        NOISE: linear(forms_of("", random, learn)),
        f"{NOISE}, RBF": radial(random, learn),
        PIXELS: linear(forms_of("", raw, learn)),
        f"{PIXELS}, RBF": radial(raw, learn),
        "PCA": linear(forms_of("pca", principal(raw[learn], raw), learn)),
    }


def _table(rows: list[dict[str, Any]], options: Options) -> list[dict[str, Any]]:
    names = list(dict.fromkeys(row["features"] for row in rows))
    return [
        {"features": name, "labels": count}
        | summary([row for row in rows if row["features"] == name and row["labels"] == count])
        for name in names for count in options.labels
    ]  # fmt: skip


def _completions(
    stack: Stack, images: Tensor, division: Division, rows: np.ndarray, options: Options
) -> tuple[dict[str, Completed], list[dict[str, Any]]]:
    average = images[torch.from_numpy(division.training)].mean(0)
    chosen, completed, compared = images[torch.from_numpy(rows)], {}, []
    for half in HALVES:
        completed[half] = complete(stack, chosen, half)
        compared.append(asdict(compare(completed[half], chosen, average, half, options.seed)))
    return completed, compared


def _mixed(rows: np.ndarray, seed: int) -> np.ndarray:
    """Held-out rows in a random order, so that the first of them are of all classes."""
    return np.random.default_rng(seed).permutation(rows)
