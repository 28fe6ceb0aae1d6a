"""What a census holds: tables, arrays, findings and where it all came from; saved and loaded without loss."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple, get_type_hints

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from safetensors.numpy import load_file, save

from ..count.interrupts import uninterrupted
from ..count.json_types import fits
from ..count.nets import BETWEEN, TRAINED, LayerKey
from ..count.provenance import Provenance
from ..count.untrained import UntrainedCounts
from ..data.files import finish_folder, read_whole, whole_folder, writable
from ..errors import CensusError, first_line
from ..gallery.gallery import Gallery
from ..measures import MEASURES
from .columns import Columns, twin_of
from .table_types import check_types

FORMAT = 5  # of the saved folder
HEAD = "census.json"
OPTIONAL_TEXT = "text or none"
TABLES = ("layers", "units", "twin_units", "runs")


class ArrayKey(NamedTuple):
    """One array of one layer of one net."""

    net: str  # "trained", "twin", "replica0", ...
    layer: str
    name: str

    @property
    def text(self) -> str:
        """The key as the name of a tensor in a file."""
        return f"{LayerKey(self.net, self.layer).text}{BETWEEN}{self.name}"

    @classmethod
    def read(cls, text: str) -> ArrayKey:
        """The key whose `text` this is."""
        layer, _, name = text.rpartition(BETWEEN)
        return cls(*LayerKey.read(layer), name)


@dataclass(frozen=True)
class Finding:
    """Something worth a reader's attention, with the evidence for it.

    >>> census.findings[0].sentence
    'Only 64 examples stand behind the tests between units; below 200 they are weak.'
    """

    layer: str | None  # None: it concerns the whole census
    units: tuple[int, ...]
    sentence: str
    evidence: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class CensusRecord:
    """How many units of each layer are dead, noise, duplicate and distinct, with the uncertainty of it.

    layers: a row per layer in forward order. units: a row per unit. twin_units: the same for the untrained twin.
    runs: a row per replica and layer. arrays: curves and bootstrap replicates. columns: what the tables' columns mean.
    provenance: where it comes from, and the settings. untrained: counts of several untrained nets on a few examples.
    gallery: what the report draws and no number depends on.
    """

    layers: pd.DataFrame
    units: pd.DataFrame
    twin_units: pd.DataFrame
    runs: pd.DataFrame
    arrays: Mapping[ArrayKey, NDArray[Any]]
    findings: tuple[Finding, ...]
    provenance: Provenance
    columns: Columns = field(default_factory=lambda: Columns.of(MEASURES), repr=False)
    untrained: UntrainedCounts = field(default_factory=UntrainedCounts, repr=False)
    gallery: Gallery = field(default_factory=Gallery, repr=False)

    @cached_property
    def about(self) -> Mapping[str, Any]:
        """The provenance as a dict of plain values.

        >>> census.about["examples"]
        64
        """
        return self.provenance.as_json()

    @property
    def has_twin(self) -> bool:
        """Whether an untrained twin was counted beside the net.

        >>> census.has_twin
        True
        """
        name = twin_of("distinct")
        return name in self.layers and bool(self.layers[name].notna().any())

    def array(self, layer: str, name: str, net: str = TRAINED) -> NDArray[Any] | None:
        """A curve or the bootstrap replicates of one layer, None where it was not made.

        >>> census.array("1", "distinct_resamples").shape
        (20,)
        >>> census.array("1", "spectrum") is None  # of Settings(dimension=True)
        True
        """
        return self.arrays.get(ArrayKey(net, layer, name))

    def save(self, folder: str | Path) -> Path:
        """Write the census into `folder`: CSV tables, census.json, arrays.safetensors, and the gallery's two files.

        All of them or none: an interrupt, a kill or a full disk leaves the census that the folder held before.

        >>> folder = census.save("results")
        >>> (folder / "layers.csv").is_file()
        True

        Raises:
            CensusError: when the folder cannot be written.
        """
        folder = Path(folder)
        with uninterrupted(), whole_folder(folder) as new:
            for name in TABLES:
                _to_csv(getattr(self, name), new / f"{name}.csv")
            arrays = {key.text: np.ascontiguousarray(v).reshape(v.shape) for key, v in self.arrays.items()}
            (new / "arrays.safetensors").write_bytes(save(arrays))
            self.gallery.save(new)
            (new / HEAD).write_text(json.dumps(self._head(), indent=1, ensure_ascii=False), "utf-8")
        return folder

    def _head(self) -> dict[str, Any]:
        return {
            "format": FORMAT,
            "about": self.about,
            "findings": [asdict(finding) for finding in self.findings],
            "types": {name: {c: _kind(values) for c, values in getattr(self, name).items()} for name in TABLES},
            "columns": self.columns.as_json(),
            "untrained": self.untrained.as_json(),
        }


def read_record(folder: Path) -> CensusRecord:
    """What `CensusRecord.save` wrote into `folder`.

    Raises:
        CensusError: when there is none, or it is damaged.
    """
    if not holds_census(folder):
        raise CensusError(f"{folder} must hold a saved census (census.json). Got a folder without one.")
    try:
        return read_whole(folder, HEAD, lambda: _read(folder))
    except CensusError:
        raise
    except Exception as error:
        raise CensusError(f"{folder} holds a damaged census ({first_line(error)}). Count again.") from error


def holds_census(folder: Path) -> bool:
    """Whether a census was saved in `folder`; a save that was interrupted after its files were complete is finished."""
    with writable(folder):
        finish_folder(folder)
    return (folder / HEAD).is_file()


def _read(folder: Path) -> CensusRecord:
    head = json.loads((folder / HEAD).read_text("utf-8"))
    if head["format"] != FORMAT:
        raise CensusError(
            f"{folder} must hold a census of format {FORMAT}. Got format {str(head['format'])[:20]}: count again, "
            "since this version reads no other."
        )
    columns = Columns.from_json(head["columns"])
    check_types(head["types"], columns)
    if not isinstance(head["findings"], list):
        raise ValueError("findings is of another type")
    tables = {name: _from_csv(folder / f"{name}.csv", head["types"][name]) for name in TABLES}
    if not tables["layers"]["layer"].is_unique:
        raise ValueError("a layer stands in layers.csv twice")
    return CensusRecord(
        **tables,
        arrays={ArrayKey.read(n): value for n, value in load_file(str(folder / "arrays.safetensors")).items()},
        findings=tuple(_finding(one) for one in head["findings"]),
        provenance=Provenance.from_json(head["about"]),
        columns=columns,
        untrained=UntrainedCounts.from_json(head["untrained"]),
        gallery=Gallery.load(folder),
    )


def _finding(saved: Mapping[str, Any]) -> Finding:
    found = Finding(saved["layer"], tuple(saved["units"]), saved["sentence"], saved["evidence"])
    for name, kind in get_type_hints(Finding).items():
        if not fits(getattr(found, name), kind):
            raise ValueError(f"findings: {name} is of another type")
    return found


def _kind(column: pd.Series[Any]) -> str:
    """The type of a column, and whether an empty cell of text stands for none."""
    kind = str(column.dtype)
    return OPTIONAL_TEXT if kind == "string" and column.isna().any() else kind


def _to_csv(table: pd.DataFrame, file: Path) -> None:
    table = table.copy()
    for name in table.columns:
        if table[name].map(lambda v: isinstance(v, tuple)).any():
            table[name] = table[name].map(lambda v: json.dumps(list(v), ensure_ascii=False))
    table.to_csv(file, index=False, lineterminator="\n")


def _from_csv(file: Path, types: dict[str, str]) -> pd.DataFrame:
    if not types:
        return pd.DataFrame()
    table = pd.read_csv(
        file,
        dtype="string",
        keep_default_na=False,
        na_values={c: [""] for c in types if types[c] not in ("object", "str", "string")},
    )
    unsaid = [name for name in table if name not in types]
    if unsaid:
        raise ValueError(f"types.{file.stem} lacks {unsaid[0]}")
    return pd.DataFrame({name: _typed(table[name], kind) for name, kind in types.items()})


def _typed(column: pd.Series[Any], kind: str) -> pd.Series[Any]:
    if kind == "object":
        return column.map(lambda text: tuple(json.loads(text))).astype(object)
    if kind == OPTIONAL_TEXT:
        return column.astype("string")
    if kind in ("str", "string"):
        return column.astype(kind)
    if kind == "boolean":
        return column.map({"True": True, "False": False}).astype("boolean")
    if kind.startswith("Float"):
        return pd.Series([pd.NA if v is pd.NA else float(v) for v in column], dtype="Float64")
    return pd.Series([pd.NA if v is pd.NA else int(v) for v in column], dtype=kind)
