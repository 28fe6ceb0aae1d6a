"""What is on disk survives a full one."""

from __future__ import annotations

import errno
from pathlib import Path

import pandas as pd
import pytest
import safetensors.torch

import layercensus as lc
from layercensus.cli.app import main
from layercensus.count import store

COMMAND = ["run", "tests.user_models:small", "digits", "--no-twin", "--quiet", "--checkpoint", "0", "--batch", "300"]


def test_a_full_disk_gives_one_line_and_keeps_the_checkpoints(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert main([*COMMAND, "--out", str(tmp_path / "straight")]) == 0
    written: list[str] = []

    def full_after_five(tensors: object, file: str, metadata: object) -> None:
        written.append(file)
        if len(written) > 5:
            Path(file).write_bytes(b"half of")
            raise OSError(errno.ENOSPC, "No space left on device")
        safetensors.torch.save_file(tensors, file, metadata)  # type: ignore[arg-type]

    monkeypatch.setattr(store, "save_file", full_after_five)
    capsys.readouterr()
    assert main([*COMMAND, "--out", str(tmp_path / "out")]) == 2
    lines = capsys.readouterr().err.strip().splitlines()
    assert len(lines) == 1
    assert "No space left in" in lines[0]
    assert "--resume" in lines[0]
    assert not list((tmp_path / "out/counting").glob("*.partial"))
    monkeypatch.undo()
    assert main([*COMMAND, "--out", str(tmp_path / "out"), "--resume"]) == 0
    straight, resumed = lc.load(tmp_path / "straight"), lc.load(tmp_path / "out")
    pd.testing.assert_frame_equal(resumed.layers, straight.layers, rtol=1e-6, atol=1e-6)
