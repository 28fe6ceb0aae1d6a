"""A folder of sounds, one example a file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ..errors import CensusError
from .reading import one_line
from .records import Records, Row, Table
from .request import Request, one_kind
from .sound import MOST, header, library, sounds


def open_audio(text: str, request: Request) -> Records:
    """audio:FOLDER[:seconds]: ids are paths relative to the folder; its sub-folders are classes, those below groups.

    Every sound has one channel, the net's own rate (that of the first file where it names none) and one length: the
    seconds that are given, else those of the shortest file.

    Raises:
        CensusError: no folder, no sound in it, a file that cannot be read, or soundfile is missing.
    """
    one_kind(request.prepare, "sounds", "audio")
    library()
    root, seconds = _taken_apart(text)
    found = sounds(root)
    if not found:
        raise CensusError(f"audio:{root} must hold sounds. Got a folder without any file that looks like one.")
    ids, paths = tuple(found), list(found.values())
    if seconds is None:
        seconds = min(MOST, min(_seconds(path) for path in paths))
    classes = _folders(ids)
    row = {"audio": None} | ({"label": None} if classes else {})

    def read(rows: Sequence[int], columns: Sequence[str] | None) -> list[Row]:
        entries = [
            {"audio": {"path": str(paths[n]), "bytes": None}} | ({"label": classes[ids[n]]} if classes else {})
            for n in rows
        ]
        return [{column: entry[column] for column in (columns or row)} for entry in entries]

    about = {"files": len(ids)}
    table = Table(f"audio:{root.resolve().name}", len(ids), read, ids=ids, seconds=seconds, about=about)
    return Records(table, request)


def _taken_apart(text: str) -> tuple[Path, float | None]:
    root, _, seconds = text.rpartition(":")
    if Path(text).is_dir():
        return Path(text), None
    if not Path(root).is_dir() or not root:
        raise CensusError(f"audio:{text} must be a folder. Got no such folder.")
    try:
        length = float(seconds)
    except ValueError:
        length = 0.0
    if not 0 < length < float("inf"):
        raise CensusError(f"audio:FOLDER:SECONDS must have a number of seconds above 0. Got {seconds!r}.")
    return Path(root), length


def _seconds(path: Path) -> float:
    try:
        return header(path)[1]
    except Exception as error:
        raise CensusError(f"{path} must be a readable sound. Got: {one_line(error)}. Remove it.") from error


def _folders(ids: Sequence[str]) -> dict[str, str]:
    """The class of each sound; none where they do not lie in two or more sub-folders."""
    folders = {id: id.partition("/")[0] if "/" in id else "" for id in ids}
    return folders if "" not in folders.values() and len(set(folders.values())) > 1 else {}
