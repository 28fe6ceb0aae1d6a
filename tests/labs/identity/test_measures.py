"""The measures give what is known of nets that copy, recite, or show noise."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
from torch import Tensor, nn

from layercensus.errors import CensusError
from layercensus.labs.identity.behaviour import SIMILARITIES, behave, correlation, mixture
from layercensus.labs.identity.claims import NO, SPLIT, YES, claims
from layercensus.labs.identity.crossing import crossing
from layercensus.labs.identity.inputs import Inputs, make_inputs
from layercensus.labs.identity.layers import (
    FAINT,
    SEEN,
    Row,
    activations,
    differing,
    gone,
    lost,
    map_of,
    measure,
    seen,
    seen_fraction,
)
from layercensus.labs.identity.nets import Shape, build
from layercensus.labs.identity.options import Options
from layercensus.labs.identity.page import read_text
from layercensus.labs.identity.ridge import readable


@pytest.fixture(scope="module")
def inputs() -> Inputs:
    return make_inputs()


class Recite(nn.Module):
    def __init__(self, picture: Tensor) -> None:
        super().__init__()
        self.picture = picture

    def forward(self, x: Tensor) -> Tensor:
        return self.picture.expand_as(x)


def test_kinds_of_pictures(inputs: Inputs) -> None:
    assert len(inputs.kinds) == (11 if inputs.missing else 12)
    for name, x in inputs.kinds.items():
        assert x.shape == (8, 1, 28, 28), name
        assert 0 <= float(x.min()) <= float(x.max()) <= 1, name
        assert float(x.flatten(1).std(1).min()) > 0.05, name  # each shows something
        assert len({tuple(one.flatten().tolist()) for one in x}) >= 6, name  # and nearly all another
    again = make_inputs()
    assert all(torch.equal(x, again.kinds[name]) for name, x in inputs.kinds.items())
    shown = inputs.probes.flatten(1)
    assert not any(
        (shown == x.flatten()).all(1).any() for kind in ("other digits", "same digit") for x in inputs.kinds[kind]
    )


def test_an_identity_net_copies_and_a_constant_one_recites(inputs: Inputs) -> None:
    copies, recites = behave(nn.Identity(), inputs), behave(Recite(inputs.training), inputs)
    assert copies.blank == 0
    assert recites.blank > 0.5
    for one in copies.kinds:
        assert one.identity == pytest.approx(1)
        assert one.identity_error == pytest.approx(0)
        assert one.off_slope == pytest.approx(1)
    for one in recites.kinds:
        assert one.constant == pytest.approx(1)
        assert one.constant_error == pytest.approx(0)
        assert one.off_slope == pytest.approx(0, abs=1e-6)
    assert min(copies.margins) > 0
    assert max(recites.margins) < 0
    assert copies.constant == pytest.approx(SIMILARITIES, abs=1e-5)  # a copy is as similar as what came in
    assert recites.identity == pytest.approx(SIMILARITIES, abs=1e-5)


def test_mixtures_have_the_similarity_that_was_asked_for(inputs: Inputs) -> None:
    for similarity in SIMILARITIES:
        mixed = mixture(inputs.training, inputs.kinds["other digits"], similarity).flatten(1).double()
        training = inputs.training.flatten(1).double()
        assert correlation(mixed, training).tolist() == pytest.approx([similarity] * 8, abs=1e-5)
        assert mixed.std(1, correction=0).tolist() == pytest.approx([float(training.std(correction=0))] * 8, rel=1e-5)


def test_a_picture_of_one_grey_correlates_with_nothing(inputs: Inputs) -> None:
    grey = 0.3 + 1e-8 * torch.randn(8, 784, dtype=torch.float64)
    assert correlation(grey, inputs.kinds["disc"].flatten(1).double()).tolist() == [0.0] * 8


def test_what_can_be_read_back() -> None:
    rng = torch.Generator().manual_seed(0)
    x = torch.randn(300, 20, generator=rng, dtype=torch.float64)
    noise = torch.randn(300, 500, generator=rng, dtype=torch.float64)
    turned = x @ torch.randn(20, 60, generator=rng, dtype=torch.float64)
    assert readable(turned @ turned.T, x) > 0.999
    assert readable(1e-12 * turned @ turned.T, x) > 0.999  # however faint
    half = x[:, :10]
    assert readable(half @ half.T, x) == pytest.approx(0.5, abs=0.06)
    assert readable(noise @ noise.T, x) == pytest.approx(0, abs=0.06)
    assert readable(torch.zeros(300, 300, dtype=torch.float64), x) == 0  # nobody but the mean: exactly 0


def test_a_map_is_the_first_singular_vector_of_all_inputs_together() -> None:
    rng = torch.Generator().manual_seed(0)
    x = torch.randn(5, 6, 9, generator=rng) + 0.5
    u, s, v = torch.linalg.svd(x.transpose(1, 2).reshape(45, 6).double(), full_matrices=False)
    first = u[:, 0] * s[0] * (1 if float(v[0].sum()) > 0 else -1)
    made = map_of(x).flatten()
    assert float(torch.corrcoef(torch.stack([made, first]))[0, 1]) == pytest.approx(1, abs=1e-6)


def test_what_differs_between_inputs() -> None:
    rng = torch.Generator().manual_seed(0)
    same = torch.randn(1, 50, generator=rng, dtype=torch.float64).expand(40, 50)
    apart = torch.randn(40, 50, generator=rng, dtype=torch.float64)
    assert seen_fraction(same) < 1e-20
    assert seen_fraction(apart) > 0.95
    assert seen_fraction(same * 3 + apart) == pytest.approx(0.1, abs=0.03)


@pytest.mark.parametrize(
    ("values", "layer"), [([1, 0.5, 0.02], None), ([1, 0.001, 0.5, 0.001, 0.0], 3), ([0.001, 0.001], 0)]
)
def test_lost_is_lost_for_good(values: list[float], layer: int | None) -> None:
    assert gone(values, 0.01) == layer


def test_layers_that_cannot_be_told_do_not_shift_the_others() -> None:
    values = [0.9, 0.8, None, None, 0.6, 0.4]
    rows = [Row(layer, 0.5, 0.5, 0.5, value) for layer, value in enumerate(values)]
    assert lost(rows).read == 5
    assert lost(rows).seen is None
    assert lost(rows[:-1]).read is None


@pytest.mark.parametrize(
    ("values", "read", "untold"),
    [([0.9, 0.8], None, None), ([0.9, 0.8, None, None], None, 2), ([0.9, None, 0.8], None, None), ([None], None, 0)],
)
def test_where_the_measure_stopped_is_not_never(
    values: list[float | None], read: int | None, untold: int | None
) -> None:
    found = lost([Row(layer, 0.5, 0.5, 0.5, value) for layer, value in enumerate(values)])
    assert (found.read, found.untold) == (read, untold)


def test_the_page_says_not_told() -> None:
    row = {"net": "conv28", "seed": 0, "seen": 10, "read": None, "eye": False}
    assert read_text(row | {"untold": 13}) == "not told from layer 13 on"
    assert read_text(row | {"untold": None}) == "never"
    assert read_text(row | {"read": 9, "untold": 13}) == "9"
    assert read_text(row | {"untold": None, "eye": True}) == "not measured"


def test_rows_of_a_net(inputs: Inputs) -> None:
    for shape in (Shape(depth=3, channels=4), Shape(kind="fc", depth=3)):
        net = build(shape, 0)
        rows = measure(net, inputs.probes[:120])
        assert [row.layer for row in rows] == [0, 1, 2, 3]
        assert rows[0].readable is not None
        assert rows[0].readable > 0.5
        assert all(
            row.readable is not None and row.readable <= 1 and 0 <= row.share <= 1 and 0 <= row.unlike <= 2
            for row in rows
        )
        *_, last = activations(net, inputs.probes[:2])
        assert torch.allclose(last.flatten(), net(inputs.probes[:2]).flatten(), atol=1e-6)


def test_across_inputs_by_hand(inputs: Inputs) -> None:
    row = measure(build(Shape(depth=1, channels=1), 0), inputs.probes[:30])[0]
    x = inputs.probes[:30].flatten(1).double()
    assert row.share == pytest.approx(float((x - x.mean(0)).square().sum() / x.square().sum()), rel=1e-5)
    pairs = torch.corrcoef(x)[torch.triu_indices(30, 30, 1).unbind()]
    assert row.unlike == pytest.approx(float(1 - pairs.mean()), rel=1e-5)


def test_crossing_lies_between_the_depths() -> None:
    margins = {
        0: {1: (0.5, 0.4), 5: (0.3, 0.1), 10: (-0.2, -0.2)},
        1: {1: (0.5, 0.5), 5: (-0.1, 0.2), 10: (-0.05, -0.05)},
    }
    found = crossing(margins)
    assert found.depths == pytest.approx((5 + 5 * 0.2 / 0.4, 5 + 5 * 0.05 / 0.1))
    assert found.mean == pytest.approx(7.5)
    assert not found.shallow
    assert found.deep
    never = crossing({0: {1: (0.5,), 9: (0.1,)}})
    assert never.depths == (None,)
    assert never.mean is None
    assert crossing({0: {3: (-0.5,), 9: (-0.1,)}}).depths == (3.0,)


@pytest.mark.parametrize(
    "wrong", [{"kernel": 4}, {"depth": 0}, {"padding": "zero"}, {"activation": "rel"}, {"kind": "mlp"}]
)
def test_wrong_shapes_get_one_line(wrong: dict[str, object]) -> None:
    with pytest.raises(CensusError, match="must be"):
        Shape(**wrong)  # type: ignore[arg-type]


@pytest.mark.parametrize("depth", [2, 6])
def test_circular_padding_cannot_draw_on_a_blank_input(depth: int) -> None:
    blank = torch.full((1, 1, 28, 28), 0.4, dtype=torch.float64)
    variation = {}
    for padding in ("circular", "zeros"):
        with torch.no_grad():
            out = build(Shape(depth=depth, channels=8, padding=padding), 0).double()(blank)
        variation[padding] = float(out.var() / out.square().mean())
    assert variation["circular"] < 1e-5
    assert variation["zeros"] > 1e-3


def test_at_the_papers_width_shapes_are_gone_by_the_papers_layer(inputs: Inputs) -> None:
    found = gone(seen(build(Shape(depth=20, channels=128), 0), inputs.probes[:8]), SEEN)
    assert found is not None
    assert 6 <= found <= 10


def test_what_is_too_faint_is_not_told() -> None:
    net = build(Shape(depth=22, channels=3), 0)
    faint = [
        row
        for row in measure(net, torch.rand(30, 1, 28, 28, generator=torch.Generator().manual_seed(0)))
        if row.share < FAINT
    ]
    assert faint
    assert all(row.readable is None for row in faint)


def test_nets_built_beside_each_other_are_what_they_are_alone() -> None:
    shapes = [Shape(kind="fc", depth=2), Shape(depth=4, channels=24)] * 6
    alone = [build(shape, seed).state_dict() for seed, shape in enumerate(shapes)]
    with ThreadPoolExecutor(3) as pool:
        beside = list(pool.map(lambda job: build(job[1], job[0]).state_dict(), enumerate(shapes)))
    for a, b in zip(alone, beside, strict=True):
        assert all(torch.equal(a[name], b[name]) for name in a)


def test_measures_are_of_64_bits_and_leave_the_net_as_it_is(inputs: Inputs) -> None:
    net = build(Shape(depth=2, channels=3), 0)
    faint = inputs.probes[:60] * 1e-9 + 0.5  # in 32 bits all of them are the same grey
    assert differing(net, faint.float())[0] < FAINT
    rows = measure(net, inputs.probes[:60].double() * 1e-9 + 0.5)
    assert rows[1].share > 0
    assert rows[1].readable is not None
    assert next(net.parameters()).dtype == torch.float32


def test_more_probes_read_more_and_the_last_number_is_of_all(inputs: Inputs) -> None:
    rows = measure(build(Shape(depth=2, channels=4), 0), inputs.probes[:240])
    for row in rows:
        assert [count for count, _ in row.readable_by] == [50, 100, 200, 240]
        assert row.readable_by[-1][1] == row.readable
        assert row.readable_by[0][1] < row.readable_by[-1][1]


def test_a_claim_is_held_only_where_every_run_holds_it() -> None:
    def net(depth: int, copied: int, seed: int) -> dict[str, object]:
        shape = {"kind": "conv", "padding": "zeros", "channels": 24, "net": f"conv-{depth}"}
        return shape | {"depth": depth, "seed": seed, "kinds_copied": copied, "kinds": 11, "off_slope": 1, "blank": 1}

    def lost_at(layers: list[int]) -> list[dict[str, object]]:
        return [{"net": "conv-20", "seen": layer, "read": None, "untold": None, "eye": False} for layer in layers]

    options = Options(depths=(3, 20), paper_width=False)
    results = {
        "nets": [net(3, 11, 0), net(3, 11, 1), net(20, 0, 0), net(20, 4, 1)],
        "crossing": {"depths": [15.0, 22.0]}, "lost": lost_at([8, 10]),
    }  # fmt: skip
    found = {claim.statement: claim.outcome for claim in claims(results, options)}
    assert list(found.values()) == [YES, SPLIT, SPLIT, SPLIT, YES]
    agreed = results | {"lost": lost_at([8, 9]), "crossing": {"depths": [22.0, None]}}
    assert [claim.outcome for claim in claims(agreed, options)][2:] == [NO, YES, YES]
    untold = results | {"lost": [row | {"untold": 9} for row in lost_at([8, 8])]}
    assert claims(untold, options)[-1].outcome == NO
