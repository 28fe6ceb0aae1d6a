"""Files that are there whole or not at all, and the one rule for a folder that holds results already."""

from __future__ import annotations

import io
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TypeVar

from PIL import Image

from ..errors import CensusError

WRITING, WRITTEN = ".writing", ".written"  # a set of files that is being written; that only has to be moved
ATTEMPTS = 5  # at reading a set of files that others write
T = TypeVar("T")
WEBP_QUALITY, WEBP_EFFORT = 80, 4


@contextmanager
def beside(file: Path, megabytes: float = 0.0, *, durable: bool = True, resumes: bool = False) -> Iterator[Path]:
    """A path to write to; it is renamed to `file` after the block, so that a reader never sees half a file.

    megabytes: what the file needs, for the message of a full disk. durable: also after a power cut, which costs some
    milliseconds; not needed for what can be made again. resumes: its writer has resume=True, for
    the same message. After an error or an interrupt `file` is as before.

    Raises:
        CensusError: the disk is full, or the file cannot be written.
    """
    part = file.with_name(f"{file.name}.partial")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        yield part
        if durable:
            _sync(part)
        os.replace(part, file)
    except BaseException as error:
        _remove(part)
        if _disk_is_full(error):
            need = f": {megabytes:.0f} MB more are needed" if megabytes >= 0.5 else ""
            raise CensusError(
                f"No space left in {file.parent}{need}. What was written before is kept; free some space and "
                + ("run again with resume=True." if resumes else "try again.")
            ) from error
        if isinstance(error, OSError):
            raise CensusError(f"{file} must be a file that can be written. Got: {error.strerror}.") from error
        raise


def write_bytes(file: Path, content: bytes, *, durable: bool = True, resumes: bool = False) -> None:
    """Write a file, whole or not at all. durable, resumes: as for `beside`.

    Raises:
        CensusError: the disk is full, or the file cannot be written.
    """
    with beside(file, len(content) / 1e6, durable=durable, resumes=resumes) as part:
        part.write_bytes(content)


def write_text(file: Path, text: str) -> None:
    """The same for text, in UTF-8; what no encoding holds (halves of a surrogate pair) is written as escapes."""
    write_bytes(file, text.encode("utf-8", errors="backslashreplace"))


@contextmanager
def whole_folder(folder: Path) -> Iterator[Path]:
    """An empty folder to write a set of files into; after the block all of them are in `folder`, over earlier ones.

    The set is complete from one rename on: whatever interrupts it, `finish_folder` (to be called before reading) leaves
    either the files of before or all of the new ones. Other files in `folder` stay.

    Raises:
        CensusError: the disk is full, or the folder cannot be written.
    """
    new = folder / WRITING
    try:
        folder.mkdir(parents=True, exist_ok=True)
        finish_folder(folder)
        shutil.rmtree(new, ignore_errors=True)
        new.mkdir()
        yield new
        for path in (path for path in new.rglob("*") if path.is_file()):
            _sync(path)
        os.replace(new, folder / WRITTEN)
        finish_folder(folder)
    except BaseException as error:
        shutil.rmtree(new, ignore_errors=True)
        if _disk_is_full(error):
            raise CensusError(
                f"No space left in {folder}. What was written before is kept; free some space and save again."
            ) from error
        if isinstance(error, OSError):
            raise CensusError(f"{folder} must be a folder that can be written. Got: {error.strerror}.") from error
        raise


def finish_folder(folder: Path) -> None:
    """Move in a complete set of files that an interrupted `whole_folder` left; one under way elsewhere is not touched.

    Raises:
        OSError: the folder cannot be written.
    """
    new = folder / WRITTEN
    if not new.is_dir():
        return
    with suppress(FileNotFoundError):  # another reader moves the same files
        paths = sorted(new.rglob("*"))
        for file in (path for path in paths if path.is_file()):
            target = folder / file.relative_to(new)
            target.parent.mkdir(parents=True, exist_ok=True)
            with suppress(FileNotFoundError):
                os.replace(file, target)
        for emptied in reversed([new, *(path for path in paths if path.is_dir())]):
            with suppress(OSError):  # a next set came to lie here meanwhile
                emptied.rmdir()


def read_whole(folder: Path, last: str, read: Callable[[], T]) -> T:
    """What `read` makes of a set of files that a `whole_folder` wrote, all of one set.

    last: a file that every set has. Where another process moves in a new set meanwhile, everything is read again.
    """
    for _ in range(ATTEMPTS):
        finish_folder(folder)
        before = _version(folder / last)
        try:
            content = read()
        except Exception:
            if (folder / WRITTEN).exists() or _version(folder / last) != before:
                continue
            raise
        if not (folder / WRITTEN).exists() and _version(folder / last) == before:
            return content
    raise CensusError(f"{folder} must rest for a moment to be read. Got one that is written again and again.")


def _version(file: Path) -> tuple[int, int]:
    """Which file stands there: another one after every rename."""
    status = file.stat()
    return status.st_ino, status.st_mtime_ns


def check_free(folder: Path, *, holds: str, overwrite: bool = False, resume: bool | None = None) -> None:
    """Refuse a folder that holds results already, unless replacing or resuming them was asked for.

    holds: what is in it, such as "a census"; "" for nothing. resume: None where nothing can be resumed.

    Raises:
        CensusError: it holds results; both were asked for.
    """
    if overwrite and resume:
        raise CensusError("overwrite and resume exclude each other: one begins anew, one continues. Got both.")
    if holds and not (overwrite or resume):
        ways = "or overwrite=True" if resume is None else "overwrite=True, or resume=True"
        raise CensusError(f"{folder} already holds {holds}. Pass another out, {ways}.")


def free_folder(folder: Path, *, holds: str, overwrite: bool = False, resume: bool | None = None) -> None:
    """Make a folder that `check_free` allows. Removing what is replaced is left to the caller.

    Raises:
        CensusError: as for `check_free`; the folder cannot be written.
    """
    check_free(folder, holds=holds, overwrite=overwrite, resume=resume)
    with writable(folder):
        folder.mkdir(parents=True, exist_ok=True)


@contextmanager
def writable(folder: Path) -> Iterator[None]:
    """Inside, an error of the system says that `folder` must be one that can be written."""
    try:
        yield
    except OSError as error:
        raise CensusError(f"{folder} must be a folder that can be written. Got: {error.strerror}.") from error


def image_bytes(image: Image.Image, kind: str, quality: int = WEBP_QUALITY, effort: int = WEBP_EFFORT) -> bytes:
    """An image as a file. kind: "png", without loss, or "webp", small. quality, effort: of WebP, 0..100 and 0..6."""
    file = io.BytesIO()
    if kind == "png":
        image.save(file, "PNG", optimize=True)
    elif kind == "webp":
        image.save(file, "WEBP", quality=quality, method=effort)
    else:
        raise ValueError(f"kind must be png or webp. Got {kind!r}.")
    return file.getvalue()


def _sync(file: Path) -> None:
    with open(file, "rb+") as opened:
        os.fsync(opened.fileno())


def _remove(file: Path) -> None:
    with suppress(OSError):  # its folder may be no folder
        file.unlink(missing_ok=True)


def _disk_is_full(error: BaseException) -> bool:
    return "No space left" in str(error) or "os error 28" in str(error)
