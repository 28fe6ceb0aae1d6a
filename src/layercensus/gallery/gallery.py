"""What a report draws of a census beside its numbers: examples, where units peak in them, histograms, correlations."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load_file, save

from ..layers.field import Field

RANKS = 5  # top examples of a unit that are shown
HEAD, ARRAYS = "gallery.json", "gallery.safetensors"


@dataclass(frozen=True)
class Strip:
    """How often each unit of a layer responds how much: the spatial means over the panel's examples."""

    counts: NDArray[np.int32]  # (units, bins)
    low: NDArray[np.float32]  # (units,) the lower edge of the first bin
    high: NDArray[np.float32]  # (units,) the upper edge of the last


@dataclass(frozen=True)
class Matrix:
    """Correlations between units of a layer over positions of held-out examples, in the order of the clusters' tree."""

    units: NDArray[np.int32]  # (shown,) which unit each row is
    values: NDArray[np.int8]  # (shown, shown) correlation x 100


@dataclass(frozen=True)
class Made:
    """A picture made to excite a unit, cut to what the peak's position can see, and its score."""

    picture: bytes  # a picture file
    score: Mapping[str, Any]  # the fields of see.Score, and contrast


@dataclass(frozen=True)
class Gallery:
    """Nothing here is counted, and no number of a census depends on it.

    kind: what an example is: "images", "signals", "tokens", or "" where none are kept. examples: by id the bytes of a
    picture file, or float32 values of a signal, or a JSON list of a sentence's tokens in UTF-8 ("" for what is not
    counted). side: (height, width) or (length,) of an input. scale: how values became brightness, in words. missing:
    why there are no examples. places: by layer (units, ranks) int32, the position at which a unit peaks in each of its
    top examples, -1 where it has no positions or the example is not kept. fields: by layer, what its positions can
    see. made: by layer and unit, pictures that were made. made_by: how, in words.
    """

    kind: str = ""
    examples: Mapping[str, bytes] = field(default_factory=dict)
    side: tuple[int, ...] = ()
    scale: str = ""
    missing: str = ""
    places: Mapping[str, NDArray[np.int32]] = field(default_factory=dict)
    fields: Mapping[str, Field] = field(default_factory=dict)
    strips: Mapping[str, Strip] = field(default_factory=dict)
    matrices: Mapping[str, Matrix] = field(default_factory=dict)
    made: Mapping[tuple[str, int], Made] = field(default_factory=dict)
    made_by: str = ""

    def save(self, folder: Path) -> None:
        """Write it beside a census; OSError when that is impossible."""
        arrays = _packed("examples", "ends", list(self.examples.values()))
        arrays |= _packed("made", "made_ends", [one.picture for one in self.made.values()])
        arrays |= {f"places|{layer}": places for layer, places in self.places.items()}
        for layer, strip in self.strips.items():
            arrays |= {f"counts|{layer}": strip.counts, f"low|{layer}": strip.low, f"high|{layer}": strip.high}
        for layer, matrix in self.matrices.items():
            arrays |= {f"units|{layer}": matrix.units, f"values|{layer}": matrix.values}
        head = {
            "kind": self.kind, "ids": list(self.examples), "side": list(self.side), "scale": self.scale,
            "missing": self.missing, "made_by": self.made_by,
            "made": [[layer, unit, dict(one.score)] for (layer, unit), one in self.made.items()],
            "fields": {layer: found.as_json() for layer, found in self.fields.items()},
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
        pictures = _unpacked(arrays, "made", "made_ends") if "made" in arrays else []
        made = zip(head.get("made", []), pictures, strict=True)
        named = {name: _named(arrays, name) for name in ("places", "counts", "low", "high", "units", "values")}
        strips = {at: Strip(counts, named["low"][at], named["high"][at]) for at, counts in named["counts"].items()}
        return cls(
            kind=head["kind"],
            examples=dict(zip(head["ids"], parts, strict=True)),
            side=tuple(head["side"]),
            scale=head["scale"],
            missing=head["missing"],
            places=named["places"],
            fields={layer: Field.from_json(held) for layer, held in head["fields"].items()},
            strips=strips,
            matrices={layer: Matrix(units, named["values"][layer]) for layer, units in named["units"].items()},
            made={(layer, unit): Made(picture, score) for (layer, unit, score), picture in made},
            made_by=head.get("made_by", ""),
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
    return {key.partition("|")[2]: value for key, value in arrays.items() if key.startswith(f"{name}|")}
