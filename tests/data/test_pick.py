"""Picking examples out of batches in memory."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
import torch
from torch import Tensor

import layercensus as lc
from layercensus.data import form
from layercensus.data.labels import Labels
from layercensus.data.objects import open_object

X = torch.arange(24.0).reshape(6, 4)


@pytest.mark.parametrize(
    ("labels", "numbers"),
    [
        (["b", "a", "b", None, "c", "a"], [1, 0, 1, -1, 2, 0]),
        ([3, None, 1, 0, 2, 2], [3, -1, 1, 0, 2, 2]),
        ([0.5, 1.0, 2.0, 0.25, 3.0, float("nan")], [-2, 1, 2, -2, 3, -1]),
        ([[1, 2], 1, 2, 3, 4, 5], [-2] * 6),  # one that is no class, and none is
        (torch.tensor([3, -1, 1, 0, 2, 2]), [3, -1, 1, 0, 2, 2]),
    ],
)
def test_a_picked_example_is_that_of_its_batch(labels: Labels, numbers: list[int]) -> None:
    source = open_object({"inputs": {"x": X, "y": X + 1}, "labels": labels, "ids": list("pqrstu")})
    (whole,) = source.batches(6)
    assert whole.labels is not None
    assert whole.labels.tolist() == numbers
    for rows in ([4], [5, 1], [3, 0, 2]):
        picked = source.pick(["pqrstu"[row] for row in rows])
        assert picked.labels is not None
        assert picked.labels.tolist() == [numbers[row] for row in rows]
        assert torch.equal(picked.inputs["y"], X[rows] + 1)
        assert picked.ids == tuple("pqrstu"[row] for row in rows)


def test_only_the_picked_rows_are_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    source = open_object({"inputs": {"x": X, "y": X}, "labels": [0, 1] * 3})
    seen: list[int] = []
    check = form.first_not_finite

    def counting(x: Tensor) -> Any:
        seen.append(len(x))
        return check(x)

    monkeypatch.setattr(form, "first_not_finite", counting)
    source.pick(["4"])
    assert seen == [1, 1]


@pytest.mark.parametrize("ids", [None, list("pqrstu")])
def test_a_picked_example_that_is_not_finite_is_named(ids: Sequence[str] | None) -> None:
    x = X.clone()
    x[4, 1] = float("nan")
    data = {"inputs": {"x": x}} | ({} if ids is None else {"ids": ids})
    source = open_object([{"inputs": {"x": X}, "ids": list("abcdef")}, data] if ids else [data])
    with pytest.raises(lc.CensusError, match="in example 't'" if ids else "in example '4'"):
        source.pick(["q", "t"] if ids else ["1", "4"])
