"""What the counts of distinct units cannot say is said beside them: width, the draw's ceiling, too few directions."""

from itertools import pairwise
from typing import cast

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import layercensus as lc
from layercensus.measures.rarefaction import coverage
from layercensus.measures.span import SomeRows, spanned

from .evidence import evidence, normal, outcome

QUIET = lc.Settings(progress=False, pictures=0, resamples=40, needed=False)


class Read(nn.Module):
    """Layers whose unit i reads latent i modulo the layer's number of concepts."""

    def __init__(self, concepts: list[int], widths: list[int]) -> None:
        super().__init__()
        self.chosen = [torch.arange(width) % k for k, width in zip(concepts, widths, strict=True)]
        self.a = nn.ModuleList(nn.Identity() for _ in concepts)
        self.out = nn.Linear(1, 2)

    def forward(self, x: Tensor) -> Tensor:
        for layer, chosen in zip(self.a, self.chosen, strict=True):
            layer(x[:, chosen])
        return cast(Tensor, self.out(x[:, :1]))


def taken(concepts: list[int], widths: list[int], examples: int = 500) -> lc.Census:
    x = normal(0, examples, max(concepts))
    return lc.take(Read(concepts, widths), x, layers=["a.*"], twin=False, settings=QUIET)


def test_coverage_is_the_formula_by_hand() -> None:
    assert coverage(np.array([1] * 10)) == 0
    assert coverage(np.array([3] * 10)) == 1
    # 20 units, f1 = 4, f2 = 5, one concept of 6: 1 - 4/20 * (19 * 4) / (19 * 4 + 10) = 1 - .2 * 76/86
    assert coverage(np.array([1] * 4 + [2] * 5 + [6])) == pytest.approx(1 - 0.2 * 76 / 86)
    assert coverage(np.array([1])) == 0
    assert coverage(np.zeros(0, dtype=np.int64)) is None


def test_coverage_is_the_chance_that_one_more_unit_repeats_a_concept() -> None:
    rng, gap = np.random.default_rng(0), []
    for _ in range(200):
        drawn = rng.integers(0, 60, 80)
        sizes = np.bincount(drawn, minlength=60)
        met = float((sizes > 0).mean())  # every concept is as common: the chance that the next is one of these
        gap.append(coverage(sizes[sizes > 0]) - met)  # type: ignore[operator]
    assert abs(np.mean(gap)) < 0.02


def test_units_each_of_its_own_kind_are_bound_by_the_width_and_copies_are_not() -> None:
    x = normal(0, 400, 1, 30)
    alone, copied = outcome(x, x[:, 0], x[:, 0]), outcome(x.repeat(1, 1, 3), *(2 * [x[:, 0].repeat(1, 3)]))
    assert alone.layer["coverage"] == 0
    assert alone.layer["distinct_status"].startswith("width-bound: ")
    assert copied.layer["coverage"] == 1
    assert copied.layer["distinct_status"] == "count"


@pytest.mark.parametrize(("concepts", "said"), [(1280, "at its ceiling: 16.0"), (64, "at its ceiling: 14."), (20, "")])
def test_a_draw_in_which_nearly_every_unit_is_its_own_says_so(concepts: int, said: str) -> None:
    width = 1280 if concepts == 1280 else 320
    x = normal(0, 400, 1, concepts)[:, :, torch.arange(width) % concepts]
    whole = evidence(x, x[:, 0], x[:, 0], rarefy_to=16, settings=lc.Settings(resamples=20))
    layer = lc.measures.measure(whole, lc.MEASURES[:6]).layer  # type: ignore[attr-defined]
    assert layer["distinct_rarefied_status"].startswith(said or "count")


def test_one_narrow_layer_does_not_hide_what_the_others_show() -> None:
    concepts = [96, 72, 48, 32, 24, 16, 12, 8]
    plain, narrow = taken(concepts, [96] * 8), taken([*concepts, 8], [96] * 8 + [8])
    assert plain.verdict.answer == narrow.verdict.answer == "earlier"
    assert narrow.layers["distinct_rarefied"].tolist() == pytest.approx([*concepts, 8])
    says = narrow.layers["distinct_rarefied_status"]
    assert says[8] == "lower bound: its 8 units are fewer than the draw of 96 from other layers"
    assert list(says[1:8]) == ["count"] * 7
    assert says[0].startswith("at its ceiling")


def test_blocks_that_no_trend_is_read_from_do_not_set_the_draw() -> None:
    class Block(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.up, self.act, self.down = nn.Linear(6, 20), nn.ReLU(), nn.Linear(20, 6)

        def forward(self, x: Tensor) -> Tensor:
            return x + self.down(self.act(self.up(x)))  # type: ignore[no-any-return]

    net = nn.Sequential(*(Block() for _ in range(4)), nn.Linear(6, 3))
    census = lc.take(net, normal(1, 60, 6), twin=False, settings=QUIET)
    assert {"block", "neurons"} <= set(census.layers["role"])
    assert census.about["rarefied_to"] == 20


@pytest.mark.parametrize("noise", [0.0, 0.01])
def test_units_that_are_mixtures_of_few_latents_span_as_many_directions(noise: float) -> None:
    fit, check = (normal(s, 400, 10) @ normal(9, 10, 200) + noise * normal(s + 5, 400, 200) for s in (0, 1))
    assert spanned(SomeRows(fit[:, None]), SomeRows(check[:, None]), torch.arange(200)) == 10


def test_as_many_independent_units_as_rows_span_no_fewer() -> None:
    assert spanned(*(SomeRows(normal(seed, 300, 1, 120)) for seed in (0, 1)), torch.arange(120)) == 120
    assert spanned(*(SomeRows(normal(seed, 100, 1, 120)) for seed in (0, 1)), torch.arange(120)) is None


def test_a_layer_of_low_rank_says_so_in_its_status_and_in_a_finding() -> None:
    torch.manual_seed(0)
    x = normal(0, 900, 10)
    low = lc.take(nn.Sequential(nn.Linear(10, 80), nn.Linear(80, 3)), x, layers=["0"], twin=False, settings=QUIET)
    assert low.layers["span"][0] == 10
    assert low.layers["distinct"][0] > 60
    assert low.layers["distinct_status"][0] == "upper bound: 80 units span 10 directions"
    assert low.layers["status"][0].startswith("count; 80 units span 10 directions")
    assert any("80 units span 10 directions" in finding.sentence for finding in low.findings)
    bent = lc.take(
        nn.Sequential(nn.Linear(10, 80), nn.ReLU(), nn.Linear(80, 3)), x, layers=["1"], twin=False, settings=QUIET
    )
    assert not any("span" in finding.sentence for finding in bent.findings)
    assert "span" not in bent.layers["status"][0]


def test_the_draws_of_the_layers_are_compared_one_by_one() -> None:
    census = taken([16, 12, 8, 4], [16, 16, 16, 16])
    counts = census.layers["distinct_rarefied"].tolist()
    assert all(before > after for before, after in pairwise(counts))
