"""The folder of one run: what has been measured is kept, and gone on with."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ...errors import CensusError

RESULTS = "results.json"
HELD = ("layers", "measured", "census", "pictures", "assets")


class Folder:
    """A folder of results that were made in one way.

    Raises:
        CensusError: it holds results already and `resume` is not set, or they were made in another way.
    """

    def __init__(self, folder: Path, about: dict[str, Any], resume: bool, overwrite: bool = False) -> None:
        self.path, about = folder, json.loads(json.dumps(about))
        try:
            if overwrite:
                clear(folder)
            folder.mkdir(parents=True, exist_ok=True)
            file = folder / "how.json"
            if file.is_file():
                if not resume:
                    raise CensusError(
                        f"{folder} already holds a run. Name another --out, or go on with --resume, or --overwrite."
                    )
                if json.loads(file.read_text("utf-8")) != about:
                    raise CensusError(f"{folder} holds a run made in another way. Name another --out, or --overwrite.")
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
            self._write(RESULTS, results)
        except OSError as error:
            raise CensusError(f"{self.path} must be a folder that can be written. Got: {error.strerror}.") from error

    def _write(self, name: str, held: Any) -> None:
        part = self.path / f"{name}.part"
        part.write_text(json.dumps(held, indent=1), "utf-8")
        os.replace(part, self.path / name)


def clear(folder: Path) -> None:
    """Remove what an earlier run wrote."""
    for name in HELD:
        shutil.rmtree(folder / name, ignore_errors=True)
    (folder / "how.json").unlink(missing_ok=True)
