"""How well a filter is described by a Gabor function: a plane wave under a Gaussian."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import least_squares

STARTS = 2  # peaks of the filter's spectrum that the fit begins from
PHASES = (0.0, np.pi / 2, np.pi, -np.pi / 2)
REFINED = 3  # of them, the nearest, that are improved
MOST = 300  # evaluations for each
ENOUGH = 0.6  # R^2 from which a filter counts as a Gabor function


@dataclass(frozen=True)
class Gabor:
    """The best fit. r2: 1 - squared error / squared deviation of the filter from its mean."""

    r2: float
    row: float  # centre, pixels
    column: float
    orientation: float  # of the wave's direction, radians, 0 = along the rows' axis
    frequency: float  # cycles per pixel
    along: float  # standard deviation of the Gaussian along the wave, pixels
    across: float  # at right angles to it
    phase: float
    amplitude: float


FLAT = 1e-9  # variance, of the largest value squared, below which a filter shows nothing


def is_edge(gabor: Gabor, side: int) -> bool:
    """Whether the fit is a localised oriented edge or bar of a filter (side, side).

    It explains enough; its centre lies in the filter; its Gaussian is narrower than half a side one way at least; and
    there it swings through a sixth of a period or more, or is twice as long as wide, so that it has an orientation.
    """
    narrow, wide = sorted((gabor.along, gabor.across))
    inside = all(-0.5 <= centre <= side - 0.5 for centre in (gabor.row, gabor.column))
    oriented = gabor.frequency * gabor.along > 1 / 6 or wide > 2 * narrow
    return gabor.r2 >= ENOUGH and inside and narrow < side / 2 and oriented


def fit(filter: NDArray[np.floating]) -> Gabor:
    """The Gabor function nearest to a square filter (side, side) by least squares, from several first guesses.

    Its centre stays within a pixel of the filter, its Gaussian between half a pixel and twice the filter's side, its
    wave below 0.6 cycles per pixel.
    """
    filter = np.asarray(filter, dtype=float)
    side = len(filter)
    scale = float(np.abs(filter).max()) or 1.0
    target = filter / scale
    rows, columns = np.mgrid[:side, :side].astype(float)

    def off(free: NDArray[np.floating]) -> NDArray[np.floating]:
        wrong: NDArray[np.floating] = (_gabor(_bound(free, side), rows, columns) - target).ravel()
        return wrong

    likely = sorted(_starts(target), key=lambda start: float((off(np.array(start)) ** 2).sum()))[:REFINED]
    fits = [least_squares(off, start, method="lm", max_nfev=MOST) for start in likely]
    best = min(fits, key=lambda one: float(one.cost))
    total = float(((target - target.mean()) ** 2).sum())
    row, column, orientation, frequency, along, across, phase, amplitude = map(float, _bound(best.x, side))
    r2 = 1 - 2 * float(best.cost) / total if total > FLAT * target.size else 0.0
    return Gabor(r2, row, column, orientation % np.pi, frequency, along, across, phase, amplitude * scale)


def _bound(free: NDArray[np.floating], side: int) -> NDArray[np.floating]:
    """Free parameters brought into their ranges; the ranges' middle is reached at 0."""
    row, column, orientation, frequency, along, across, phase, amplitude = free
    middle, reach = (side - 1) / 2, (side + 1) / 2
    return np.array([
        middle + reach * np.tanh(row), middle + reach * np.tanh(column), orientation, 0.3 + 0.3 * np.tanh(frequency),
        side + 0.5 + side * np.tanh(along), side + 0.5 + side * np.tanh(across), phase, amplitude,
    ])  # fmt: skip


def _free(centre: tuple[float, float], orientation: float, frequency: float, phase: float, side: int) -> list[float]:
    """The free parameters of a first guess."""
    middle, reach = (side - 1) / 2, (side + 1) / 2
    row, column = (float(np.arctanh(np.clip((position - middle) / reach, -0.95, 0.95))) for position in centre)
    wave = float(np.arctanh(np.clip(frequency / 0.3 - 1, -0.95, 0.95)))
    along, across = (float(np.arctanh((width - side - 0.5) / side)) for width in (0.2 * side, 0.25 * side))
    return [row, column, orientation, wave, along, across, phase, 0.8]


def _gabor(p: NDArray[np.floating], rows: NDArray[np.floating], columns: NDArray[np.floating]) -> NDArray[np.floating]:
    row, column, orientation, frequency, along, across, phase, amplitude = p
    u = (rows - row) * np.cos(orientation) + (columns - column) * np.sin(orientation)
    w = -(rows - row) * np.sin(orientation) + (columns - column) * np.cos(orientation)
    envelope = np.exp(-(u**2) / (2 * along**2) - w**2 / (2 * across**2))
    values: NDArray[np.floating] = amplitude * envelope * np.cos(2 * np.pi * frequency * u + phase)
    return values


def _starts(target: NDArray[np.floating]) -> list[list[float]]:
    side = len(target)
    power = target**2 + 1e-12
    rows, columns = np.mgrid[:side, :side]
    centre = (float((power * rows).sum() / power.sum()), float((power * columns).sum() / power.sum()))
    padded = 4 * side
    spectrum = np.abs(np.fft.fft2(target, (padded, padded)))[:, : padded // 2 + 1]
    starts = []
    for peak in _peaks(spectrum):
        down, right = float(np.fft.fftfreq(padded)[peak[0]]), peak[1] / padded
        frequency, orientation = float(np.hypot(down, right)), float(np.arctan2(right, down))
        starts += [_free(centre, orientation, frequency, phase, side) for phase in PHASES]
    return starts


def _peaks(spectrum: NDArray[np.floating]) -> list[tuple[int, int]]:
    remaining, peaks = spectrum.copy(), []
    for _ in range(STARTS):
        row, column = np.unravel_index(int(remaining.argmax()), remaining.shape)
        peaks.append((int(row), int(column)))
        near = (
            np.abs(
                (np.arange(remaining.shape[0]) - row + remaining.shape[0] // 2) % remaining.shape[0]
                - remaining.shape[0] // 2
            )
            <= 3
        )
        remaining[np.ix_(near, np.abs(np.arange(remaining.shape[1]) - column) <= 3)] = 0
    return peaks
