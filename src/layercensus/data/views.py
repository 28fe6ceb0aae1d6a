"""The same example shown a second time, perturbed: what is reproducible is signal."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache, partial
from numbers import Real
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..errors import CensusError
from .batch import Batch, Inputs, copied, each, stacked, tensors, together
from .keys import seed_of
from .perturb import ALL, Kinds, Random, jitter_of, replacement_of
from .perturb_many import Mapped, perturbed_many
from .reading import one_line
from .source import Source
from .user_code import user_code

Example = Any  # a tensor without the axis of examples, or a dict or tuple of such
Make = Callable[[Example, np.random.Generator], Example]
Many = Callable[..., Tensor]  # as `perturb_many.perturbed_many`, at its strength

MOST_THREADS = 16
ONE_BY_ONE = ("cpu",)  # where numpy's way with a single example is the faster one
AT_ONCE = 2**24  # numbers that are perturbed at once on a device
LARGE = 2**20  # numbers of a batch for each thread, about 10 ms


@dataclass(frozen=True)
class Views:
    """How an example is perturbed: make(example, random) gives it so, in its own shape, without an axis of examples.

    >>> noise = Views("noise of .1", lambda example, random: example + 0.1 * random.standard_normal(example.shape))
    >>> noise.make(np.zeros(3), np.random.default_rng(0)).shape
    (3,)
    """

    name: str  # in words, with amounts
    make: Make
    threads: bool = False  # whether several examples may be perturbed at a time
    many: Many | None = None  # the same for float32 images and signals, many at a time where the net lies


def open_views(views: Views | float | Make | None, source: Source) -> Views:
    """The views that the user asked for: the default of the data's kind, that at another strength, or their own."""
    if isinstance(views, Views):
        return Views(views.name, _as_called(views.make), views.threads, views.many)
    if views is None:
        return default_views(source)
    if isinstance(views, Real) and not isinstance(views, bool):
        return default_views(source, float(views))
    if callable(views):
        return Views(f"the user's {getattr(views, '__qualname__', type(views).__name__)}", _as_called(views))
    raise CensusError(f"views must be None, a strength, a function or Views. Got {type(views).__name__}.")


def _as_called(make: Make) -> Make:
    def called(example: Example, random: np.random.Generator) -> Example:
        with user_code():
            return make(example, random)

    return called


def default_views(source: Source, strength: float = 1.0) -> Views:
    """The perturbation of the data's kind, its amounts multiplied by `strength`.

    Images move by up to 1/16 of each side, change their contrast and get pixel noise; signals move, change their gain
    and get noise; features get a jitter in units of their standard deviation; tokens are replaced at random.
    """
    if not (np.isfinite(strength) and strength > 0):
        raise CensusError(f"The strength of the views must be a positive number. Got {strength}.")
    if source.kind == "tokens":
        return Views(*replacement_of(source, strength), threads=True)
    return jittered(source, strength)


def jittered(source: Source, strength: float, kinds: Kinds = ALL) -> Views:
    """The perturbation of floating-point inputs; of images and signals these kinds of it alone."""
    many = partial(perturbed_many, strength=strength, kinds=kinds)
    return Views(*jitter_of(source, strength, kinds), threads=True, many=many)


def make_view(views: Views, batch: Batch, seed: int, view: int, *, device: torch.device | None = None) -> Batch:
    """A perturbed view of the batch; an example's randomness comes from the seed, its id and the view's number alone.

    device: where the net lies. On a GPU images and signals are perturbed there, a batch at a time; elsewhere, and of
    any other kind, one by one.

    Raises:
        CensusError: when the views fail, or give another shape, or NaN or inf; it names the example.
    """
    mapped = _mapped(batch) if views.threads else map
    there = device is not None and device.type not in ONE_BY_ONE and _is_many(batch.inputs)
    if there and views.many is not None:
        return batch.with_inputs(_many(views.many, batch.with_inputs(batch.inputs.to(device)), seed, view, mapped))

    def one(row: int) -> Example:
        id = batch.ids[row]
        return _one(views, _row(batch.inputs, row), _random(seed, id, view), id)

    perturbed = list(mapped(one, range(len(batch.ids))))
    return batch.with_inputs(together(perturbed, stacked)) if perturbed else batch


