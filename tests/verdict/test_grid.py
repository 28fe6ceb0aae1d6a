"""The grids of answers say what planted counts say at each choice, and which choice is the census's own."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

import layercensus as lc
from layercensus.census.census import Census
from layercensus.census.record import ArrayKey
from layercensus.measures.needed import FIDELITIES
from layercensus.measures.shared_directions import CUTS
from layercensus.verdict.grid import Grid, grids
from layercensus.verdict.lines import LEARNED, NEEDED, Line

LAYERS = 6
RISES, FALLS, FLAT = [1, 2, 4, 6, 8, 9], [9, 8, 6, 4, 2, 1], [5] * LAYERS
PEAKS = [1, 4, 9, 9, 4, 1]


@pytest.fixture(scope="module")
def plain() -> Census:
    """A census whose counts of directions are planted below."""
    torch.manual_seed(0)
    hidden = [part for _ in range(LAYERS - 1) for part in (nn.Linear(9, 9), nn.ReLU())]
    net = nn.Sequential(nn.Linear(5, 9), nn.ReLU(), *hidden, nn.Linear(9, 3))
    settings = lc.Settings(progress=False, resamples=20, needed=False, other_views=False, pictures=0)
    return lc.take(net, torch.randn(60, 5), twin=False, settings=settings)


def line(census: Census, count: str) -> Line:
    names = tuple(str(name) for name in census.layers["layer"][:LAYERS])
    return Line(count, "", names, tuple(map(float, RISES)), "rises")


def test_needed_is_read_at_each_fidelity(plain: Census) -> None:
    columns = {"needed_90": FALLS, "needed": RISES, "needed_99": FLAT}
    known = plain.layers.assign(**{name: [*values, 2] for name, values in columns.items()})
    found = grids(replace(plain, layers=known), [line(plain, NEEDED)], {})[0]
    assert (found.count, found.across, found.columns) == (NEEDED, "fidelity", (".90", ".95", ".99"))
    assert found.says == (("earlier", "later", "even"),)
    assert found.here == (0, 1)
    assert found.agree == (1, 3)


def test_learned_is_read_at_each_fidelity_and_cut(plain: Census) -> None:
    curves = np.empty((LAYERS, len(FIDELITIES), len(CUTS)))
    curves[:, 0], curves[:, 1], curves[:, 2] = (np.array(v)[:, None] for v in (PEAKS, RISES, RISES))
    curves[:, 1, 0] = FALLS  # the middle fidelity at the lowest cut
    curves[2, 1, -1] = np.nan  # the highest cut was not counted in one layer, so none is read from it
    own = line(plain, LEARNED)
    arrays = dict(plain.arrays) | {
        ArrayKey("trained", name, "learned_curve"): curves[at] for at, name in enumerate(own.layers)
    }
    found = grids(replace(plain, arrays=arrays), [own], {})[0]
    assert found.rows == (".90", ".95", ".99")
    assert found.columns == tuple(f"{cut:.1f}"[1:] for cut in CUTS[:-1])
    assert found.says[0] == ("middle",) * (len(CUTS) - 1)
    assert found.says[1] == ("earlier", *["later"] * (len(CUTS) - 2))
    assert found.here == (1, CUTS.index(0.5))
    later = 2 * (len(CUTS) - 1) - 1
    assert found.agree == (later, 3 * (len(CUTS) - 1))


def test_what_cannot_speak_has_no_grid(plain: Census) -> None:
    silent = replace(line(plain, LEARNED), silent="only 9 examples")
    assert [grid.count for grid in grids(plain, [silent], {})] == ["distinct"]


def test_views_are_a_row_whose_own_answer_is_the_most_frequent(plain: Census) -> None:
    sensitivity = {"here": "later", "views strength .5": "later", "views shift alone": "even", "views by maps": "later"}
    found = grids(plain, [], sensitivity)[-1]
    assert found.columns == ("strength .5", "shift alone", "by maps")
    assert found.says == (("later", "even", "later"),)
    assert found.here is None
    assert found.agree == (2, 3)


def test_units_are_read_at_every_pair_of_thresholds(plain: Census) -> None:
    found = grids(plain, [], {})[0]
    assert (len(found.rows), len(found.columns)) == (9, 10)
    assert all(said in ("later", "earlier", "middle", "even", "undecided") for row in found.says for said in row)
    assert found.here is not None
    assert (found.rows[found.here[0]], found.columns[found.here[1]]) == (".5", ".9")


def test_an_answer_agrees_with_itself() -> None:
    one = Grid(NEEDED, "", "fidelity", "", (".95",), ("",), (("later",),), (0, 0))
    assert one.agree == (1, 1)
