"""Is the fuzzer's own truth true? Nets by hand with numbers by hand, and random nets in one batch beside one by one."""

from __future__ import annotations

import warnings
from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn

from .check import ROWS
from .grammar.net import Random, random_net
from .layout import BATCH, Factor, Layout, by_unit, places, readings, units, with_units
from .reference import Recorder, build, data_of, reference

HAND = """
import torch
from torch import nn
from torch.nn import functional as F


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.lin = nn.Linear(2, 2, bias=False)
        self.lin.weight.data = torch.tensor([[1.0, 0.0], [0.0, -1.0]])

    def forward(self, x):
{body}
"""
X = torch.tensor([[[1.0, 2.0], [3.0, -4.0]], [[-1.0, -2.0], [5.0, 6.0]], [[0.5, 0.0], [-2.5, 1.0]]])  # (3, time, 2)


def by_hand(body: str, layouts: list[Layout]) -> Random:
    source = HAND.format(body="\n".join("        " + line for line in body.strip().split("\n")))
    return replace(random_net(0), taped=source, layouts=tuple((layout, False) for layout in layouts), examples=3,
                   operations=(), double=False)  # fmt: skip


def rows(random: Random, name: str, what: str = "mean") -> dict[int, list[float]]:
    layer = reference(random, {"x": X}).layers[name]
    return {
        row: [round(v, 6) for v in values.tolist()] for row, values in getattr(layer.readings["units"], what).items()
    }


SEQUENCE: Layout = ((BATCH,), places(2), units(2))


def test_means_and_peaks_over_time() -> None:
    body = 'h = self.lin(x)\ntape(self, "lin", None, 0)\nh = F.relu(h)\ntape(self, "relu", h, 0)\nreturn h'
    random = by_hand(body, [SEQUENCE])
    assert rows(random, "lin") == {0: [2, 1], 1: [2, -2], 2: [-1, -0.5]}
    assert rows(random, "relu") == {0: [2, 2], 1: [2.5, 1], 2: [0.25, 0]}
    assert rows(random, "relu", "peak") == {0: [3, 4], 1: [5, 2], 2: [0.5, 0]}


def test_in_place_after_a_layer_does_not_change_what_it_gave() -> None:
    body = 'h = self.lin(x)\ntape(self, "lin", None, 0)\nh.relu_()\nreturn h'
    assert rows(by_hand(body, [SEQUENCE]), "lin") == {0: [2, 1], 1: [2, -2], 2: [-1, -0.5]}


def test_an_example_that_does_not_reach_a_layer_has_no_row() -> None:
    body = 'if x[0, 0, 0] > 0:\n    x = self.lin(x)\n    tape(self, "lin", None, 0)\nreturn x'
    assert rows(by_hand(body, [SEQUENCE]), "lin") == {0: [2, 1], 2: [-1, -0.5]}
    empty = 'x = self.lin(x[x[:, 0, 0] > 0])\ntape(self, "lin", None, 0)\nreturn x'
    assert rows(by_hand(empty, [SEQUENCE]), "lin") == {0: [2, 1], 2: [-1, -0.5]}


def test_second_calls_have_names_of_their_own() -> None:
    body = 'for _ in range(2):\n    x = self.lin(x)\n    tape(self, "lin", None, 0)\nreturn x'
    random = by_hand(body, [SEQUENCE])
    assert rows(random, "lin@1") == {0: [2, -1], 1: [2, 2], 2: [-1, 0.5]}
    assert rows(random, "lin") == {0: [2, 1], 1: [2, -2], 2: [-1, -0.5]}


@pytest.mark.parametrize(
    ("layout", "shape", "expected"),
    [
        (((BATCH,), units(2), places(3)), (1, 2, 3), [[0, 1, 2], [3, 4, 5]]),
        ((places(3), (BATCH,), units(2)), (3, 1, 2), [[0, 2, 4], [1, 3, 5]]),
        (((BATCH, Factor("S", 3)), units(2)), (3, 2), [[0, 2, 4], [1, 3, 5]]),
        (((BATCH, Factor("S")), units(2)), (3, 2), [[0, 2, 4], [1, 3, 5]]),
        (((BATCH,), units(2), places(1), units(3)), (1, 2, 1, 3), [[0], [1], [2], [3], [4], [5]]),
        (((BATCH,), (Factor("C", 2), Factor("S", 3))), (1, 6), [[0], [1], [2], [3], [4], [5]]),
        (((BATCH,), units(2), (Factor("S", 1), Factor("C", 3))), (1, 2, 3), [[0, 1, 2], [3, 4, 5]]),
    ],
)
def test_units_are_the_axes_that_hold_nothing_else(
    layout: Layout, shape: tuple[int, ...], expected: list[list[int]]
) -> None:
    found = by_unit(torch.arange(6.0).reshape(shape), layout)
    assert found is not None
    assert found.tolist() == expected


def test_other_readings_of_a_flattened_map() -> None:
    layout = ((BATCH,), (Factor("C", 2), Factor("S", 3)))
    x = torch.arange(6.0)[None]
    assert {name: by_unit(x, layout, name).tolist() for name in readings(layout)} == {
        "units": [[0], [1], [2], [3], [4], [5]], "flattened": [[0, 1, 2], [3, 4, 5]],
        "axis 1": [[0], [1], [2], [3], [4], [5]],
    }  # fmt: skip


def test_what_has_no_position_or_no_unit_gives_nothing() -> None:
    assert by_unit(torch.zeros(0, 2), ((BATCH, Factor("S")), units(2))) is None
    assert by_unit(torch.zeros(1, 2), ((BATCH,), places(2))) is None
    assert by_unit(torch.zeros(2, 3), ((BATCH, Factor("C", 2)), places(3))) is None


def test_layouts_hold_for_a_whole_batch_too() -> None:
    """Of nets that leave the rows alone: what the layouts say of one example, they say of each in a batch."""
    compared = 0
    for seed in range(90):
        random = random_net(seed)
        if ROWS & set(random.operations):
            continue
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            compared += _same_in_a_batch(random)
    assert compared > 200


def _same_in_a_batch(random: Random) -> int:
    inputs = data_of(random)
    truth = reference(random, inputs)
    assert not truth.errors, (random.seed, truth.errors)
    recorder = Recorder(random.layouts)
    recorder.run(build(random.taped, random, recorder.tape), inputs)
    compared = 0
    for name, (x, noted) in recorder.outputs.items():
        if noted is None or not with_units(noted[0]):
            continue
        for row in (0, random.examples - 1):
            mine = by_unit(_one(x, noted[0], row, random.examples), noted[0])
            assert mine is not None
            alone = truth.layers[name].readings["units"]
            near = 1e-4 * max(1.0, alone.scale)
            torch.testing.assert_close(mine.double().mean(1), alone.mean[row], rtol=0, atol=near)
        compared += 1
    return compared


def _one(x: Tensor, layout: Layout, row: int, examples: int) -> Tensor:
    """The part of a batch's output that one example's is."""
    axis = next(a for a, axis in enumerate(layout) if BATCH in axis)
    sizes = [examples if f == BATCH else f.size for f in layout[axis]]
    parts = x.unflatten(axis, sizes)
    return parts.narrow(axis + layout[axis].index(BATCH), row, 1).flatten(axis, axis + len(sizes) - 1)


def test_every_seed_gives_one_net() -> None:
    assert random_net(5) == random_net(5)
    assert isinstance(build(random_net(5).plain, random_net(5), lambda *_: None), nn.Module)