def _random(seed: int, id: str, view: int) -> Random:
    return np.random.Generator(np.random.SFC64(seed_of(seed, id, view)))


def _is_many(inputs: Inputs) -> bool:
    """Whether they are images or signals and nothing else, in float32."""
    return isinstance(inputs, Tensor) and inputs.dtype == torch.float32 and inputs.ndim in (3, 4) and len(inputs) > 0


def _many(many: Many, batch: Batch, seed: int, view: int, mapped: Mapped) -> Tensor:
    """The batch's images or signals perturbed where they lie, some at a time."""
    randoms, parts = [_random(seed, id, view) for id in batch.ids], list[Tensor]()
    step = max(1, AT_ONCE // max(1, batch.inputs[0].numel()))
    for at in range(0, len(batch.ids), step):
        parts.append(many(batch.inputs[at : at + step], randoms[at : at + step], mapped=mapped))
    out = torch.cat(parts)
    finite = out.flatten(1).isfinite().all(1)
    if not bool(finite.all()):
        id = batch.ids[int((~finite).nonzero()[0])]
        raise CensusError(f"Views must be finite. Got NaN or inf for example {id!r}.")
    return out


def _mapped(batch: Batch) -> Callable[..., Iterable[Example]]:
    """As `map`, over the cores where examples are large: numpy lets others run while it works."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    size = sum(x.numel() for x in tensors(batch.inputs))
    threads = min(cores, MOST_THREADS, size // LARGE)
    return _pool(threads).map if threads > 1 else map


@lru_cache(maxsize=MOST_THREADS)
def _pool(threads: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(threads, "views")


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_pool.cache_clear)  # a forked process has the pool, but none of its threads


def _row(inputs: Inputs, row: int) -> Example:
    """One example, as a copy that may be written to."""
    return each(inputs, lambda t: copied(t[row]))


def _one(views: Views, example: Example, random: np.random.Generator, id: str) -> Example:
    expected = each(example, torch.empty_like)
    try:
        perturbed = views.make(example, random)
    except CensusError:
        raise
    except Exception as error:
        raise CensusError(
            f"Views must take every example. Got {type(error).__name__} for example {id!r}: {one_line(error)}."
        ) from error
    return _as(expected, perturbed, id)


def _as(expected: Example, perturbed: Any, id: str) -> Example:
    """What the views perturbed, in the form, precision and device of the example."""
    if isinstance(expected, Tensor):
        return _tensor_as(expected, perturbed, id)
    if isinstance(expected, dict):
        if not isinstance(perturbed, dict) or perturbed.keys() != expected.keys():
            raise CensusError(
                f"Views must return a dict with {', '.join(expected)}. Got another form for example {id!r}."
            )
        return {name: _as(value, perturbed[name], id) for name, value in expected.items()}
    if not isinstance(perturbed, (tuple, list)) or len(perturbed) != len(expected):
        raise CensusError(f"Views must return a tuple of {len(expected)}. Got another form for example {id!r}.")
    return tuple(_as(part, other, id) for part, other in zip(expected, perturbed, strict=True))


def _tensor_as(expected: Tensor, perturbed: Any, id: str) -> Tensor:
    if not isinstance(perturbed, (Tensor, np.ndarray)):
        raise CensusError(
            f"Views must return the perturbed example. Got {type(perturbed).__name__} for example {id!r}."
        )
    new = torch.as_tensor(perturbed).detach().to(expected.device, expected.dtype)
    if new.shape != expected.shape:
        raise CensusError(
            f"Views must keep the shape {tuple(expected.shape)}. Got {tuple(new.shape)} for example {id!r}."
        )
    if new.is_floating_point() and not np.isfinite(new.float().cpu().numpy()).all():
        raise CensusError(f"Views must be finite. Got NaN or inf for example {id!r}.")
    return new
