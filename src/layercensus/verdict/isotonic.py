"""How well rising, falling, peaking and troughing curves fit: isotonic regression of many rows at once."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]


def fits(y: Values) -> dict[str, Values]:
    """R^2 of the best rising, falling, peaking and troughing curve (isotonic regression; the bend strictly inside).

    y: (..., layers), at least three. Each R^2 is (...,); 0 where nothing varies.

    >>> {shape: round(float(r2), 2) for shape, r2 in fits(np.array([1.0, 2, 4, 3])).items()}
    {'rises': 0.9, 'falls': 0.0, 'peaks': 1.0, 'troughs': 0.8}
    """
    rows = np.ascontiguousarray(y).reshape(-1, y.shape[-1])
    total = ((rows - rows.mean(1, keepdims=True)) ** 2).sum(1)
    up, down, up_back, down_back = np.split(
        _prefix_errors(np.concatenate([rows, -rows, rows[:, ::-1], -rows[:, ::-1]])), 4
    )
    # behind[:, k] is the error of the best curve over rows[:, k:], falling for up_back and rising for down_back
    errors = {"rises": up[:, -1], "falls": down[:, -1]}
    for name, before, behind in (("peaks", up, up_back[:, ::-1]), ("troughs", down, down_back[:, ::-1])):
        errors[name] = (before[:, 1:-1] + behind[:, 2:]).min(1)
    varies = total > 0
    return {
        name: np.where(varies, 1 - error / np.where(varies, total, 1.0), 0.0).reshape(y.shape[:-1])
        for name, error in errors.items()
    }


def _prefix_errors(y: Values) -> Values:
    """Squared error of the best non-decreasing fit to y[:, :k+1], for every k: (rows, layers).

    Adjacent violators are pooled as the layers come, each row with blocks of its own; rows go together, so that the
    steps are as many as the layers and not as the numbers.
    """
    out, every = np.zeros(y.shape), np.arange(len(y))
    blocks = np.zeros((3, *y.shape))  # sum, sum of squares, count
    depth = np.zeros(len(y), dtype=np.int64)  # blocks of each row
    error = np.zeros(len(y))
    for k, values in enumerate(y.T):
        new = np.stack([values, values * values, np.ones(len(y))])
        left = every[depth > 0]  # rows whose last block may have to be pooled with the new one
        while len(left):
            last = blocks[:, left, depth[left] - 1]
            pooled = last[0] * new[2, left] >= new[0, left] * last[2]
            left, last = left[pooled], last[:, pooled]
            error[left] -= _error(last)
            new[:, left] += last
            depth[left] -= 1
            left = left[depth[left] > 0]
        blocks[:, every, depth] = new
        depth += 1
        error += _error(new)
        out[:, k] = np.maximum(error, 0)
    return out


def _error(block: Values) -> Values:
    error: Values = block[1] - block[0] * block[0] / block[2]
    return error
