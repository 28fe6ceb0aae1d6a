"""Nets of torchvision by name: their weights, the transforms of these, and one line for what cannot be."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from layercensus.data.images import Images
from layercensus.errors import CensusError
from layercensus.models.open import open_model


def test_without_torchvision(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torchvision.models", None)
    monkeypatch.setitem(sys.modules, "torchvision", None)
    with pytest.raises(CensusError) as caught:
        open_model("torchvision:resnet50")
    assert str(caught.value) == "torchvision: needs torchvision: pip install 'layercensus[torchvision]'"


@pytest.fixture(scope="module")
def nets():
    return pytest.importorskip("torchvision.models")


@pytest.mark.parametrize(
    ("name", "weights"),
    [("resnet50", "IMAGENET1K_V1"), ("resnet50", "IMAGENET1K_V2"), ("efficientnet_v2_s", "DEFAULT")],
)
def test_pictures_are_prepared_as_the_weights_say(name: str, weights: str, tmp_path: Path, nets) -> None:
    image = Image.fromarray(np.random.default_rng(0).integers(0, 255, (9, 7, 3), dtype=np.uint8)).resize((150, 190))
    image.save(tmp_path / "a.png")
    opened = open_model(f"torchvision:{name}:{weights}@untrained")
    expected = getattr(nets.get_model_weights(name), weights).transforms()(image)
    assert torch.equal(Images(str(tmp_path), opened.prepare).first(1).inputs[0], expected)


def test_what_is_said_of_the_preparation(nets) -> None:
    prepare = open_model("torchvision:resnet18@untrained").prepare
    assert prepare is not None
    assert prepare.describe() == (
        "RGB, shorter side resized (bilinear), centre 224 x 224 kept (0.875 of it), "
        "(x - 0.485/0.456/0.406) / 0.229/0.224/0.225 on the scale 0..1; torchvision's own"
    )


def test_weights_of_a_file(tmp_path: Path, nets) -> None:
    net = nets.squeezenet1_1().eval()
    torch.save({"state_dict": net.state_dict()}, tmp_path / "net.pth")
    opened = open_model(f"torchvision:squeezenet1_1@{tmp_path / 'net.pth'}")
    x = torch.randn(2, 3, 64, 64)
    with torch.inference_mode():
        assert torch.equal(opened.net.eval()(x), net(x))
    assert opened.classes is not None
    assert opened.classes[:2] == ("tench", "goldfish")


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("resnet51", "torchvision:NAME must be a net of torchvision. Got 'resnet51'. Did you mean resnet50 or "),
        ("resnet18:V3", "Weights of torchvision:resnet18 must be one of IMAGENET1K_V1, DEFAULT. Got 'V3'."),
    ],
)
def test_names_that_it_does_not_have(name: str, said: str, nets) -> None:
    with pytest.raises(CensusError) as caught:
        open_model(f"torchvision:{name}")
    assert str(caught.value).startswith(said)


def test_without_a_network(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, nets) -> None:
    def unreachable(*_: object, **__: object) -> None:
        raise OSError("no route to host")

    monkeypatch.setattr("urllib.request.urlopen", unreachable)
    monkeypatch.setattr("torch.hub.get_dir", lambda: str(tmp_path))
    with pytest.raises(CensusError) as caught:
        open_model("torchvision:squeezenet1_1")
    assert "the hub did not give its weights" in str(caught.value)
    assert "torchvision:squeezenet1_1@FILE.safetensors" in str(caught.value)
    assert "\n" not in str(caught.value)
