"""Pictures of a census's concepts stand in its report, and change none of its numbers."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pandas as pd
import pytest
import torch

import layercensus as lc
from layercensus.data.digits import Digits
from layercensus.errors import CensusError
from layercensus.models.digits import DigitsNet
from layercensus.settings import Settings
from layercensus.visualise.of_census import concepts
from tests.visualise.patterns import PATTERNS, Planted, colourful, similarity


@pytest.fixture(scope="module")
def net() -> torch.nn.Module:
    torch.manual_seed(3)
    return DigitsNet((8, 8, 8)).eval()


def settings(**more: object) -> Settings:
    return Settings(panel=128, twins=1, progress=False, resamples=20, needed=False, other_views=False, **more)  # type: ignore[arg-type]


def test_concepts_are_the_largest_then_the_most_reliable() -> None:
    units = pd.DataFrame({
        "unit": [0, 1, 2, 3, 4],
        "representative": [1, 1, 2, pd.NA, 4],
        "reliability": [0.6, 0.7, 0.8, 0.1, 0.9],
    })  # fmt: skip
    assert concepts(units, 10) == [1, 4, 2]
    assert concepts(units, 1) == [1]


def test_visualisations_are_saved_shown_and_change_no_number(net: torch.nn.Module, tmp_path: Path) -> None:
    data = Digits()
    plain = lc.take(net, data, twin=False, settings=settings())
    census = lc.take(net, data, twin=False, settings=settings(see=3, out=tmp_path / "c"))
    pd.testing.assert_frame_equal(plain.units, census.units, rtol=1e-4, atol=1e-5)
    pd.testing.assert_frame_equal(plain.layers, census.layers, rtol=1e-4, atol=1e-5)
    loaded = lc.load(tmp_path / "c")
    assert loaded.gallery.visualisations.keys() == census.gallery.visualisations.keys()
    assert all(
        loaded.gallery.visualisations[key].picture == image.picture
        for key, image in census.gallery.visualisations.items()
    )
    assert all(
        loaded.gallery.visualisations[key].score == image.score for key, image in census.gallery.visualisations.items()
    )
    for layer in census.layers["layer"]:
        wanted = concepts(census.units[census.units["layer"] == layer], 3)
        assert {unit for name, unit in census.gallery.visualisations if name == layer} == set(wanted)
    page = loaded.report(tmp_path / "report").parent / "layers" / "layer-000.html"
    text = page.read_text()
    assert text.count('class="x m"') == len([name for name, _ in loaded.gallery.visualisations if name == "act.0"])
    assert "Geirhos" in text
    assert (tmp_path / "report" / "sprites" / "layer-000-optimised.webp").is_file()


def test_pictures_are_cut_to_what_the_peak_sees() -> None:
    """A net of 11 x 11 kernels on 64 x 64 images: each picture shows its kernel and nothing else."""
    images = colourful(80, 64)
    census = lc.take(Planted(), images, twin=False, layers="act", views=0.02, settings=settings(see=6))
    assert len(census.gallery.visualisations) >= 3
    for (_, unit), result in census.gallery.visualisations.items():
        from layercensus.report.crops import decoded

        image = decoded(result.picture).resize((11, 11), 1)
        x = torch.frombuffer(bytearray(image.tobytes()), dtype=torch.uint8).view(11, 11, 3).permute(2, 0, 1) / 255
        assert similarity(x, list(PATTERNS.values())[unit]) > 0.8, unit


def test_a_census_of_another_net_is_refused(net: torch.nn.Module, tmp_path: Path) -> None:
    from layercensus.models.open import open_model
    from layercensus.visualise.of_census import see_census
    from layercensus.visualise.options import SeeOptions

    census = lc.take(net, Digits(), twin=False, settings=settings())
    torch.manual_seed(4)
    with pytest.raises(CensusError, match="other weights"):
        see_census(census, open_model(DigitsNet((8, 8, 8))), Digits(), options=SeeOptions(progress=False), each=2)


def test_data_without_pictures_is_refused_before_the_count() -> None:
    rows = torch.randn(40, 6)
    with pytest.raises(CensusError, match="rows of numbers"):
        lc.take(torch.nn.Sequential(torch.nn.Linear(6, 3), torch.nn.ReLU()), rows, settings=settings(see=2))


def test_an_interrupt_waits_until_the_census_is_saved(net: torch.nn.Module, tmp_path: Path) -> None:
    """Ctrl-C in the middle of saving the first layer's images: they are saved whole, and no further layer is begun."""
    from layercensus.models.open import open_model
    from layercensus.visualise.of_census import see_census
    from layercensus.visualise.options import SeeOptions

    census = lc.take(net, Digits(), twin=False, settings=settings())
    saved = []

    def keep(part: lc.Census) -> None:
        os.kill(os.getpid(), signal.SIGINT)
        part.save(tmp_path)
        saved.append(part)

    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        options = SeeOptions(steps=2, examples=16, batch=2, progress=False)
        census, interrupted = see_census(census, open_model(net), Digits(), options=options, each=2, keep=keep)
    finally:
        signal.signal(signal.SIGINT, before)
    assert interrupted
    assert len(saved) == 1
    assert (
        {name for name, _ in lc.load(tmp_path).gallery.visualisations}
        == {"act.0"}
        == {name for name, _ in census.gallery.visualisations}
    )


def test_an_interrupted_run_keeps_its_pictures(
    net: torch.nn.Module, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ctrl-C in the second batch, twice: the first batch's pictures are there each time, and are not made again."""
    import layercensus.visualise.of_census as module

    real, seen = module._of_units, []

    def stops(subject: object, units: list[tuple[str, int]], side: object, options: object) -> object:
        seen.append(len(units))
        if len(seen) == 2:
            raise KeyboardInterrupt
        return real(subject, units, side, options)  # type: ignore[arg-type]

    monkeypatch.setattr(module, "most_images", lambda subject: 2)
    monkeypatch.setattr(module, "_of_units", stops)
    for kept in ({"act.0"}, {"act.0", "act.1"}):
        seen.clear()
        with pytest.raises(KeyboardInterrupt):
            lc.take(net, Digits(), twin=False, settings=settings(see=2, out=tmp_path, resume=True))
        assert {name for name, _ in lc.load(tmp_path).gallery.visualisations} == kept
        assert seen == [2, 2]
    monkeypatch.setattr(module, "_of_units", real)
    census = lc.take(net, Digits(), twin=False, settings=settings(see=2, out=tmp_path, resume=True))
    assert {name for name, _ in census.gallery.visualisations} == set(census.layers["layer"])
