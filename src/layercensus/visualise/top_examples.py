"""The examples that an objective responds to most, and what in them it responds to."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor

from ..data.batch import Batch, each, tensors
from ..gallery.top_examples import IDS
from .natural import Natural, respond
from .objectives import Objective
from .subject import Looking
from .visualisations import Top

DRIVERS = 3  # tokens or columns named for each example
WAYS = 4  # random tokens that each token is replaced by in turn


def tops_of(looking: Looking, natural: Natural, number: int, objective: Objective, count: int) -> tuple[Top, ...]:
    """The examples with the highest responses; by the mean and by the peak over the map where these disagree."""
    by_value = natural.top(number, count)
    lists: list[tuple[str, list[int]]] = [("value", by_value)]
    if objective.lone is not None and natural.place[number].max() >= 0:
        mean, peak = natural.top(number, count, "mean"), natural.top(number, count, "peak")
        lists = [("mean", mean), ("peak", peak)] if set(mean) != set(peak) else [("peak", peak)]
        if objective.local:
            lists.reverse()
    return tuple(_top(looking, natural, number, objective, row, by) for by, rows in lists for row in rows)


def _top(looking: Looking, natural: Natural, number: int, objective: Objective, row: int, by: str) -> Top:
    assert looking.source is not None
    values = {"value": natural.value, "mean": natural.mean, "peak": natural.peak}[by]
    response, place, id = float(values[number, row]), int(natural.place[number, row]), natural.ids[row]
    example = _example(looking, row)
    if looking.palette is not None:
        x = tensors(example.inputs)[0].float().cpu()
        side = (int(x.shape[2]), int(x.shape[3]))
        field = looking.field(objective.layer, side)
        window = field.window(place, side) if field is not None else tuple((0, n) for n in side)
        return Top(id, by, response, window, looking.palette.from_net(x[0]).clamp(0, 1))
    if looking.source.kind == "tokens":
        return _spoken(looking, objective, example, id, by, response, place)
    x = tensors(example.inputs)[0]
    drivers = _columns(looking, objective, example, response) if x.ndim == 2 and x.is_floating_point() else ()
    return Top(id, by, response, drivers=drivers)


def _example(looking: Looking, row: int) -> Batch:
    for batch in looking.batches:
        if row < len(batch.ids):
            return batch.take(torch.tensor([row]))
        row -= len(batch.ids)
    raise IndexError(row)


def _spoken(
    looking: Looking, objective: Objective, example: Batch, id: str, by: str, response: float, place: int
) -> Top:
    assert looking.source is not None
    tokens = _tokens(example.inputs)
    row = tokens[0].tolist()
    counted = np.ones(len(row), bool)
    if example.mask is not None and example.mask.shape == tokens.shape:
        counted = example.mask[0].cpu().numpy().astype(bool)
    words = tuple(word if said else "" for word, said in zip(looking.source.words(row), counted, strict=True))
    at = [i for i in range(len(row)) if counted[i]]
    others = _pool(looking)
    random = np.random.default_rng(0)
    changed = tokens.repeat(len(at) * WAYS, 1)
    for step, i in enumerate(at):
        for way in range(WAYS):
            changed[step * WAYS + way, i] = int(random.choice(others[others != row[i]]))
    without = _values(looking, objective, example, changed, by).reshape(len(at), WAYS).mean(1)
    return Top(id, by, response, words=words, peak=place, drivers=_most(response, without, [words[i] for i in at]))


def _columns(looking: Looking, objective: Objective, example: Batch, response: float) -> tuple[tuple[str, float], ...]:
    """The columns of a row of numbers without which, at the data's mean, most of the response is lost."""
    x = tensors(example.inputs)[0]
    means = torch.cat([tensors(batch.inputs)[0] for batch in looking.batches]).mean(0)
    changed = x.repeat(x.shape[1], 1)
    changed.diagonal().copy_(means)
    without = _values(looking, objective, example, changed, "value")
    return _most(response, without, [f"column {i}" for i in range(x.shape[1])])


def _most(response: float, without: np.ndarray, names: list[str]) -> tuple[tuple[str, float], ...]:  # type: ignore[type-arg]
    if response == 0:
        return ()
    lost = (response - without) / abs(response)
    return tuple((names[i], float(lost[i])) for i in np.argsort(-lost, kind="stable")[:DRIVERS] if lost[i] > 0)


def _values(looking: Looking, objective: Objective, example: Batch, changed: Tensor, by: str) -> np.ndarray:  # type: ignore[type-arg]
    """What the objective says of an example with another first input, many times."""
    parts = []
    for some in changed.split(32):  # type: ignore[no-untyped-call]
        repeated = example.take(torch.zeros(len(some), dtype=torch.long))
        batch = repeated.with_inputs(_with(repeated.inputs, some))
        found = respond(looking.net, looking.layers, [objective], [batch])
        parts.append({"value": found.value, "mean": found.mean, "peak": found.peak}[by][0])
    return np.concatenate(parts)


def _tokens(inputs: object) -> Tensor:
    if isinstance(inputs, Mapping):
        named = next((inputs[name] for name in IDS if name in inputs), None)
        if isinstance(named, Tensor):
            return named
    return tensors(inputs)[0]


def _with(inputs: object, new: Tensor) -> object:
    """Inputs with the tokens, or the only tensor, replaced."""
    old = _tokens(inputs)
    return each(inputs, lambda t: new if t is old else t)


def _pool(looking: Looking) -> np.ndarray:  # type: ignore[type-arg]
    """The tokens of the data but for those of the model's own making."""
    assert looking.source is not None
    apart = looking.source.special | looking.source.structural
    seen = [_tokens(batch.inputs).unique() for batch in looking.batches]  # type: ignore[no-untyped-call]
    pool = np.array([int(t) for t in torch.cat(seen).unique() if int(t) not in apart])  # type: ignore[no-untyped-call]
    return pool if len(pool) > 1 else np.array([0, 1])
