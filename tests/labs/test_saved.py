"""A lab's net comes back from its file as it was, and what is no such file is refused."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from layercensus.errors import CensusError
from layercensus.labs.identity.nets import Shape, as_json, build
from layercensus.labs.saved import open_lab, save_net


def test_a_net_comes_back(tmp_path: Path) -> None:
    shape = Shape(depth=3, channels=4, padding="circular", bias=False, activation="tanh")
    net = build(shape, 3)
    save_net(tmp_path / "new" / "net.safetensors", "identity", as_json(shape), net.state_dict(), steps=7)
    model = open_lab(str(tmp_path / "new" / "net.safetensors"))
    x = torch.rand(2, 1, 28, 28)
    assert torch.equal(model.net(x), net(x))
    assert model.about["steps"] == 7
    assert model.fresh is not None
    assert torch.equal(model.fresh(3)(x), net(x))
    assert [file.name for file in (tmp_path / "new").iterdir()] == ["net.safetensors"]


def test_what_is_no_net_of_a_lab_is_refused(tmp_path: Path) -> None:
    plain, other, wrong = (tmp_path / f"{name}.safetensors" for name in ("plain", "other", "wrong"))
    save_file({"a": torch.zeros(1)}, plain)
    save_net(other, "checkpoint", {}, {"a": torch.zeros(1)})
    save_net(wrong, "identity", as_json(Shape(depth=2, channels=3)), build(Shape(depth=2, channels=4), 0).state_dict())
    for file, words in ((plain, "cannot be read"), (other, "must come from one of"), (wrong, "do not fit")):
        with pytest.raises(CensusError, match=words):
            open_lab(str(file))


def test_the_library_says_nothing_of_the_command(tmp_path: Path) -> None:
    broken = tmp_path / "broken.safetensors"
    broken.write_bytes(b"no tensors")
    for file in (broken, tmp_path / "none.safetensors"):
        with pytest.raises(CensusError, match="must be a net saved by one of the labs") as caught:
            open_lab(str(file))
        assert "layercensus" not in str(caught.value)
