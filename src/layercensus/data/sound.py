"""Sound as numbers: one channel at the rate that the net takes, all examples equally long."""

from __future__ import annotations

from collections.abc import Mapping
from math import gcd
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..errors import CensusError
from ..models.prepare import Prepare
from .values import opened_file

SECONDS = 5.0  # of each sound, where neither the data nor the net say how many
MOST = 30.0  # seconds that files are read to, however long they are
ENDINGS = (".wav", ".flac", ".ogg", ".oga", ".opus", ".mp3", ".aif", ".aiff", ".au", ".caf", ".w64")


def library() -> Any:
    """The package that reads sound.

    Raises:
        CensusError: it is not installed.
    """
    try:
        import soundfile
    except ModuleNotFoundError as error:
        raise CensusError("Sound needs soundfile: pip install 'layercensus[data]'") from error
    return soundfile


def sounds(root: Path) -> dict[str, Path]:
    """Every file of sound below a folder, by its relative path with forward slashes, sorted."""
    found = {path.relative_to(root).as_posix(): path for path in root.rglob("*") if path.suffix.lower() in ENDINGS}
    return dict(sorted((name, path) for name, path in found.items() if path.is_file() and "/." not in f"/{name}"))


def header(path: Path) -> tuple[int, float]:
    """(samples a second, seconds) of a file, without decoding it."""
    info = library().info(str(path))
    return int(info.samplerate), float(info.frames / info.samplerate)


def sound_of(value: Any) -> tuple[NDArray[np.float32], int]:
    """(samples,) of one channel in -1..1, and how many a second."""
    if isinstance(value, Mapping) and "array" in value:
        samples, rate = np.asarray(value["array"], dtype=np.float32), int(value["sampling_rate"])
    else:
        samples, rate = library().read(opened_file(value), dtype="float32", always_2d=True)
    return (samples.mean(1) if samples.ndim == 2 else samples), rate


def prepared_sound(value: Any, prepare: Prepare, rate: int, seconds: float) -> Tensor:
    """A sound at `rate`, cut or filled with silence to `seconds`, as the net's own extractor prepares it.

    Without one: (1, samples) in -1..1.
    """
    samples, own = sound_of(value)
    samples = _at_rate(samples, own, rate)
    length = max(1, round(seconds * rate))
    samples = np.pad(samples[:length], (0, max(0, length - len(samples))))
    if prepare.sound is not None:
        return prepare.sound(samples)
    return torch.from_numpy(np.ascontiguousarray(samples, dtype=np.float32))[None]


def _at_rate(samples: NDArray[np.float32], own: int, rate: int) -> NDArray[np.float32]:
    if own == rate:
        return samples
    from scipy.signal import resample_poly

    common = gcd(own, rate)
    resampled: NDArray[np.float32] = resample_poly(samples, rate // common, own // common).astype(np.float32)
    return resampled
