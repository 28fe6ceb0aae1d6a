"""Files are there whole or not at all; folders that hold results are left alone."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from layercensus import CensusError
from layercensus.data import files
from layercensus.data.files import (
    beside,
    finish_folder,
    free_folder,
    image_bytes,
    whole_folder,
    write_bytes,
    write_text,
)


def test_a_file_is_written_and_replaced_and_nothing_lies_beside_it(tmp_path: Path) -> None:
    file = tmp_path / "deep" / "a.json"
    write_text(file, "one\ud800")
    write_bytes(file, b"two")
    assert file.read_bytes() == b"two"
    assert [path.name for path in file.parent.iterdir()] == ["a.json"]


@pytest.mark.parametrize("error", [KeyboardInterrupt(), RuntimeError("x")])
def test_an_interrupt_leaves_the_file_as_it_was(tmp_path: Path, error: BaseException) -> None:
    file = tmp_path / "a"
    write_bytes(file, b"old")
    with pytest.raises(type(error)), beside(file) as part:  # noqa: PT012 - the block is what is interrupted
        part.write_bytes(b"ne")
        raise error
    assert file.read_bytes() == b"old"
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_a_full_disk_says_how_much_is_needed(tmp_path: Path) -> None:
    with pytest.raises(
        CensusError, match=r"No space left in .*: 3 MB more are needed\..*run again with resume=True\.$"
    ):
        with beside(tmp_path / "a", 3.2, resumes=True):
            raise OSError(errno.ENOSPC, "No space left on device")


def test_only_what_can_be_resumed_is_told_to_be(tmp_path: Path) -> None:
    with pytest.raises(CensusError, match=r"free some space and try again\.$"):
        with beside(tmp_path / "a"):
            raise OSError(errno.ENOSPC, "No space left on device")


def test_a_file_in_the_way_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(CensusError, match=r"must be a file that can be written"):
        write_bytes(tmp_path / "file" / "a", b"x")
    with pytest.raises(CensusError, match=r"must be a folder that can be written"):
        with whole_folder(tmp_path / "file"):
            pass
    with pytest.raises(CensusError, match=r"must be a folder that can be written"):
        free_folder(tmp_path / "file" / "deeper", holds="")


def _write(folder: Path, text: str) -> None:
    with whole_folder(folder) as new:
        for name in ("a", "b", "census.json"):
            (new / name).write_text(text)


def _contents(folder: Path) -> set[str]:
    finish_folder(folder)
    assert {path.name for path in folder.iterdir()} == {"a", "b", "census.json", "other"}
    return {(folder / name).read_text() for name in ("a", "b", "census.json")}


def _interrupted_at(step: int) -> Callable[[Path, Path], None]:
    moved = iter(range(1000))

    def replace(source: Path, target: Path, real=os.replace) -> None:
        if next(moved) == step:
            raise KeyboardInterrupt
        real(source, target)

    return replace


@pytest.mark.parametrize(("step", "left"), [(0, "old"), (1, "new"), (2, "new"), (3, "new")])
def test_whatever_interrupts_a_save_leaves_the_old_set_or_the_new_one(
    step: int, left: str, tmp_path: Path, monkeypatch
) -> None:
    """Interrupt at every system call that moves something: the reader sees one census, never a mixture."""
    (tmp_path / "other").touch()
    _write(tmp_path, "old")
    with monkeypatch.context() as patched:
        patched.setattr(files.os, "replace", _interrupted_at(step))
        with pytest.raises(KeyboardInterrupt):
            _write(tmp_path, "new")
    assert _contents(tmp_path) == {left}


def test_an_interrupt_while_writing_leaves_the_old_set(tmp_path: Path) -> None:
    (tmp_path / "other").touch()
    _write(tmp_path, "old")
    with pytest.raises(KeyboardInterrupt), whole_folder(tmp_path) as new:  # noqa: PT012
        (new / "a").write_text("new")
        raise KeyboardInterrupt
    assert _contents(tmp_path) == {"old"}


def test_a_kill_while_writing_leaves_the_old_set(tmp_path: Path) -> None:
    """What was half written stays aside, since it may be under way elsewhere; the next save replaces it."""
    _write(tmp_path, "old")
    (tmp_path / files.WRITING).mkdir()
    (tmp_path / files.WRITING / "a").write_text("half")
    finish_folder(tmp_path)
    assert (tmp_path / "a").read_text() == "old"
    (tmp_path / "other").touch()
    _write(tmp_path, "new")
    assert _contents(tmp_path) == {"new"}


def test_the_rule_for_folders(tmp_path: Path) -> None:
    free_folder(tmp_path / "new", holds="")
    assert (tmp_path / "new").is_dir()
    for allowed in ({"overwrite": True}, {"resume": True}):
        free_folder(tmp_path, holds="a census", **allowed)
    wording = r"already holds a census\. Pass another out, overwrite=True, or resume=True\."
    with pytest.raises(CensusError, match=wording):
        free_folder(tmp_path, holds="a census", resume=False)
    with pytest.raises(CensusError, match=r"Pass another out, or overwrite=True\.$"):  # where nothing can be resumed
        free_folder(tmp_path, holds="a census")
    with pytest.raises(CensusError, match="exclude each other"):
        free_folder(tmp_path, holds="", overwrite=True, resume=True)


@pytest.mark.parametrize(("kind", "head"), [("png", b"\x89PNG"), ("webp", b"RIFF")])
def test_images_as_files(kind: str, head: bytes) -> None:
    assert image_bytes(Image.new("L", (4, 4)), kind).startswith(head)
    with pytest.raises(ValueError, match="png or webp"):
        image_bytes(Image.new("L", (4, 4)), "gif")
