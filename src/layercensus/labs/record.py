"""The folder of one run of a lab: what has been made is kept, and gone on with."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterable
from hashlib import sha256
from pathlib import Path
from typing import Any

from torch import Tensor

from ..errors import CensusError

HELD = ("nets", "layers", "stacks", "measured", "census", "pictures", "assets")


class Folder:
    """A folder of results that were made in one way.

    about: what decides them, with the lab's name under "lab"; it is kept as `how.json`.

    Raises:
        CensusError: it holds results already and `resume` is not set, or they were made in another way.
    """

    def __init__(self, folder: Path, about: dict[str, Any], resume: bool, overwrite: bool = False) -> None:
        self.path, about = folder, json.loads(json.dumps(about))
        self.lab = about["lab"]
        try:
            file = folder / "how.json"
            if folder.is_dir() and any(folder.iterdir()) and not _of(file, about["lab"]):
                raise CensusError(f"{folder} must be empty or hold results of this lab. Pass another out.")
            if overwrite and resume:
                raise CensusError("overwrite=True begins anew, resume=True continues. Pass one of them.")
            if overwrite and folder.is_dir():
                clear(folder, self.lab)
            folder.mkdir(parents=True, exist_ok=True)
            if file.is_file():
                if not resume:
                    raise CensusError(
                        f"{folder} already holds a run. Pass another out, resume=True, or overwrite=True."
                    )
                if json.loads(file.read_text("utf-8")) != about:
                    raise CensusError(f"{folder} holds a run made in another way. Pass another out, or overwrite=True.")
            self._write("how.json", about)
        except (OSError, ValueError) as error:
            if isinstance(error, CensusError):
                raise
            why = getattr(error, "strerror", None) or error
            raise CensusError(f"{folder} must be a folder that can be written. Got: {why}.") from error

    def once(self, name: str, make: Callable[[], Any]) -> Any:
        """What `make` gives as JSON, made only where it is not there yet."""
        file = self.path / "measured" / f"{name}.json"
        try:
            if file.is_file():
                return json.loads(file.read_text("utf-8"))
            file.parent.mkdir(exist_ok=True)
            made = make()
            self._write(f"measured/{name}.json", made)
            return json.loads(json.dumps(made))
        except (OSError, ValueError) as error:
            if isinstance(error, CensusError):
                raise
            raise CensusError(f"{file} must be a file that this lab wrote. Got: {error}.") from error

    def write(self, results: Any) -> None:
        """Keep the results of the whole run."""
        try:
            self._write(f"{self.lab}.json", results)
        except OSError as error:
            raise CensusError(f"{self.path} must be a folder that can be written. Got: {error.strerror}.") from error

    def _write(self, name: str, held: Any) -> None:
        part = self.path / f"{name}.part"
        part.write_text(json.dumps(held, indent=1), "utf-8")
        os.replace(part, self.path / name)


def digest(pictures: Iterable[Tensor]) -> str:
    """A short name for the content of pictures."""
    held = sha256()
    for x in pictures:
        held.update(x.numpy().tobytes())
    return held.hexdigest()[:16]


def _of(file: Path, lab: str) -> bool:
    """Whether a run of this lab wrote the file."""
    try:
        held = json.loads(file.read_text("utf-8"))
        return isinstance(held, dict) and held.get("lab") == lab
    except (OSError, ValueError):
        return False


def clear(folder: Path, lab: str) -> None:
    """Remove what an earlier run of a lab wrote into its folder; `how.json` goes last."""
    for name in HELD:
        if (folder / name).is_dir():
            shutil.rmtree(folder / name)
    for file in [*folder.glob("*.csv"), folder / "index.html", folder / f"{lab}.json", folder / "how.json"]:
        file.unlink(missing_ok=True)
