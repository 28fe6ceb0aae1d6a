"""Nets of timm by name: their weights, their own preparation of pictures, and one line for what cannot be."""

from __future__ import annotations

import pickle
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

import layercensus as lc
from layercensus.data.images import Images
from layercensus.errors import CensusError
from layercensus.models.open import open_model
from layercensus.models.twin import untrained


def test_without_timm(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "timm", None)
    with pytest.raises(CensusError) as caught:
        open_model("timm:resnet50")
    assert str(caught.value) == "timm: needs timm: pip install 'layercensus[timm]'"


@pytest.fixture(scope="module")
def timm():
    return pytest.importorskip("timm")


@pytest.fixture
def photographs(tmp_path: Path) -> Path:
    random = np.random.default_rng(0)
    for name, size, mode in (("a/1.png", (90, 70), "RGB"), ("b/2.jpg", (50, 120), "RGB"), ("b/3.png", (64, 64), "L")):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        small = Image.fromarray(random.integers(0, 255, (7, 9, 3), dtype=np.uint8)).resize(size)
        small.convert(mode).save(tmp_path / name)
    return tmp_path


@pytest.mark.parametrize("name", ["resnet18", "vit_tiny_patch16_224", "mixer_s32_224"])
def test_pictures_are_prepared_as_timm_itself_does(name: str, photographs: Path, timm) -> None:
    opened = open_model(f"timm:{name}@untrained")
    config = timm.data.resolve_model_data_config(timm.create_model(name))
    transform = timm.data.create_transform(**config, is_training=False)
    got = Images(str(photographs), opened.prepare).first(3)
    for id, x in zip(got.ids, got.inputs, strict=True):
        assert torch.equal(x, transform(Image.open(photographs / id).convert("RGB")))


def test_what_is_said_of_the_preparation(timm) -> None:
    prepare = open_model("timm:resnet18@untrained").prepare
    assert prepare is not None
    assert prepare.describe() == (
        "RGB, shorter side resized (bicubic), centre 224 x 224 kept (0.95 of it), "
        "(x - 0.485/0.456/0.406) / 0.229/0.224/0.225 on the scale 0..1; timm's own"
    )


def test_weights_of_a_file(tmp_path: Path, timm) -> None:
    net = timm.create_model("resnet10t").eval()
    save_file(net.state_dict(), tmp_path / "net.safetensors")
    opened = open_model(f"timm:resnet10t@{tmp_path / 'net.safetensors'}")
    x = torch.randn(2, 3, 64, 64)
    with torch.inference_mode():
        assert torch.equal(opened.net.eval()(x), net(x))
        assert not torch.equal(untrained(opened, 0)[0](x), net(x))
    assert opened.about == {"weights from": "the file net.safetensors"}
    assert opened.classes is not None
    assert (len(opened.classes), opened.classes[1]) == (1000, "goldfish, Carassius auratus")


def test_weights_of_another_net(tmp_path: Path, timm) -> None:
    save_file(timm.create_model("resnet10t").state_dict(), tmp_path / "net.safetensors")
    said = r"must fit timm:resnet18\. Got others: missing: .* more; left over: "
    with pytest.raises(CensusError, match=said) as caught:
        open_model(f"timm:resnet18@{tmp_path / 'net.safetensors'}")
    assert "\n" not in str(caught.value)


def test_a_name_that_timm_does_not_have(timm) -> None:
    with pytest.raises(CensusError, match=r"^timm:NAME must be a net of timm\. Got 'resnet51'\. Did you mean resnet5"):
        open_model("timm:resnet51")


def test_without_a_network(monkeypatch: pytest.MonkeyPatch, timm) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(CensusError) as caught:
        open_model("timm:resnet10t")
    assert str(caught.value).startswith("timm:resnet10t cannot be loaded: the hub did not give its weights (")
    assert str(caught.value).endswith(
        "Give a local file, timm:resnet10t@FILE.safetensors, or random weights, timm:resnet10t@untrained."
    )
    assert "\n" not in str(caught.value)


def test_it_is_counted(photographs: Path, timm) -> None:
    settings = lc.Settings(progress=False, needed=False, twins=1, pictures=0)
    census = lc.take("timm:test_resnet@untrained", f"images:{photographs}", settings=settings)
    assert census.about["model"] == "timm:test_resnet@untrained"
    assert census.about["classes"] == ["a", "b"] or census.about["classes"] == ("a", "b")
    assert census.layers["width"].iloc[-1] == 1000


def test_a_preparation_can_be_sent_to_another_process(timm) -> None:
    prepare = open_model("timm:test_resnet@untrained").prepare
    assert prepare is not None
    image = Image.fromarray(np.random.default_rng(0).integers(0, 255, (40, 40, 3), dtype=np.uint8))
    assert torch.equal(pickle.loads(pickle.dumps(prepare)).transform(image), prepare.transform(image))
