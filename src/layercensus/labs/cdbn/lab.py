"""The whole lab: three experiments, then a census of every stack, then the page."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pandas as pd
import torch

from ...census.census import Census, load
from ...data.arrays import Arrays
from ...data.source import Source
from ...layers.torch_state import neutral
from ...models.threads import one_thread
from ...settings import Settings
from ...take import take
from ..record import Folder, digest
from .classes import ALL, Classes, classes
from .handwritten import Handwritten, handwritten
from .natural import Natural, natural
from .nets import COUNTED, Stack, as_model
from .objects import objects
from .options import Options
from .photographs import photographs
from .trainer import Trainer

Results = dict[str, Any]


@neutral()
def run(out: Path, options: Options, *, resume: bool = False, overwrite: bool = False) -> Results:
    """Train and measure everything and write it into `out`; what is there already is not computed again.

    The results are those of `cdbn.json`: `natural` (filters as Gabor functions, sparsity), `digits` (errors by
    number of labels, completion of halves), `objects` (a set each: specificity by class and layer, information),
    `census` (rows of every stack), `missing` (data that were left out), `seconds`.

    Raises:
        CensusError: one line that says what must be changed.
        KeyboardInterrupt: what is done is kept; the same call with resume=True continues.
    """
    from .page import write_cdbn

    began = time.monotonic()
    sets, missing = objects(options.objects, options.clothing, options.seed, options.training, options.test)
    every = [
        *photographs(options.images).images,
        *(x for group in sets for x in (*group.training, *group.test)),
    ]
    about = {
        "lab": "cdbn",
        "sets": {group.name: list(group.classes) for group in sets},
        "images": digest(every),
    }
    folder = Folder(out, options.as_json() | about, resume=resume, overwrite=overwrite)
    trainer = Trainer(out, options)
    with one_thread():  # the same numbers on any machine, and as fast on maps this small
        photos = natural(trainer, folder, options)
        digits = handwritten(trainer, folder, options)
        kinds = [classes(trainer, folder, group, options) for group in sets]
        counted = _counted(out, photos, digits, kinds, options) if options.census else {}
    missing = [line for line in (photos.missing, *missing) if line]
    results: Results = {
        "natural": photos.results, "digits": digits.results, "objects": [group.results for group in kinds],
        "census": {name: _rows(census) for name, census in counted.items()}, "missing": missing,
        "counted": options.counted, "seed": options.seed, "device": options.device,
        "seconds": round(time.monotonic() - began, 1),
    }  # fmt: skip
    folder.write(results)
    write_cdbn(results, out, photos=photos, digits=digits, kinds=kinds, counted=counted)
    return results


def _counted(
    out: Path, photos: Natural, digits: Handwritten, kinds: list[Classes], options: Options
) -> dict[str, Census]:
    """A census of each stack beside a twin whose filters are noise."""
    censuses = {"photographs": _census(out, "photographs", photos.stack, _source(photos.crops, None, "crops"), options)}
    rows = slice(0, options.counted)
    source = _source(digits.images[rows], digits.labels[rows], "held-out digits")
    censuses["digits"] = _census(out, "digits", digits.stack, source, options)
    for kind in kinds:
        images = torch.cat([*kind.objects.test])
        labels = torch.cat([torch.full((len(test),), n) for n, test in enumerate(kind.objects.test)])
        source = _source(images, labels, f"held-out {kind.objects.name}")
        censuses[kind.objects.name] = _census(out, kind.objects.name, kind.stacks[ALL], source, options)
    return censuses


def _source(images: torch.Tensor, labels: torch.Tensor | None, name: str) -> Source:
    return Arrays(images.cpu(), None if labels is None else labels.numpy(), name=name)


def _census(out: Path, name: str, stack: Stack, source: Source, options: Options) -> Census:
    """Taken, or as it was taken before the run was interrupted."""
    folder = out / "census" / name
    if (folder / "census.json").is_file():
        return load(folder)
    model = as_model(stack, f"CDBN on {name}", source.first(1).inputs.shape[-1])
    settings = Settings(out=folder, resume=True, dimension=True, progress=options.progress, pictures=0, twins=4)
    return take(model, source, layers=list(COUNTED), seed=options.seed, settings=settings)


def _rows(census: Census) -> list[dict[str, Any]]:
    """The numbers of the main table with their intervals and the twin's, a row a layer."""
    columns = [name for name in census.columns.numbers if name in census.layers]
    table = census.layers[["layer", "width", *columns]]
    return [
        {name: None if pd.isna(value) else value for name, value in row.items()} for row in table.to_dict("records")
    ]
