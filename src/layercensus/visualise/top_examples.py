"""The examples that an objective responds to most, and what in them it responds to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ..data.batch import Batch, each, tensors
from ..gallery.top_examples import IDS
from .objective import Objective
from .responses import Responses, respond
from .subject import Subject
from .visualisations import TopExample

DRIVERS = 3  # tokens or columns named for each example
WAYS = 4  # random tokens that each token is replaced by in turn


def top_examples_of(
    subject: Subject, responses: Responses, number: int, objective: Objective, count: int
) -> tuple[TopExample, ...]:
    """The examples with the highest responses; by the mean and by the peak over the map where these disagree.

    A peak is where the receptive field lies inside the image, if a map has such positions: at its edge padding answers.
    """
    by_value = responses.top(number, count)
    lists: list[tuple[str, list[int]]] = [("value", by_value)]
    if objective.only_term is not None and responses.position[number].max() >= 0:
        mean, peak = responses.top(number, count, "mean"), responses.top(number, count, "inner")
        lists = [("mean", mean), ("peak", peak)] if set(mean) != set(peak) else [("peak", peak)]
        if objective.local:
            lists.reverse()
    return tuple(
        _top(subject, objective, _Response.of(responses, number, row, by)) for by, rows in lists for row in rows
    )


@dataclass(frozen=True)
class _Response:
    """What an objective says of one example."""

    id: str
    row: int
    by: str
    value: float
    position: int  # of the peak

    @classmethod
    def of(cls, responses: Responses, objective: int, row: int, by: str) -> _Response:
        values = {"value": responses.value, "mean": responses.mean, "peak": responses.inner}[by]
        position = int(responses.inner_position[objective, row])
        return cls(responses.ids[row], row, by, float(values[objective, row]), position)


def _top(subject: Subject, objective: Objective, response: _Response) -> TopExample:
    assert subject.source is not None
    example = _example(subject, response.row)
    if subject.space is not None:
        x = tensors(example.inputs)[0].float().cpu()
        side = (int(x.shape[2]), int(x.shape[3]))
        field = subject.field(objective.layer, side)
        window = field.window(response.position, side) if field is not None else tuple((0, n) for n in side)
        image = subject.space.from_net(x[0]).clamp(0, 1)
        place = "" if response.by == "mean" else subject.token(objective.layer, response.position)
        return TopExample(response.id, response.by, response.value, window, image, place=place)
    if subject.source.kind == "tokens":
        return _sentence(subject, objective, example, response)
    x = tensors(example.inputs)[0]
    is_row = x.ndim == 2 and x.is_floating_point()
    drivers = _columns(subject, objective, example, response.value) if is_row else ()
    return TopExample(response.id, response.by, response.value, drivers=drivers)


def _example(subject: Subject, row: int) -> Batch:
    for batch in subject.batches:
        if row < len(batch.ids):
            return batch.take(torch.tensor([row]))
        row -= len(batch.ids)
    raise IndexError(row)


def _sentence(subject: Subject, objective: Objective, example: Batch, response: _Response) -> TopExample:
    assert subject.source is not None
    tokens = _tokens(example.inputs)
    row = tokens[0].tolist()
    counted = np.ones(len(row), bool)
    if example.mask is not None and example.mask.shape == tokens.shape:
        counted = example.mask[0].cpu().numpy().astype(bool)
    words = tuple(word if inside else "" for word, inside in zip(subject.source.words(row), counted, strict=True))
    positions = [i for i in range(len(row)) if counted[i]]
    others = _other_tokens(subject)
    rng = np.random.default_rng(0)
    changed = tokens.repeat(len(positions) * WAYS, 1)
    for step, i in enumerate(positions):
        for way in range(WAYS):
            changed[step * WAYS + way, i] = int(rng.choice(others[others != row[i]]))
    without = _values(subject, objective, example, changed, response.by).reshape(len(positions), WAYS).mean(1)
    drivers = _most(response.value, without, [words[i] for i in positions])
    return TopExample(response.id, response.by, response.value, words=words, peak=response.position, drivers=drivers)


def _columns(subject: Subject, objective: Objective, example: Batch, response: float) -> tuple[tuple[str, float], ...]:
    """The columns of a row of numbers without which, at the data's mean, most of the response is lost."""
    x = tensors(example.inputs)[0]
    means = torch.cat([tensors(batch.inputs)[0] for batch in subject.batches]).mean(0)
    changed = x.repeat(x.shape[1], 1)
    changed.diagonal().copy_(means)
    without = _values(subject, objective, example, changed, "value")
    return _most(response, without, [f"column {i}" for i in range(x.shape[1])])


def _most(response: float, without: np.ndarray, names: list[str]) -> tuple[tuple[str, float], ...]:
    if response == 0:
        return ()
    lost = (response - without) / abs(response)
    return tuple((names[i], float(lost[i])) for i in np.argsort(-lost, kind="stable")[:DRIVERS] if lost[i] > 0)


def _values(subject: Subject, objective: Objective, example: Batch, changed: Tensor, by: str) -> np.ndarray:
    """What the objective says of an example with another first input, many times."""
    parts = []
    for part in changed.split(32):  # type: ignore[no-untyped-call]
        repeated = example.take(torch.zeros(len(part), dtype=torch.long))
        batch = repeated.with_inputs(_with(repeated.inputs, part))
        responses = respond(subject.net, subject.layers, [objective], [batch])
        parts.append({"value": responses.value, "mean": responses.mean, "peak": responses.peak}[by][0])
    return np.concatenate(parts)


def _tokens(inputs: object) -> Tensor:
    if isinstance(inputs, Mapping):
        ids = next((inputs[name] for name in IDS if name in inputs), None)
        if isinstance(ids, Tensor):
            return ids
    return tensors(inputs)[0]


def _with(inputs: object, new: Tensor) -> object:
    """Inputs with the tokens, or the only tensor, replaced."""
    old = _tokens(inputs)
    return each(inputs, lambda t: new if t is old else t)


def _other_tokens(subject: Subject) -> np.ndarray:
    """The tokens of the data but for those of the model's own making."""
    assert subject.source is not None
    own = subject.source.special | subject.source.structural
    seen = [_tokens(batch.inputs).unique() for batch in subject.batches]  # type: ignore[no-untyped-call]
    tokens = np.array([int(t) for t in torch.cat(seen).unique() if int(t) not in own])  # type: ignore[no-untyped-call]
    return tokens if len(tokens) > 1 else np.array([0, 1])
