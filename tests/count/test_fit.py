"""Data in another form than the net takes: mended where one change alone does it, said, and with the right values."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor, nn

import layercensus as lc
from layercensus.count.fit import suited
from layercensus.data.mended import Mended
from layercensus.data.open import open_data
from layercensus.errors import CensusError
from layercensus.models.model import Model
from layercensus.models.prepare import Prepare

X = torch.rand(24, 3, 8, 10, generator=torch.Generator().manual_seed(0))
GREY = X[:, :1]
WITHOUT = {"progress": False, "needed": False, "twins": 1, "pictures": 0}


def convolution(channels: int) -> nn.Module:
    return nn.Sequential(nn.Conv2d(channels, 4, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 2))


class OneSize(nn.Module):
    """Takes 16 x 16 alone, as a transformer with fixed positions does."""

    def __init__(self) -> None:
        super().__init__()
        self.net = convolution(3)

    def forward(self, x: Tensor) -> Tensor:
        if x.shape[-2:] != (16, 16):
            raise ValueError("the size must be 16 x 16")
        out: Tensor = self.net(x)
        return out


CASES: dict[str, tuple[nn.Module, Tensor, Tensor, str]] = {
    "channels last": (convolution(3), X.movedim(1, -1), X, "channels moved from the last axis to the first"),
    "grey into colours": (convolution(3), GREY, GREY.repeat(1, 3, 1, 1), "grey repeated for three channels"),
    "no axis of channels": (convolution(1), GREY[:, 0], GREY, "an axis of one channel added"),
    "grey without an axis into colours": (
        convolution(3), GREY[:, 0], GREY.repeat(1, 3, 1, 1),
        "an axis of one channel added; grey repeated for three channels",
    ),
    "integers": (
        nn.Sequential(nn.Linear(5, 4), nn.ReLU()), torch.arange(40).view(8, 5), torch.arange(40.0).view(8, 5),
        "integers as floating-point numbers",
    ),
    "a signal without an axis of channels": (
        nn.Sequential(nn.Conv1d(1, 4, 3), nn.ReLU()), X[:, 0, 0], X[:, :1, 0], "an axis of one channel added",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_one_change_that_makes_them_fit_is_made_and_said(name: str) -> None:
    net, given, expected, said = CASES[name]
    source = suited(Model(net, "net"), open_data(given))
    assert torch.equal(source.pick(["3", "1"]).inputs, expected[[3, 1]].float())
    assert torch.equal(torch.cat([batch.inputs for batch in source.batches(5)]), expected.float())
    assert source.about["mended"] == said


def test_data_that_the_net_takes_are_left_as_they_are() -> None:
    unclear = open_data(X[:, :1, 0])  # an example of (1, 10): a signal of one channel, or a picture of one row
    assert suited(Model(convolution(1), "net"), unclear) is unclear
    flat = nn.Sequential(nn.Flatten(), nn.Linear(240, 4))  # takes any order of axes
    for net, x in (
        (convolution(3), X),
        (flat, X.movedim(1, -1)),
        (nn.Sequential(nn.Embedding(9, 4)), torch.ones(8, 5).long()),
    ):
        source = open_data(x)
        assert suited(Model(net, "net"), source) is source


def test_the_size_is_changed_where_the_model_names_its_own() -> None:
    model = Model(OneSize(), "net", prepare=Prepare(size=(16, 16), channels=3))
    source = suited(model, open_data(GREY))
    assert source.about["mended"] == "grey repeated for three channels; resized to 16 x 16 (bilinear)"
    expected = nn.functional.interpolate(GREY[:2], (16, 16), mode="bilinear", antialias=True)
    assert torch.allclose(source.first(2).inputs, expected.expand(-1, 3, -1, -1), atol=1e-6)
    unknown = open_data(X)
    assert suited(Model(OneSize(), "net"), unknown) is unknown


@pytest.mark.parametrize("layout", ["channels first", "channels last", "grey"])
def test_bytes_are_pictures_for_a_model_with_a_preparation(layout: str) -> None:
    whole = (X * 255).round().to(torch.uint8).movedim(1, -1).numpy()
    prepare = Prepare((6, 6), (0.5,) * 3, (0.25,) * 3, 3)
    form: dict[str, Callable[[Any], Any]] = {
        "channels first": lambda x: np.moveaxis(x, -1, 1), "channels last": lambda x: x, "grey": lambda x: x[..., 0],
    }  # fmt: skip
    source = suited(Model(convolution(3), "net", prepare=prepare), open_data(form[layout](whole)))
    image = Image.fromarray(whole[5, ..., 0]).convert("RGB") if layout == "grey" else Image.fromarray(whole[5])
    file = io.BytesIO()
    image.save(file, "PNG")
    expected = open_data([Image.open(file), image], prepare=prepare).first(1).inputs[0]
    assert torch.equal(source.pick(["5"]).inputs[0], expected)
    assert source.about["mended"].endswith(prepare.describe())
    assert source.kind == "images"


def test_floats_are_prepared_already() -> None:
    source = open_data(X)
    model = Model(convolution(3), "net", prepare=Prepare(None, (0.5,) * 3, (0.25,) * 3, 3))
    assert suited(model, source) is source


class Either(nn.Module):
    """Takes three channels first of any size, and nothing with one."""

    def forward(self, x: Tensor) -> Tensor:
        if x.ndim != 4 or x.shape[1] not in (3, 10):
            raise ValueError("no")
        return x.mean((2, 3))


def test_what_could_be_meant_in_two_ways_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    from layercensus.count import fit
    from layercensus.data.mended import Mend

    two = [Mend("one way", lambda x: x[:, :3]), Mend("another", lambda x: x[:, :10])]
    monkeypatch.setattr(fit, "mends_of", lambda x, prepare: [two])
    with pytest.raises(CensusError, match=r"could be meant in 2 ways: one way or another\. Give it in the form"):
        suited(Model(Either(), "net"), open_data(torch.rand(4, 12, 5, 5)))


def test_a_census_of_mended_data_is_that_of_the_right_form() -> None:
    torch.manual_seed(0)
    net = convolution(3)
    settings = lc.Settings(**WITHOUT)  # type: ignore[arg-type]
    right = lc.take(net, X, twin=False, settings=settings)
    mended = lc.take(net, X.movedim(1, -1), twin=False, settings=settings)
    assert np.allclose(right.units["mean"].astype(float), mended.units["mean"].astype(float), atol=1e-6)
    assert mended.about["data"]["mended"] == "channels moved from the last axis to the first"
    assert "inputs: as they are, in float32; channels moved from the last axis to the first" in str(mended)
    assert [layer.width for layer in lc.layers_of(net, X.movedim(1, -1)) if layer.default] == [4, 2]


def test_nothing_of_the_net_is_moved_by_trying() -> None:
    net = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Dropout(0.5)).train()
    before = {name: value.clone() for name, value in net.state_dict().items()}
    assert isinstance(suited(Model(net, "net"), open_data(X.movedim(1, -1))), Mended)
    assert net.training
    assert all(torch.equal(before[name], value) for name, value in net.state_dict().items())


SAID: dict[str, tuple[nn.Module, Any, Prepare | None, str]] = {
    "grey into colours": (convolution(3), GREY, None, "as they are, in float32; grey repeated for three channels"),
    "nothing": (convolution(3), X, None, "as they are, in float32"),
    "bytes as pictures": (
        convolution(3), (X * 255).byte(), Prepare(mean=(0.5,) * 3, std=(0.5,) * 3, channels=3),
        "bytes as pictures: RGB, (x - 0.5) / 0.5 on the scale 0..1",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", SAID)
def test_a_run_says_in_one_line_what_is_done_to_inputs(case: str, capfd: pytest.CaptureFixture[str]) -> None:
    net, data, prepare, said = SAID[case]
    few = lc.Settings(**WITHOUT | {"progress": True})
    lc.take(Model(net, "net", prepare=prepare), data, twin=False, settings=few)
    assert f"inputs: {said}\n" in capfd.readouterr().err
