"""The same example shown a second time, perturbed: what comes back is signal."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..errors import CensusError
from .batch import Batch, each, tensors
from .keys import key
from .source import Source

Example = Any  # a tensor without the axis of examples, or a dict or tuple of such

SHIFT = 1 / 16  # of the side
CONTRAST = 0.2  # in log units
NOISE = 0.1  # of the example's own spread
JITTER = 0.25  # of each feature's spread over the data
REPLACED = 0.15  # of the tokens
SPREAD_FROM = 1024  # examples from which the features' spread is taken


@dataclass(frozen=True)
class Views:
    """How an example is perturbed. make(example, random) gives it perturbed, in the same shape; example has no batch axis."""

    name: str  # in words, with amounts
    make: Callable[[Example, np.random.Generator], Example]


def open_views(views: Views | float | Callable[..., Any] | None, source: Source) -> Views:
    """The views that the user asked for: the default of the data's kind, that at another strength, or their own."""
    if isinstance(views, Views):
        return views
    if views is None or isinstance(views, (int, float)):
        return default_views(source, 1.0 if views is None else float(views))
    if callable(views):
        return Views(f"the user's {getattr(views, '__qualname__', type(views).__name__)}", views)
    raise CensusError(f"views must be None, a strength, a function or Views. Got {type(views).__name__}.")


def default_views(source: Source, strength: float = 1.0) -> Views:
    """The perturbation of the data's kind, its amounts multiplied by `strength`."""
    if not 0 < strength < 100:
        raise CensusError(f"The strength of the views must be positive and below 100. Got {strength}.")
    return {"images": _images, "signals": _signals, "tokens": _tokens}.get(source.kind, _arrays)(source, strength)


def make_view(views: Views, batch: Batch, seed: int, view: int) -> Batch:
    """The batch seen once more; each example's randomness comes from the seed, its id and the number of the view."""
    made = []
    for row, id in enumerate(batch.ids):
        example = each(batch.inputs, lambda t, row=row: t[row])  # type: ignore[misc]
        random = np.random.Generator(np.random.SFC64([seed, view, key(id) & (2**64 - 1)]))
        made.append(_checked(views, views.make(example, random), example, id))
    return batch.with_inputs(_stacked(made))


def _checked(views: Views, new: Example, old: Example, id: str) -> Example:
    for a, b in zip(tensors(new), tensors(old), strict=False):
        if a.shape != b.shape:
            raise CensusError(f"Views must keep an example's shape {tuple(b.shape)}. Got {tuple(a.shape)} for example {id!r} from {views.name}.")  # fmt: skip
        if a.is_floating_point() and not bool(torch.isfinite(a).all()):
            raise CensusError(f"Views must be finite. Got NaN or inf for example {id!r} from {views.name}.")
    if len(tensors(new)) != len(tensors(old)):
        raise CensusError(f"Views must return the example in its own form. Got {type(new).__name__} for example {id!r}.")
    return new


def _stacked(examples: Sequence[Example]) -> Any:
    first = examples[0]
    if isinstance(first, Tensor):
        return torch.stack(list(examples))
    if isinstance(first, dict):
        return {name: _stacked([e[name] for e in examples]) for name in first}
    if isinstance(first, (tuple, list)):
        return tuple(_stacked([e[i] for e in examples]) for i in range(len(first)))
    return first


def _gaussian(random: np.random.Generator, shape: Sequence[int]) -> Tensor:
    return torch.from_numpy(random.standard_normal(tuple(shape), dtype=np.float32))


def _images(source: Source, strength: float) -> Views:
    def make(x: Tensor, random: np.random.Generator) -> Tensor:
        x = shifted(shifted(x, -1, _amount(random, x.shape[-1], strength)), -2, _amount(random, x.shape[-2], strength))
        middle = x.mean((-2, -1), keepdim=True)
        x = middle + (x - middle) * float(np.exp(random.uniform(-CONTRAST, CONTRAST) * strength))
        return x + NOISE * strength * x.std() * _gaussian(random, x.shape)

    low, high = np.exp(-CONTRAST * strength), np.exp(CONTRAST * strength)
    return Views(
        f"shift by up to {SHIFT * strength:.1%} of the side, contrast x {low:.2f} to {high:.2f}, "
        f"pixel noise of {NOISE * strength:.0%} of the image's spread",
        make,
    )


