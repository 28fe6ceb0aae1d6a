"""What a report shows of a census beside its numbers: examples, where units peak in them, histograms, correlations."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load_file, save

from ..layers.field import Field

RANKS = 5  # top examples of a unit that are shown
HEAD, ARRAYS = "gallery.json", "gallery.safetensors"


@dataclass(frozen=True)
class Part:
    """One array of one layer, as the name of a tensor in a file."""

    BETWEEN: ClassVar[str] = "|"
    name: str
    layer: str

    @property
    def text(self) -> str:
        """The key in the file."""
        return f"{self.name}{self.BETWEEN}{self.layer}"

    @classmethod
    def read(cls, text: str) -> Part:
        """The part whose `text` this is."""
        name, _, layer = text.partition(cls.BETWEEN)
        return cls(name, layer)


@dataclass(frozen=True)
class Strip:
    """How often each unit of a layer responds how much: the spatial means over the panel's examples."""

    counts: NDArray[np.int32]  # (units, bins)
    low: NDArray[np.float32]  # (units,) the lower edge of the first bin
    high: NDArray[np.float32]  # (units,) the upper edge of the last


@dataclass(frozen=True)
class Matrix:
    """Correlations between units of a layer over positions of held-out examples, in the order of their linkage."""

    units: NDArray[np.int32]  # (shown,) which unit each row is
    values: NDArray[np.int8]  # (shown, shown) correlation x 100


@dataclass(frozen=True)
class OptimisedImage:
    """An image optimised to excite a unit, cropped to the receptive field of its peak, and its score."""

    picture: bytes  # a picture file
    score: Mapping[str, Any]  # the fields of `Score` (visualise/score.py), and contrast


@dataclass(frozen=True)
class Gallery:
    """Nothing here is counted, and no number of a census depends on it.

    kind: what an example is: "images", "signals", "tokens", "rows", or "" where there are none. examples: by id the
    bytes of a picture file, or float32 values of a signal or of a table's row, or a JSON list of a sentence's tokens in
    UTF-8 ("" for what is not counted). columns: names of a row's numbers. side: (height, width) or (length,) of an
    input. scale: how values became brightness, in words. missing: why there are no examples. peaks: by layer
    (units, ranks) int32, the position at which a unit peaks in each of its top examples, -1 where it has no positions
    or the example is not kept. fields: by layer, what its positions can see. visualisations: by layer and unit, the
    optimised images. method: how they were optimised, in words.
    """

    kind: str = ""
    examples: Mapping[str, bytes] = field(default_factory=dict)
    side: tuple[int, ...] = ()
    scale: str = ""
    missing: str = ""
    peaks: Mapping[str, NDArray[np.int32]] = field(default_factory=dict)
    fields: Mapping[str, Field] = field(default_factory=dict)
    strips: Mapping[str, Strip] = field(default_factory=dict)
    matrices: Mapping[str, Matrix] = field(default_factory=dict)
    visualisations: Mapping[tuple[str, int], OptimisedImage] = field(default_factory=dict)
    method: str = ""
    columns: tuple[str, ...] = ()

    def save(self, folder: Path) -> None:
        """Write it beside a census; OSError when that is impossible."""
        arrays = _packed("examples", "ends", list(self.examples.values()))
        arrays |= _packed("visualisations", "visualisation_ends", [v.picture for v in self.visualisations.values()])
        arrays |= {Part("peaks", layer).text: peaks for layer, peaks in self.peaks.items()}
        for layer, strip in self.strips.items():
            for name in ("counts", "low", "high"):
                arrays[Part(name, layer).text] = getattr(strip, name)
        for layer, matrix in self.matrices.items():
            arrays |= {Part("units", layer).text: matrix.units, Part("values", layer).text: matrix.values}
        head = {
            "kind": self.kind, "ids": list(self.examples), "side": list(self.side), "scale": self.scale,
            "missing": self.missing, "method": self.method, "columns": list(self.columns),
            "visualisations": [[layer, unit, dict(v.score)] for (layer, unit), v in self.visualisations.items()],
            "fields": {layer: field.as_json() for layer, field in self.fields.items()},
        }  # fmt: skip
        (folder / ARRAYS).write_bytes(save({name: np.ascontiguousarray(value) for name, value in arrays.items()}))
        (folder / HEAD).write_text(json.dumps(head, ensure_ascii=False, indent=1), "utf-8", errors="backslashreplace")

    @classmethod
    def load(cls, folder: Path) -> Gallery:
        """The gallery beside a census; an empty one where there is none."""
        if not (folder / HEAD).is_file():
            return cls(missing="the census was saved without pictures")
        head = json.loads((folder / HEAD).read_text("utf-8"))
        arrays = load_file(str(folder / ARRAYS))
        parts = _unpacked(arrays, "examples", "ends")
        pictures = _unpacked(arrays, "visualisations", "visualisation_ends")
        visualisations = zip(head["visualisations"], pictures, strict=True)
        named = {name: _named(arrays, name) for name in ("peaks", "counts", "low", "high", "units", "values")}
        strips = {key: Strip(counts, named["low"][key], named["high"][key]) for key, counts in named["counts"].items()}
        return cls(
            kind=head["kind"],
            examples=dict(zip(head["ids"], parts, strict=True)),
            side=tuple(head["side"]),
            scale=head["scale"],
            missing=head["missing"],
            peaks=named["peaks"],
            fields={layer: Field.from_json(saved) for layer, saved in head["fields"].items()},
            strips=strips,
            matrices={layer: Matrix(units, named["values"][layer]) for layer, units in named["units"].items()},
            visualisations={
                (layer, unit): OptimisedImage(picture, score) for (layer, unit, score), picture in visualisations
            },
            method=head["method"],
            columns=tuple(head.get("columns", ())),
        )


def _packed(name: str, ends: str, parts: list[bytes]) -> dict[str, NDArray[Any]]:
    """Files as one array, and where each of them ends."""
    return {
        name: np.frombuffer(b"".join(parts), dtype=np.uint8),
        ends: np.cumsum([len(part) for part in parts], dtype=np.int64),
    }


def _unpacked(arrays: Mapping[str, NDArray[Any]], name: str, ends: str) -> list[bytes]:
    """The way back."""
    return [part.tobytes() for part in np.split(arrays[name], arrays[ends][:-1])] if len(arrays[ends]) else []


def _named(arrays: Mapping[str, NDArray[Any]], name: str) -> dict[str, NDArray[Any]]:
    """The arrays of one name, by layer."""
    parts = {Part.read(key): value for key, value in arrays.items() if Part.BETWEEN in key}
    return {part.layer: value for part, value in parts.items() if part.name == name}
