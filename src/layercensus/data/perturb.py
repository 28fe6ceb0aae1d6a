"""The default perturbations, each of one kind of example."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from .batch import Batch, Inputs, each, tensors
from .keys import key
from .source import Source

Floats = Any  # NDArray[np.float32], which numpy's own operators do not keep
Random = np.random.Generator
Make = Callable[[Any, Random], Any]
Kinds = frozenset[str]

SHIFT = 1 / 16  # of the side, either way
CONTRAST = 0.2  # in log units, either way
NOISE = 0.1  # of the example's own standard deviation
JITTER = 0.25  # of each feature's standard deviation over the data
REPLACED = 0.15  # of the tokens
MOST_SHIFT, MOST_CONTRAST, MOST_REPLACED = 0.5, 5.0, 1.0  # at any strength
SHIFTED, LOUDER, NOISY = "shift", "contrast", "noise"  # the kinds; of a signal, contrast is its gain
ALL = frozenset({SHIFTED, LOUDER, NOISY})
SAMPLE = 1024  # examples that give the features' standard deviations, or the tokens in use
PORTION = 64


def jitter_of(source: Source, strength: float, kinds: Kinds = ALL) -> tuple[str, Make]:
    """The perturbation of floating-point inputs, by the number of axes of each: in words, and to call.

    kinds: of images and signals, which of them; the others are left out, and the randomness is the same.
    """
    first = tensors(source.first(1).inputs)
    axes = [x.ndim - 1 if x.is_floating_point() else 0 for x in first]
    deviations = _deviations(source, [index for index, n in enumerate(axes) if n == 1])
    words = [_words(n, strength) for n in sorted(set(axes) - {0}, reverse=True)]

    def make(example: Any, random: Random) -> Any:
        indices = iter(range(len(axes)))

        def change(x: Tensor) -> Tensor:
            index = next(indices)
            if axes[index] == 0:
                return x
            perturbed = _perturbed(x.cpu().numpy(), axes[index], strength, deviations.get(index), random, kinds)
            return torch.from_numpy(perturbed).to(x.device)

        return each(example, change)

    return "; ".join(words) or "none: no input is floating-point", make


def _perturbed(
    x: Floats, axes: int, strength: float, deviation: Floats | None, random: Random, kinds: Kinds = ALL
) -> Floats:
    if axes == 3:
        return image(x, strength, random, kinds)
    if axes == 2:
        return signal(x, strength, random, kinds)
    own = deviation if deviation is not None else np.float32(x.std())
    return x + np.float32(JITTER * strength) * own * random.standard_normal(x.shape, dtype=np.float32)


def image(x: Floats, strength: float, random: Random, kinds: Kinds = ALL) -> Floats:
    """A picture (channels, height, width) moved, with another contrast about each channel's mean, and with noise."""
    noise = np.float32(NOISE * strength) * x.std()
    amounts = [amount_of(random, side, strength) for side in (x.shape[-1], x.shape[-2])]
    factor = factor_of(random, strength)
    if SHIFTED in kinds:
        x = shifted(shifted(x, -1, amounts[0]), -2, amounts[1])
    if LOUDER in kinds:
        middle = x.mean((-2, -1), keepdims=True)
        x = middle + (x - middle) * factor
    return _noisy(x, noise, random) if NOISY in kinds else x


def signal(x: Floats, strength: float, random: Random, kinds: Kinds = ALL) -> Floats:
    """A signal (channels, length) moved, louder or quieter, and with noise."""
    noise = np.float32(NOISE * strength) * x.std()
    amount, factor = amount_of(random, x.shape[-1], strength), factor_of(random, strength)
    x = shifted(x, -1, amount) if SHIFTED in kinds else x
    x = x * factor if LOUDER in kinds else x
    return _noisy(x, noise, random) if NOISY in kinds else x


def _noisy(x: Floats, amount: np.float32, random: Random) -> Floats:
    return x + amount * random.standard_normal(x.shape, dtype=np.float32)


def shifted(x: Floats, axis: int, amount: float) -> Floats:
    """x moved along an axis by a fractional amount, linear between whole steps, its edge repeated."""
    side = x.shape[axis]
    whole = int(np.floor(amount))
    fraction = np.float32(amount - whole)
    near = np.arange(side) - whole
    base = x.take(near.clip(0, side - 1), axis)
    if fraction == 0:
        return base
    return base + fraction * (x.take((near - 1).clip(0, side - 1), axis) - base)


