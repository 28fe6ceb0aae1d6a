"""Awkward data on its way from the model to the census."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

import layercensus as lc
from layercensus.data.digits import Digits
from layercensus.models.digits import factory


def settings(**more: object) -> lc.Settings:
    return lc.Settings(
        **({"progress": False, "panel": 128, "resamples": 20, "needed": False, "other_views": False} | more)
    )


class Tokens(nn.Module):
    """Tokens (examples, length, 6) through a neuron each, then halved in length."""

    def __init__(self) -> None:
        super().__init__()
        self.each, self.act, self.pool = nn.Linear(6, 12), nn.ReLU(), nn.AvgPool1d(2)
        self.last = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        x = self.act(self.each(x))
        return self.last(self.pool(x.transpose(1, 2)).transpose(1, 2) - 0.1)


def sequences(lengths: list[int]) -> Iterator[dict[str, Tensor]]:
    generator = torch.Generator().manual_seed(0)
    for length in lengths:
        x = torch.randn(8, length, 6, generator=generator)
        yield {"inputs": x, "mask": torch.arange(length).expand(8, -1) < length - 2}


def test_a_mask_that_does_not_fit_a_layer_is_reported() -> None:
    census = lc.take(Tokens(), sequences([12] * 16), twin=False, settings=settings())
    sentence = next(f.sentence for f in census.findings if "mask" in f.sentence)
    assert sentence == "The mask fits no positions of last, so padding is counted there."


def test_maps_of_fewer_positions_than_spots_may_differ_in_size(tmp_path: Path) -> None:
    torch.manual_seed(0)
    net = Tokens()

    def take(**more: object) -> lc.Census:
        plain = (batch["inputs"] for batch in sequences([6, 4, 12, 6] * 4))
        return lc.take(net, plain, twin=False, settings=settings(**more))

    whole = take()
    assert lc.take(net, (b["inputs"] for b in sequences([6, 4, 12, 6] * 8)), settings=settings()).layers["live"].all()
    pieces = take(out=tmp_path / "out", checkpoint=0.0)
    assert whole.layers["distinct"].notna().all()
    assert whole.layers["distinct"].tolist() == pieces.layers["distinct"].tolist()
    assert whole.units["r2_rest"].tolist() == pytest.approx(pieces.units["r2_rest"].tolist(), abs=1e-6)


@pytest.mark.parametrize("size", [7, 32, 64, 250])
def test_the_twin_of_a_stream_is_calibrated_the_same_in_any_batches(size: int) -> None:
    x = Digits().inputs[:250]
    made = {lc.take(factory(0), iter(x.split(n)), settings=settings()).about["weights"]["twin"] for n in (size, 50)}
    assert len(made) == 1


@pytest.mark.parametrize("seed", [-1, 2**40, 1.5])
def test_a_seed_that_no_generator_takes_is_refused(seed: int) -> None:
    with pytest.raises(lc.CensusError, match=r"^seed must be .* Got "):
        lc.take(factory(0), torch.rand(20, 1, 8, 8), seed=seed, settings=lc.Settings(progress=False))
