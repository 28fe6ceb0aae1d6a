"""The page of the convolutional deep belief network: bases, specificity, few labels, completion, census."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from math import log2
from pathlib import Path
from typing import Any

from ...census.census import Census
from ...report.files import drawn_files, environment, put
from .bases import bases
from .claims import WORDS, claims
from .classes import ALL, Classes
from .completion import WAYS
from .curves import census_curves, information_curves, label_curves, specificity_curves
from .drawing import SHOWN, completions, plain, tiles, trimmed
from .handwritten import Handwritten
from .natural import Natural
from .nets import Stack

MOST = 40  # bases of a layer that are drawn
COLUMNS = 12


def write_cdbn(
    results: Mapping[str, Any], folder: Path, *, photos: Natural, digits: Handwritten, kinds: Sequence[Classes],
    counted: Mapping[str, Census],
) -> Path:  # fmt: skip
    """Write `folder`/index.html with its pictures, and a report of every census below it; the path of the page.

    Raises:
        CensusError: when the folder cannot be written.
    """
    for name, census in counted.items():
        census.report(folder / "census" / name / "report")
    sheets = {
        "photographs": _sheets("photographs", photos.stack), "digits": _sheets("digits", digits.stack),
        **{kind.objects.name: list(_classes(kind)) for kind in kinds},
    }  # fmt: skip
    charts = {
        "specificity": specificity_curves(results["objects"]), "labels": label_curves(results["digits"]["table"]),
        "information": information_curves(results["objects"]), "census": census_curves(results["census"]),
    }  # fmt: skip
    samples = {name: f"samples-{number}.png" for number, name in enumerate(digits.samples, 1)}
    page = environment(__package__).get_template("cdbn.html").render(
        results=results, claims=claims(results), sheets=sheets, charts=charts, halves=list(digits.completed),
        censuses=list(counted), all=ALL, samples=samples, shown=min(SHOWN, len(digits.images)), number=_number,
        dimension=dimension, words=WORDS, ways=WAYS,
    )  # fmt: skip
    files: list[tuple[str, str | bytes]] = [("index.html", page)]
    files += [(f"pictures/{sheet['file']}", sheet["png"]) for group in sheets.values() for sheet in group]
    files += [
        (f"pictures/completion-{half}.png", completions(digits.images, completed))
        for half, completed in digits.completed.items()
    ]
    files += [(f"pictures/{file}", plain(digits.samples[name])) for name, file in samples.items()]
    files += [file for name, chart in charts.items() for file in drawn_files(name, chart)]
    put(folder, files)
    return folder / "index.html"


def _number(value: Any, digits: int) -> str:
    return "-" if value is None else f"{value:.{digits}f}"


def dimension(value: Any, examples: int) -> str:
    """A nonlinear dimension as it can be told; "not told" above that which so few examples can show.

    Of n points TwoNN tells no dimension far above 2 log2 n (Eckmann and Ruelle 1992): more is the number of points, not
    the data.

    >>> dimension(11.3, 400), dimension(827.0, 400)
    ('11.3', 'not told (400 examples)')
    """
    if value is None:
        return "-"
    return f"{value:.1f}" if value <= 2 * log2(examples) else f"not told ({examples} examples)"


def _sheets(name: str, stack: Stack) -> list[dict[str, Any]]:
    """The bases of every layer: the first as they are, deeper ones signed and by their positive weights alone."""
    sheets = []
    for layer in range(len(stack.crbms)):
        for positive in (False, True) if layer else (False,):
            kind = "" if not layer else ", positive weights only" if positive else ", signed weights"
            file = f"bases-{name}-{layer + 1}{'-positive' if positive else ''}.png"
            sheets.append(_sheet(f"layer {layer + 1}{kind}", file, stack, layer, positive))
    return sheets


def _classes(classes: Classes) -> Iterator[dict[str, Any]]:
    """The first layer, that all have in common, and the others of every class, positive and signed."""
    start = f"bases-{classes.objects.name}"
    yield _sheet("layer 1, of all classes", f"{start}-1.png", classes.stacks[ALL], 0, False)
    for number, (name, stack) in enumerate(classes.stacks.items(), 1):
        for layer in range(1, len(stack.crbms)):
            for positive, kind in ((True, "positive weights only"), (False, "signed weights")):
                file = f"{start}-class{number}-{layer + 1}{'-positive' if positive else ''}.png"
                yield _sheet(f"layer {layer + 1} of {name.rstrip('/')}, {kind}", file, stack, layer, positive)


def _sheet(title: str, file: str, stack: Stack, layer: int, positive: bool) -> dict[str, Any]:
    pictures = trimmed(bases(stack, layer, positive)[:MOST])
    width = len(stack.crbms[layer].weight)
    more = f", {MOST} of {width}" if width > MOST else ""
    return {"title": title + more, "file": file, "png": tiles(pictures, COLUMNS)}