def _signals(source: Source, strength: float) -> Views:
    def make(x: Tensor, random: np.random.Generator) -> Tensor:
        x = shifted(x, -1, _amount(random, x.shape[-1], strength))
        x = x * float(np.exp(random.uniform(-CONTRAST, CONTRAST) * strength))
        return x + NOISE * strength * x.std() * _gaussian(random, x.shape)

    return Views(
        f"shift by up to {SHIFT * strength:.1%} of the length, gain x {np.exp(-CONTRAST * strength):.2f} to "
        f"{np.exp(CONTRAST * strength):.2f}, noise of {NOISE * strength:.0%} of the signal's spread",
        make,
    )


def _amount(random: np.random.Generator, side: int, strength: float) -> float:
    return float(random.uniform(-1, 1) * min(SHIFT * strength, 0.5) * side)


def shifted(x: Tensor, axis: int, amount: float) -> Tensor:
    """x moved along an axis by a fractional amount, linear between whole steps, its edge repeated."""
    side = x.shape[axis]
    whole = int(np.floor(amount))
    share = amount - whole
    place = torch.arange(side) - whole
    near = x.index_select(axis, place.clamp(0, side - 1))
    far = x.index_select(axis, (place - 1).clamp(0, side - 1))
    return torch.lerp(near, far, share)


def _arrays(source: Source, strength: float) -> Views:
    spread = _spread(source)

    def make(x: Example, random: np.random.Generator) -> Example:
        if not isinstance(x, Tensor) or not x.is_floating_point():
            return each(x, lambda t: _own(t, random, strength))
        if spread is None or spread.shape != x.shape:
            return _own(x, random, strength)
        return x + JITTER * strength * spread * _gaussian(random, x.shape)

    return Views(f"jitter of {JITTER * strength:.0%} of each feature's spread", make)


def _own(x: Tensor, random: np.random.Generator, strength: float) -> Tensor:
    if not x.is_floating_point() or x.numel() < 2:
        return x
    return x + JITTER * strength * x.std() * _gaussian(random, x.shape)


def _spread(source: Source) -> Tensor | None:
    """(features,) standard deviation of each feature, over the examples with the smallest keys where these are known."""
    seen: list[Tensor] = []
    for batch in _sample(source):
        if not isinstance(batch.inputs, Tensor) or not batch.inputs.is_floating_point():
            return None
        seen.append(batch.inputs.double())
        if sum(map(len, seen)) >= SPREAD_FROM:
            break
    x = torch.cat(seen)[:SPREAD_FROM] if seen else None
    return None if x is None or len(x) < 2 else x.std(0).float()


def _sample(source: Source) -> Iterator[Batch]:
    if source.ids is None:
        yield from source.batches(128)
        return
    yield source.pick(sorted(source.ids, key=key)[:SPREAD_FROM])


def _tokens(source: Source, strength: float) -> Views:
    special: frozenset[int] = getattr(source, "special", frozenset())
    vocabulary: int | None = getattr(source, "vocabulary", None)
    if vocabulary is None:
        vocabulary = 1 + max((int(t.max()) for batch in _some(source) for t in _ids(batch.inputs)), default=1)
    usual = np.array([i for i in range(vocabulary) if i not in special], dtype=np.int64)
    share = min(REPLACED * strength, 0.95)

    def make(x: Example, random: np.random.Generator) -> Example:
        tokens = x["input_ids"] if isinstance(x, dict) else x
        kept = torch.isin(tokens, torch.tensor(sorted(special), dtype=tokens.dtype))
        if isinstance(x, dict) and "attention_mask" in x:
            kept = kept | (x["attention_mask"] == 0)
        n = int((~kept).sum())
        hit = torch.zeros_like(kept)
        hit[~kept] = torch.from_numpy(random.random(n) < share)
        new = tokens.clone()
        new[hit] = torch.from_numpy(random.choice(usual, int(hit.sum()))).to(tokens.dtype)
        return {**x, "input_ids": new} if isinstance(x, dict) else new

    return Views(f"{share:.0%} of the tokens replaced by random ones", make)


def _some(source: Source) -> Iterator[Batch]:
    for number, batch in enumerate(source.batches(128)):
        yield batch
        if number >= 7:
            return


def _ids(inputs: Any) -> list[Tensor]:
    return [inputs["input_ids"]] if isinstance(inputs, dict) and "input_ids" in inputs else tensors(inputs)[:1]
