import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from layercensus.data.digits import Digits, split
from layercensus.data.open import open_data
from layercensus.errors import CensusError
from layercensus.models.prepare import Prepare


def test_digits() -> None:
    source = open_data("digits")
    batch = source.pick(["0", "1796"])
    assert (source.kind, source.length, source.class_names) == ("images", 1797, tuple("0123456789"))
    assert batch.inputs.shape == (2, 1, 8, 8)
    assert batch.labels is not None
    assert batch.labels.tolist() == [0, 8]
    images = Digits().images
    assert (images.min().item(), images.max().item()) == (0, 1)
    with pytest.raises(CensusError, match=r"labels must have one entry for each of the 1,797 examples. Got 5."):
        open_data("digits", labels=[1] * 5)
    relabelled = open_data("digits", labels=["odd" if n % 2 else "even" for n in range(1797)])
    assert relabelled.class_names == ("even", "odd")


@pytest.mark.parametrize("seed", [0, 1, -5])
def test_the_split_is_stratified_and_depends_on_the_seed_alone(seed: int) -> None:
    kept, held_out = split(seed)
    assert sorted([*kept.tolist(), *held_out.tolist()]) == list(range(1797))
    labels = Digits().labels
    assert labels is not None
    every, out = labels.bincount(), labels[held_out].bincount()
    assert torch.equal(out, every // 5)
    assert torch.equal(split(seed)[1], held_out)
    assert not torch.equal(split(seed + 1)[1], held_out)


def test_a_factory_of_the_user_s(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "own_data.py").write_text(
        "import numpy as np\ndef rows(): return np.ones((3, 2))\ndef bad(): raise RuntimeError('no network')\n"
    )
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    source = open_data("own_data:rows", labels=["a", "b", "a"])
    assert (source.name, source.about["name"], source.length) == ("own_data:rows", "own_data:rows", 3)
    with pytest.raises(CensusError, match="The factory own_data:bad failed: RuntimeError: no network"):
        open_data("own_data:bad")
    sys.modules.pop("own_data", None)


def test_names_that_are_none_get_a_hint(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", x=np.ones((2, 2)))
    (tmp_path / "a.txt").write_text("one")
    Image.new("RGB", (2, 2)).save(tmp_path / "a.png")
    known = "data must be one of digits, mnist, images:FOLDER, npz:FILE, npy:FILE, text:FILE, audio:FOLDER, csv:FILE, "
    for text, hint in {
        "digit": "Did you mean digits?",
        "image:photos": "Did you mean images:photos?",
        "imags:photos": "Did you mean images:photos?",
        "texts:a": "Did you mean text:a?",
        "images:": "Did you mean images:...?",
        f"{tmp_path}": f"For a folder of pictures: images:{tmp_path}",
        f"{tmp_path}/a.npz": f"For a file: npz:{tmp_path}/a.npz",
        f"{tmp_path}/a.txt": f"For a file: text:{tmp_path}/a.txt",
        "": "Got ''.",
    }.items():
        with pytest.raises(CensusError) as caught:
            open_data(text)
        assert str(caught.value).startswith(known)
        assert str(caught.value).endswith(hint)
    with pytest.raises(CensusError, match="For a folder of pictures"):
        open_data(tmp_path)
    with pytest.raises(CensusError, match="no module named 'nowhere_at_all'"):
        open_data("nowhere_at_all:thing")


def test_a_source_is_taken_as_it_is() -> None:
    source = Digits()
    assert open_data(source) is source
    with pytest.raises(CensusError, match="labels must be given when the data is opened"):
        open_data(source, labels=[1])


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"size": (0, 4)}, "size must be"),
        ({"channels": 4}, "channels must be 1, 3 or None. Got 4."),
        ({"interpolation": "cubic"}, "interpolation must be one of nearest, "),
        ({"crop": 0}, "crop must be above 0"),
        ({"mean": (0.5,)}, "mean and std must be given together"),
        ({"mean": (0.5,) * 3, "std": (1.0,)}, "a value for each channel"),
        ({"mean": (0.5,) * 3, "std": (1.0,) * 3, "channels": 1}, "a value for each channel"),
        ({"mean": (0.5,), "std": (0.0,)}, "std must be positive"),
    ],
)
def test_conventions_that_no_picture_can_be_given(given: dict, said: str) -> None:
    with pytest.raises(CensusError, match=said):
        Prepare(**given)


def test_a_convention_in_words() -> None:
    prepare = Prepare((224, 224), (0.5, 0.4, 0.5), (0.25,) * 3, 3, "bicubic", 0.875)
    assert prepare.describe() == (
        "RGB, shorter side resized (bicubic), centre 224 x 224 kept (0.875 of it), "
        "(x - 0.5/0.4/0.5) / 0.25 on the scale 0..1"
    )
    assert Prepare().describe() == "channels as the files have them"
    assert Prepare(tokenizer=sorted).describe() == "tokens by sorted"
