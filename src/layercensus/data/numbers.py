"""Arrays of any numeric type as tensors that a model can take."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..errors import CensusError

KINDS = {1: "arrays", 2: "signals", 3: "images"}  # by the number of axes of an example


def as_tensor(values: Any) -> Tensor:
    """The values as a dense tensor of real numbers, in native byte order; not copied where that can be helped."""
    if isinstance(values, Tensor):
        if values.layout != torch.strided or values.is_complex() or values.is_quantized:
            raise CensusError(f"data must be a dense tensor of real numbers. Got {values.dtype}, {values.layout}.")
        return values.detach()
    try:
        array = np.asarray(values)
    except ValueError as error:
        raise CensusError("data must be an array of examples of one shape. Got a ragged list.") from error
    if array.dtype.kind not in "fiub":
        raise CensusError(f"data must be numbers. Got an array of {array.dtype}.")
    if array.dtype.kind == "f":
        with np.errstate(over="ignore"):  # reported later as inf, with its example
            array = array.astype(np.float32, copy=False)
    elif array.dtype not in (np.uint8, np.bool_):
        array = array.astype(np.int32 if array.dtype == np.int32 else np.int64, copy=False)
    usable = array.flags.writeable and all(stride >= 0 for stride in array.strides)
    return torch.from_numpy(array if usable else array.copy())


def as_floats(x: Tensor) -> tuple[Tensor, str]:
    """(examples, ...) as a model takes it, and what was done in words.

    Floating-point numbers become float32, bytes of pictures and signals 0..1. Integers in (examples, positions) stay:
    they are tokens.
    """
    if x.is_floating_point():
        return x.float(), "as they are, in float32"
    if x.dtype == torch.uint8 and x.ndim > 2:
        return x.float() / 255, "bytes divided by 255"
    if x.dtype == torch.bool:
        return x.float(), "booleans as 0 and 1"
    if x.dtype in (torch.int32, torch.int64) and x.ndim == 2:
        return x, "integers, read as tokens"
    return x.float(), "integers, in float32"


def one_of_several(x: Tensor) -> Tensor:
    """One tensor of a dict or tuple: floats in float32, bytes of pictures 0..1; ids and masks stay as they are."""
    scaled = x.is_floating_point() or (x.dtype == torch.uint8 and x.ndim > 3)
    return as_floats(x)[0] if scaled else x


def first_not_finite(x: Tensor) -> int | None:
    """The first row of x (examples, ...) that holds NaN or inf, or None."""
    if not x.is_floating_point() or bool(torch.isfinite(x.sum())):
        return None
    bad = (~torch.isfinite(x.reshape(len(x), -1)).all(1)).nonzero()
    return int(bad[0]) if len(bad) else None
