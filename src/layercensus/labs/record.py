"""The folder of one run of a lab: what has been measured is kept, and an interrupted run is resumed from it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterable
from hashlib import sha256
from pathlib import Path
from typing import Any

from torch import Tensor

from ..data.files import free_folder, writable, write_text
from ..errors import CensusError

OPTIONS = "options.json"
WRITTEN = ("nets", "layers", "stacks", "measured", "census", "pictures", "assets")


class Folder:
    """A folder of results that were made in one way.

    about: what decides them, with the lab's name under "lab"; it is kept as `options.json`.

    Raises:
        CensusError: it holds results already and neither resume nor overwrite is set, or they were made in another
            way, or it holds something else.
    """

    def __init__(self, folder: Path, about: dict[str, Any], *, resume: bool = False, overwrite: bool = False) -> None:
        self.path, about = folder, json.loads(json.dumps(about))
        self.lab = about["lab"]
        with writable(folder):
            filled = folder.is_dir() and any(folder.iterdir())
        saved = _read(folder / OPTIONS) if filled else None
        if filled and (saved is None or saved.get("lab") != self.lab):
            raise CensusError(f"{folder} must be empty or hold results of this lab. Pass another out.")
        free_folder(folder, holds=f"a run of the {self.lab} lab" if filled else "", resume=resume, overwrite=overwrite)
        if overwrite:
            _clear(folder, self.lab)
        elif saved is not None and saved != about:
            raise CensusError(f"{folder} holds a run made in another way. Pass another out, or overwrite=True.")
        write_text(folder / OPTIONS, json.dumps(about, indent=1))

    def once(self, name: str, measure: Callable[[], Any]) -> Any:
        """What `measure` gives as JSON, computed only where it is not there yet."""
        file = self.path / "measured" / f"{name}.json"
        if not file.is_file():
            write_text(file, json.dumps(measure(), indent=1))
        try:
            return json.loads(file.read_text("utf-8"))
        except (OSError, ValueError) as error:
            raise CensusError(f"{file} must be a file that this lab wrote. Got: {error}.") from error

    def write(self, results: Any) -> None:
        """Keep the results of the whole run."""
        write_text(self.path / f"{self.lab}.json", json.dumps(results, indent=1))


def digest(images: Iterable[Tensor]) -> str:
    """A short name for the content of images."""
    hashed = sha256()
    for x in images:
        hashed.update(x.numpy().tobytes())
    return hashed.hexdigest()[:16]


def _read(file: Path) -> dict[str, Any] | None:
    """The options of the run that wrote the file, None where none did."""
    try:
        saved = json.loads(file.read_text("utf-8"))
    except (OSError, ValueError):
        return None
    return saved if isinstance(saved, dict) else None


def _clear(folder: Path, lab: str) -> None:
    """Remove what an earlier run of a lab wrote into its folder; `options.json` goes last."""
    with writable(folder):
        for name in WRITTEN:
            if (folder / name).is_dir():
                shutil.rmtree(folder / name)
        for file in [*folder.glob("*.csv"), folder / "index.html", folder / f"{lab}.json", folder / OPTIONS]:
            file.unlink(missing_ok=True)
