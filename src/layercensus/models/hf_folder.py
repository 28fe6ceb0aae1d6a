"""Where a model of transformers is read from: a folder, offline, or the hub, because the user named it."""

from __future__ import annotations

import contextlib
import json
import logging
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import CensusError

ADAPTER, MODULES = "adapter_config.json", "modules.json"
TRANSFORMER = "Transformer"  # the class of the module of a sentence encoder that holds the net


@dataclass(frozen=True)
class Place:
    """A folder, or a name on the hub."""

    name: str
    offline: bool  # a folder

    @property
    def options(self) -> dict[str, Any]:
        """For every `from_pretrained`: no code of the model's own runs."""
        return {"local_files_only": self.offline, "trust_remote_code": False}

    @property
    def called(self) -> str:
        """The model's name."""
        return f"hf:{Path(self.name).resolve().name if self.offline else self.name}"

    def file(self, transformers: Any, name: str) -> Any:
        """What a JSON file of it holds; None where it has none."""
        with contextlib.suppress(OSError, ValueError):
            file = transformers.utils.cached_file(self.name, name, local_files_only=self.offline)
            return json.loads(Path(file).read_text("utf-8"))
        return None


def place_of(name: str) -> Place:
    """The place that a name stands for.

    Raises:
        CensusError: it looks like a path, and no folder is there.
    """
    offline = Path(name).is_dir()
    if not offline and (name.startswith((".", "/", "~")) or name.count("/") > 1):
        raise CensusError(f"hf:{name} must be a folder or the name of a model on the hub. Got no such folder.")
    return Place(name, offline)


def inner_folder(place: Place, transformers: Any) -> tuple[Place, str]:
    """The folder of the net inside that of a sentence encoder, and what its other modules do, in words."""
    if place.offline and (Path(place.name) / MODULES).is_file():
        modules = place.file(transformers, MODULES) or []
        kinds = [(str(m["type"]).rpartition(".")[2], str(m["path"])) for m in modules]
        path = next((path for kind, path in kinds if kind == TRANSFORMER), "")
        left = [kind for kind, _ in kinds if kind != TRANSFORMER]
        said = f"left out behind the tokens: {', '.join(left)}" if left else ""
        return Place(str(Path(place.name) / path) if path else place.name, True), said
    return place, ""


@contextlib.contextmanager
def silent(transformers: Any) -> Iterator[None]:
    """Transformers and the hub's client say nothing inside."""
    talk = transformers.utils.logging
    level, bars = talk.get_verbosity(), talk.is_progress_bar_enabled()
    hub = logging.getLogger("huggingface_hub")
    hub_level = hub.level
    talk.set_verbosity(logging.CRITICAL)
    hub.setLevel(logging.CRITICAL)
    talk.disable_progress_bar()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        talk.set_verbosity(level)
        hub.setLevel(hub_level)
        if bars:
            talk.enable_progress_bar()
