"""The file of a timeline: a line a reading, so that a killed run keeps all but the line it was writing."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ..data.files import writable, write_bytes
from ..errors import CensusError
from .entry import Entry, LayerInfo

FILE, FORMAT = "timeline.jsonl", 1
Head = Mapping[str, Any]


def begin(folder: Path, head: Head) -> None:
    """A new journal with nothing but its head.

    Raises:
        CensusError: the folder cannot be written.
    """
    with writable(folder):
        folder.mkdir(parents=True, exist_ok=True)
    write_bytes(folder / FILE, _line({"format": FORMAT, **head}))


def append(folder: Path, entry: Entry) -> None:
    """One more line. Cost: that line, however long the journal is."""
    with writable(folder), (folder / FILE).open("ab") as file:
        file.write(_line(entry.as_json()))


def write(folder: Path, head: Head, entries: Sequence[Entry]) -> None:
    """The whole journal at once."""
    with writable(folder):
        folder.mkdir(parents=True, exist_ok=True)
    lines = (_line({"format": FORMAT, **head}), *(_line(entry.as_json()) for entry in entries))
    write_bytes(folder / FILE, b"".join(lines))


def read(folder: Path) -> tuple[dict[str, Any], list[Entry]]:
    """The head and the entries, ascending in step; a last line that was cut off is passed over.

    An entry stands for all that came before it at its step or later: the run went on from an earlier checkpoint.

    Raises:
        CensusError: there is no journal, or another version's, or it is damaged.
    """
    file = folder / FILE
    if not file.is_file():
        raise CensusError(f"A timeline must be a folder with {FILE}. Got {folder}, which has none.")
    head, *lines = _whole_lines(file.read_bytes())
    if head.get("format") != FORMAT:
        raise CensusError(f"A timeline must have the format {FORMAT}. Got {head.get('format')} in {file}.")
    entries: list[Entry] = []
    for known in lines:
        entry = Entry.from_json(known)
        while entries and entries[-1].step >= entry.step:
            entries.pop()
        entries.append(entry)
    return {name: value for name, value in head.items() if name != "format"}, entries


def mend(folder: Path) -> None:
    """Take off a last line that was cut off, so that the next one begins a line."""
    content = (folder / FILE).read_bytes()
    end = content.rfind(b"\n") + 1
    if end < len(content):
        write_bytes(folder / FILE, content[:end])


def _line(known: Mapping[str, Any]) -> bytes:
    return json.dumps(known, allow_nan=False, separators=(",", ":")).encode() + b"\n"


def _whole_lines(content: bytes) -> list[dict[str, Any]]:
    try:
        lines = [json.loads(line) for line in content.split(b"\n")[:-1] if line.strip()]
    except ValueError as error:
        raise CensusError(f"A timeline's lines must be whole. Got a damaged {FILE}: {error}.") from error
    if not lines or not all(isinstance(line, dict) for line in lines):
        raise CensusError(f"A timeline must begin with its head. Got an empty or damaged {FILE}.")
    return lines


def head_of(about: Mapping[str, Any], infos: Sequence[LayerInfo]) -> dict[str, Any]:
    """What stands first in the file of a timeline, as JSON."""
    return {"about": dict(about), "layers": [vars(info) for info in infos]}
