"""What a reader should know about a census, in sentences with their evidence."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pandas as pd

from ..count.provenance import Provenance
from ..errors import some_of
from ..measures.distinct_status import deficient
from .looks import unestimated, untrained
from .near_copies import few
from .record import Finding

SHOWN = ("is unreliable under these views: less than half of its variance is the same in both",
         "are unreliable under these views: less than half of their variance is the same in both")  # fmt: skip
REPEATED = ("repeats another unit of the layer", "repeat another unit of the layer")
APART = 0.5  # distinct by means, of those by positions, below which the two are no small difference
STABLE = 0.5  # reliability of a map from which on it is the same in both views
FEW = 200  # examples in the panel below which counts of duplicates are not trusted


def find(layers: pd.DataFrame, units: pd.DataFrame, provenance: Provenance) -> tuple[Finding, ...]:
    """All findings, those about the whole census first."""
    findings = list(_whole(provenance))
    for _, row in layers.iterrows():
        findings.extend(_of_layer(row, units[units["layer"] == row["layer"]]))
    return tuple(findings)


def _whole(provenance: Provenance) -> Iterator[Finding]:
    if provenance.panel < FEW:
        yield Finding(
            None,
            (),
            f"Only {number_of(provenance.panel, 'example', 'stands', 'stand')} behind the tests between units; "
            f"below {FEW} they are weak.",
            {"panel": provenance.panel},
        )
    if provenance.shard is not None:
        number, shards = provenance.shard
        yield Finding(None, (), f"This is shard {number} of {shards} of the data, to be merged with the others.", {})
    if provenance.alone:
        yield Finding(
            None, (), f"Every example passed through the model by itself, since {provenance.alone}.", {"alone": True}
        )
    failed = provenance.untrained_failed
    if failed:
        yield Finding(
            None, (), f"{len(failed)} of the untrained nets could not be counted, so how much such nets differ is "
            f"known less well or not at all. The first: {failed[0]}", {"nets": len(failed)},
        )  # fmt: skip
    unasked = provenance.needs.get("failed", ())
    if unasked:
        yield Finding(
            None, (), f"What the answers rest on is not known of every net. {unasked[0]}", {"of": list(unasked)}
        )
    for module in provenance.met_late:
        yield Finding(
            None, (), f"{module}, after the layers were surveyed, and is not counted. Name it in layers, and an "
            "example that reaches it is looked for.", {"module": module},
        )  # fmt: skip
    unfit = provenance.mask_unfit
    if unfit:
        yield Finding(
            None,
            (),
            f"The mask fits no positions of {some_of(unfit)}, so padding is counted there.",
            {"layers": list(unfit)},
        )
    yield from _copies(provenance.copies)
    yield from few(provenance)
    if "targets" in provenance.data:
        yield Finding(
            None, (),
            "The data's targets are no classes (fractions, or several numbers an example): nothing is said of classes. "
            "Pass labels=..., one class per example, for that.",
            {"targets": provenance.data["targets"]},
        )  # fmt: skip
    left_out = provenance.concepts.get("left_out", {})
    if left_out:
        shown = [f"{name} ({why})" for name, why in left_out.items()]
        yield Finding(
            None, (), f"{number_of(len(left_out), 'concept', 'is', 'are')} in too few examples of the panel, or in "
            f"nearly all, and left out: {some_of(shown)}.", {"left_out": dict(left_out)},
        )  # fmt: skip
    bare = provenance.bare
    if bare:
        yield Finding(
            None,
            (),
            f"No nonlinearity was seen after {some_of(bare)}: name them to count them.",
            {"layers": list(bare)},
        )
    skipped = provenance.data.get("skipped")
    if skipped:
        yield Finding(None, (), f"Unreadable files were skipped: {skipped}.", {"skipped": skipped})
    if provenance.twin.startswith("re-initialised"):
        yield Finding(None, (), f"The untrained twin was {provenance.twin}.", {})
    yield from _shared(provenance.shared)
    yield from untrained(provenance.looks_untrained)
    yield from unestimated(provenance.unestimated)


def _shared(shared: Mapping[str, Any]) -> Iterator[Finding]:
    """What the twin has in common with the net."""
    same, kept = shared.get("layers", ()), [*shared.get("designed", ()), *shared.get("learned", ())]
    if kept:
        yield Finding(
            None, (),
            f"The untrained twin keeps {some_of(kept)} of the net, taken for fixed by design. Where they were learned, "
            "the twin is no twin: pass twin=a module of yours, or twin=False.",
            {"kept": kept},
        )  # fmt: skip
    if same:
        yield Finding(
            None, (),
            f"The untrained twin gives the net's own outputs in {some_of(same)}: no weights that were initialised "
            "again were seen before, so comparing the two says nothing there.",
            {"layers": list(same)},
        )  # fmt: skip


def number_of(number: int, noun: str, *verbs: str) -> str:
    """A number with its noun, and with the one or the other verb.

    >>> number_of(1, "example", "is", "are"), number_of(2000, "unit")
    ('1 example is', '2,000 units')
    """
    return " ".join([f"{number:,}", noun if number == 1 else f"{noun}s", *verbs[number != 1 :][:1]])


def _copies(copies: Mapping[str, Any]) -> Iterator[Finding]:
    dropped, read, across = (copies.get(name, 0) for name in ("copies", "read", "across_shards"))
    if dropped:
        text = f"{dropped:,} of {read:,} examples were copies of others and counted once."
        yield Finding(None, (), text, {"copies": dropped, "examples": read})
    if across:
        text = f"{across:,} examples lie in several shards: once in the tests between units, more often in the means."
        yield Finding(None, (), text, {"copies": across})


def _of_layer(row: pd.Series[Any], units: pd.DataFrame) -> Iterator[Finding]:
    name = row["layer"]
    if row["status"].startswith("bound"):
        yield Finding(name, (), f"Layer {name}: {row['status']}.", {})
    spans = deficient({name: value for name, value in row.items() if not pd.isna(value)})
    if spans:
        yield Finding(
            name, (),
            f"Layer {name}: {spans}, so its distinct units are mixtures of so many and no count of concepts.",
            {"units": int(row["reliable"]), "directions": int(row["span"])},
        )  # fmt: skip
    if pd.notna(row["distinct_pooled"]) and row["distinct_pooled"] < APART * row["distinct"]:
        yield Finding(
            name, (),
            f"Layer {name}: its {row['distinct']:,} distinct units have {row['distinct_pooled']:,} different spatial "
            "means: copies at shifted positions are counted as different (shift_of names them).",
            {"distinct": int(row["distinct"]), "distinct_pooled": int(row["distinct_pooled"])},
        )  # fmt: skip
    silent = units[(units["fate"] == "dead") & (units["firing_rate"] == 0)]
    if len(silent):
        upper = float(silent["firing_rate_upper"].iloc[0])
        yield Finding(
            name, tuple(map(int, silent["unit"])),
            f"Layer {name}: {len(silent)} of {number_of(row['width'], 'unit')} never fired in "
            f"{number_of(row['examples'], 'example')} "
            f"(firing rate below {upper:.2g} with 95 % confidence).",
            {"units": len(silent), "firing_rate_upper": upper},
        )  # fmt: skip
    yield from _many(row, units, "noise", 0.1, SHOWN)
    yield from _stable_maps(row, units)
    yield from _many(row, units, "duplicate", 0.1, REPEATED)


def _stable_maps(row: pd.Series[Any], units: pd.DataFrame) -> Iterator[Finding]:
    """Units that are noise by the mean of their maps, while the maps themselves are the same in both views."""
    if "reliability_map" not in units:
        return
    noise = units[units["fate"] == "noise"]
    stable = noise[(noise["reliability_map"] >= STABLE).fillna(False)]
    if len(stable):
        yield Finding(
            row["layer"], tuple(map(int, stable["unit"])),
            f"Layer {row['layer']}: {len(stable)} of {number_of(len(noise), 'unit')} called noise have maps that are "
            "the same in both views; only the mean over positions is not, as where contrast moves it. What such a unit "
            "shows is no noise (reliability_map).",
            {"units": len(stable), "noise": len(noise)},
        )  # fmt: skip


def _many(
    row: pd.Series[Any], units: pd.DataFrame, fate: str, least: float, words: tuple[str, str]
) -> Iterator[Finding]:
    chosen = units[units["fate"] == fate]
    if len(chosen) >= max(1, least * row["width"]):
        text = f"Layer {row['layer']}: {len(chosen)} of {number_of(row['width'], 'unit')} {words[len(chosen) > 1]}."
        yield Finding(row["layer"], tuple(map(int, chosen["unit"])), text, {"units": len(chosen)})