def amount_of(random: Random, side: int, strength: float) -> float:
    """By how many steps a side moves."""
    return float(random.uniform(-1, 1) * min(SHIFT * strength, MOST_SHIFT) * side)


def factor_of(random: Random, strength: float) -> np.float32:
    """By how much the contrast, or the gain, is multiplied."""
    most = min(CONTRAST * strength, MOST_CONTRAST)
    return np.float32(np.exp(random.uniform(-most, most)))


def _words(axes: int, strength: float) -> str:
    shift, most = min(SHIFT * strength, MOST_SHIFT), min(CONTRAST * strength, MOST_CONTRAST)
    factor = f"x {np.exp(-most):.3g} to {np.exp(most):.3g}"
    if axes == 3:
        noise = f"pixel noise of {NOISE * strength:.4g} of the image's standard deviation"
        return f"shift by up to {shift:.4g} of each side, contrast {factor}, {noise}"
    if axes == 2:
        noise = f"noise of {NOISE * strength:.4g} of the signal's standard deviation"
        return f"shift by up to {shift:.4g} of the length, gain {factor}, {noise}"
    whose = "each feature's standard deviation over the data" if axes == 1 else "the example's own standard deviation"
    return f"Gaussian jitter of {JITTER * strength:.4g} of {whose}"


def _deviations(source: Source, indices: Sequence[int]) -> dict[int, Floats]:
    """(features,) standard deviation over the sample, by the index of the tensor among the inputs; constants have 0."""
    if not indices:
        return {}
    values: dict[int, list[Floats]] = {index: [] for index in indices}
    for batch in _sample(source):
        inputs = tensors(batch.inputs)
        for index in indices:
            values[index].append(inputs[index].cpu().numpy())
    return {index: _deviation(np.concatenate(rows)) for index, rows in values.items()}


def _deviation(x: Floats) -> Floats:
    deviation = x.std(0, dtype=np.float64)
    deviation[x.max(0) == x.min(0)] = 0  # else rounding would move what never moves
    return deviation.astype(np.float32)


def _sample(source: Source) -> Iterator[Batch]:
    """The examples with the smallest keys, or the first ones where ids are not known before reading."""
    if source.ids is None:
        yield from source.peek(SAMPLE)
        return
    ids = sorted(source.ids, key=key)[:SAMPLE]
    for start in range(0, len(ids), PORTION):
        yield source.pick(ids[start : start + PORTION])


def replacement_of(source: Source, strength: float) -> tuple[str, Make]:
    """The perturbation of tokens: in words, and to call.

    Padding and the tokens put around a text stay. Replacements are any tokens of the vocabulary where the source knows
    it, but for special ones, else any that occur in a sample of the data.
    """
    usual, named = _replacements(source)
    fraction = min(REPLACED * strength, MOST_REPLACED)
    structural = np.array(sorted(source.structural), dtype=np.int64)

    def make(example: Any, random: Random) -> Any:
        tokens = tokens_of(example)
        old = tokens.cpu().numpy()
        free = ~np.isin(old, structural)
        if isinstance(example, dict) and "attention_mask" in example:
            free &= example["attention_mask"].cpu().numpy() != 0
        positions = np.flatnonzero(free)
        positions = positions[random.random(len(positions)) < fraction]
        new = old.copy()
        new.reshape(-1)[positions] = usual[random.integers(len(usual), size=len(positions))]
        replaced = torch.from_numpy(new).to(tokens.device)
        if isinstance(example, dict):
            return example | {_token_name(example): replaced}
        return (replaced, *example[1:]) if isinstance(example, tuple) else replaced

    return f"{fraction:.4g} of the tokens replaced by random ones {named}", make


def _replacements(source: Source) -> tuple[NDArray[np.int64], str]:
    if source.vocabulary is not None:
        usual = np.array([i for i in range(source.vocabulary) if i not in source.special], dtype=np.int64)
        return (usual if len(usual) else np.arange(source.vocabulary)), "of the vocabulary"
    batches = [np.unique(tokens_of(batch.inputs).cpu().numpy()) for batch in _sample(source)]
    return np.unique(np.concatenate(batches)).astype(np.int64), "that occur in the data"


def tokens_of(inputs: Inputs) -> Tensor:
    """The tensor with token ids: "input_ids" of a dict, or the first tensor."""
    if isinstance(inputs, dict):
        return inputs[_token_name(inputs)]  # type: ignore[no-any-return]
    return tensors(inputs)[0]


def _token_name(inputs: dict[str, Any]) -> str:
    return "input_ids" if "input_ids" in inputs else next(name for name, x in inputs.items() if isinstance(x, Tensor))
