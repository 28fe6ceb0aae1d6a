"""Error by number of labels: support vector machines on the net's features, on raw pixels and their like."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.svm import SVC
from torch import Tensor

from .nets import Stack

Rows = NDArray[np.float64]
Kernel = Callable[[NDArray[np.int_], NDArray[np.int_]], Rows]  # how alike these rows are to those
PENALTIES = (0.1, 1.0, 10.0, 100.0, 1000.0)  # of the support vector machine
FOLDS = 4  # of the training labels, to choose the penalty and the form of the features
COMPONENTS = (20, 40, 80, 160)  # of PCA, chosen likewise
SHARPNESS = (
    1.0,
    2.0,
    4.0,
    8.0,
)  # of a radial kernel, over the mean squared distance of two training rows; chosen likewise
PUBLISHED = {1000: 2.62, 2000: 2.13, 3000: 1.91, 5000: 1.59, 60000: 0.82}  # per cent, Lee et al. (2009)


@dataclass(frozen=True)
class Division:
    """Rows of one split. training: shuffled so that every leading part holds the classes equally."""

    training: NDArray[np.int_]
    test: NDArray[np.int_]


def divide(labels: NDArray[np.int_], seed: int, training: int, test: int) -> Division:
    """Divide every class at random: `training` rows of it to learn from, `test` others."""
    rng = np.random.default_rng(seed)
    kept, held_out = [], []
    for number in np.unique(labels):
        rows = rng.permutation(np.flatnonzero(labels == number))
        kept.append(rows[:training])
        held_out.append(rows[training : training + test])
    return Division(np.stack(kept, 1).ravel(), np.concatenate(held_out))


@torch.no_grad()
def features(stack: Stack, images: Tensor, layers: int, learn: NDArray[np.int_], batch: int = 200) -> Rows:
    """The pooling units of the first layers side by side, each layer of the same mean squared length over the rows
    `learn`: (images, all)."""
    parts: list[list[Tensor]] = [[] for _ in range(layers)]
    for part in images.split(batch):  # type: ignore[no-untyped-call]
        for collected, maps in zip(parts, stack.activations(part)[:layers], strict=True):
            collected.append(maps.flatten(1).double().cpu())
    whole = [torch.cat(collected).numpy() for collected in parts]
    return np.concatenate([_scaled(rows, rows[learn]) for rows in whole], 1)


def principal(training: Rows, rows: Rows) -> Rows:
    """`rows` by the principal components of `training`, the largest first: (images, components)."""
    mean = training.mean(0)
    _, _, axes = np.linalg.svd(training - mean, full_matrices=False)
    projected: Rows = (rows - mean) @ axes[: max(COMPONENTS)].T
    return projected


def forms_of(kind: str, rows: Rows, training: NDArray[np.int_]) -> dict[str, Rows]:
    """The forms of one kind of features that the training labels choose from: as they are, or each standardised."""
    subsets = {f"{n} components": rows[:, :n] for n in COMPONENTS} if kind == "pca" else {"": rows}
    forms = {}
    for name, subset in subsets.items():
        deviation = subset[training].std(0)
        forms[f"{name} as it is".strip()] = _scaled(subset, subset[training])
        standard = (subset - subset[training].mean(0)) / np.maximum(deviation, 0.1 * deviation.max())
        forms[f"{name} standardised".strip()] = _scaled(standard, standard[training])
    return forms


def linear(forms: Mapping[str, Rows]) -> dict[str, Kernel]:
    """Inner products, of each form."""

    def kernel(rows: Rows) -> Kernel:
        return lambda some, others: rows[some] @ rows[others].T

    return {name: kernel(rows) for name, rows in forms.items()}


def radial(rows: Rows, training: NDArray[np.int_]) -> dict[str, Kernel]:
    """exp(-sharpness x squared distance / its mean between two training rows), for each sharpness."""
    spread = 2 * float(rows[training].var(0).sum())
    squares = (rows**2).sum(1)

    def kernel(sharpness: float) -> Kernel:
        def alike(some: NDArray[np.int_], others: NDArray[np.int_]) -> Rows:
            apart = squares[some][:, None] + squares[others][None] - 2 * rows[some] @ rows[others].T
            near: Rows = np.exp(-sharpness / spread * np.maximum(apart, 0))
            return near

        return alike

    return {f"sharpness {sharpness:g}": kernel(sharpness) for sharpness in SHARPNESS}


def error(
    kernels: Mapping[str, Kernel], labels: NDArray[np.int_], learn: NDArray[np.int_], test: NDArray[np.int_]
) -> dict[str, float | str]:
    """Share of test rows that are wrong, with the kernel and the penalty that do best on the labels learned from."""
    best = min(
        ((_folded(gram, labels[learn], penalty), name, penalty)
         for name, kernel in kernels.items() for gram in [kernel(learn, learn)] for penalty in PENALTIES),
        key=lambda candidate: candidate[0],
    )  # fmt: skip
    _, name, penalty = best
    kernel = kernels[name]
    machine = SVC(C=penalty, kernel="precomputed").fit(kernel(learn, learn), labels[learn])
    wrong = float((machine.predict(kernel(test, learn)) != labels[test]).mean())
    return {"error": wrong, "form": name, "penalty": penalty}


def _folded(gram: Rows, labels: NDArray[np.int_], penalty: float) -> float:
    """Share of rows that are wrong when each fold is told by the others; the rows' order decides the folds."""
    fold = np.arange(len(labels)) // len(np.unique(labels)) % FOLDS
    wrong = 0
    for number in range(FOLDS):
        learn, test = np.flatnonzero(fold != number), np.flatnonzero(fold == number)
        machine = SVC(C=penalty, kernel="precomputed").fit(gram[np.ix_(learn, learn)], labels[learn])
        wrong += int((machine.predict(gram[np.ix_(test, learn)]) != labels[test]).sum())
    return wrong / len(labels)


def _scaled(rows: Rows, by: Rows) -> Rows:
    scaled: Rows = rows / max(float(np.sqrt((by**2).sum(1).mean())), 1e-12)
    return scaled


def summary(results: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """Mean and standard deviation over the splits."""
    errors = [result["error"] for result in results]
    return {"mean": float(np.mean(errors)), "std": float(np.std(errors, ddof=1)) if len(errors) > 1 else 0.0}
