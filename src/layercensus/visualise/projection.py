"""Where examples lie on a map of two dimensions."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import CensusError

PCA, UMAP = "pca", "umap"
EDGE = 1.0  # percent of the examples at each end of an axis that are moved to its end


def projected(x: NDArray[np.float64], way: str = PCA, seed: int = 0) -> tuple[NDArray[np.float64], float | None]:
    """(examples, 2) places, each axis from 0 to 1, and the fraction of the variance that they show (None for UMAP).

    x: (examples, units). way: "pca" or "umap". The signs of principal axes are those in which their largest loading is
    positive. Units are centred and not scaled.

    Raises:
        CensusError: another way, or umap-learn is not installed.
    """
    if way not in (PCA, UMAP):
        raise CensusError(f"map must be {PCA} or {UMAP}. Got {way!r}.")
    places, explained = _pca(x) if way == PCA else (_umap(x, seed), None)
    low, high = np.percentile(places, EDGE, axis=0), np.percentile(places, 100 - EDGE, axis=0)
    return np.clip((places - low) / np.maximum(high - low, 1e-30), 0, 1), explained


def _pca(x: NDArray[np.float64]) -> tuple[NDArray[np.float64], float]:
    centred = x - x.mean(0)
    _, values, axes = np.linalg.svd(centred, full_matrices=False)
    axes = axes[:2]
    signs = np.sign(axes[np.arange(len(axes)), np.abs(axes).argmax(1)])
    places = centred @ (axes * np.where(signs == 0, 1, signs)[:, None]).T
    if places.shape[1] < 2:  # a layer of one unit
        places = np.column_stack([places, np.zeros(len(places))])
    total = float((values**2).sum())
    return places, float((values[:2] ** 2).sum()) / total if total > 0 else 0.0


def _umap(x: NDArray[np.float64], seed: int) -> NDArray[np.float64]:
    try:
        umap: Any = import_module("umap")
    except ImportError as error:
        raise CensusError("The map umap needs umap-learn: pip install umap-learn. Or take the map pca.") from error
    return np.asarray(umap.UMAP(n_components=2, random_state=seed).fit_transform(x), dtype=np.float64)
