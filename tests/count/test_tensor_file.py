"""A file's table of contents is read once, and what is read is what was written."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from layercensus.count.tensor_file import TensorFile, fitting_together
from layercensus.errors import CensusError

WRITTEN = {
    "count": torch.tensor(7),
    "empty": torch.zeros(3, 0),
    "wide": torch.arange(6, dtype=torch.float32).view(3, 2) - 0.5,
    "mean|with a bar": torch.tensor([0.1, float("nan"), -float("inf")], dtype=torch.float64),
}


def test_what_is_read_is_what_was_written(tmp_path: Path) -> None:
    save_file(WRITTEN, str(tmp_path / "a"), {"head": "{}"})
    file = TensorFile.open(tmp_path / "a")
    read = file.read(WRITTEN)
    assert file.metadata == {"head": "{}"}
    for name, tensor in WRITTEN.items():
        assert read[name].dtype == tensor.dtype
        torch.testing.assert_close(read[name], tensor, rtol=0, atol=0, equal_nan=True)
    assert file.read(["wide"], torch.tensor([2, 0]))["wide"].tolist() == [[3.5, 4.5], [-0.5, 0.5]]


@pytest.mark.parametrize("kept", [0, 5, 40, -1])
def test_a_file_that_was_cut_off_is_refused_in_one_line(tmp_path: Path, kept: int) -> None:
    save_file(WRITTEN, str(tmp_path / "a"))
    (tmp_path / "a").write_bytes((tmp_path / "a").read_bytes()[:kept])
    with pytest.raises(CensusError, match=r"^.*a is damaged \(.*\)\. Remove its folder and count again\.$"):
        TensorFile.open(tmp_path / "a")


def test_a_tensor_that_is_missing_is_refused_in_one_line(tmp_path: Path) -> None:
    save_file(WRITTEN, str(tmp_path / "a"))
    with pytest.raises(CensusError, match="no 'other'"):
        TensorFile.open(tmp_path / "a").read(["other"])


def test_too_little_memory_is_no_damage(tmp_path: Path) -> None:
    says = "DefaultCPUAllocator: can't allocate memory: you tried to allocate 8 bytes"
    with pytest.raises(RuntimeError, match="allocate memory"), fitting_together(tmp_path):
        raise RuntimeError(says)
    with pytest.raises(CensusError, match="is damaged"), fitting_together(tmp_path):
        raise RuntimeError("The size of tensor a (3) must match the size of tensor b (4)")
