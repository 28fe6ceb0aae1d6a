"""layercensus atlas: a map of what a layer tells apart."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from cyclopts import Group, Parameter

from ..settings import check_seed
from .open import model_of
from .parameters import FLAT, INTEGER, RUN, DataName, Device, ModelName, Out, Overwrite, Quiet, Seed, option

EXAMPLES = """Examples:
  layercensus atlas my_package.nets:make images:photographs block4 --out atlas
  layercensus atlas digits digits act.5 --side 5 --steps 32 --out atlas"""


@Parameter(group=Group("How it is drawn", sort_key=2))
@dataclass(frozen=True, kw_only=True)
class Drawn:
    """How the map and its images are made; None: as the library has it."""

    side: Annotated[int, INTEGER, option("N", "cells along each axis")] = 8
    map: Annotated[str, option("WAY", "pca, or umap where umap-learn is installed")] = "pca"
    steps: Annotated[int | None, INTEGER, option("N", "of the optimiser", "visualise/atlas:STEPS")] = None
    size: Annotated[int | None, INTEGER, option("PIXELS", "side of the images; by default of the net's input")] = None
    examples: Annotated[int, INTEGER, option("N", "of the data, read")] = 2048


@Parameter(group=RUN)
@dataclass(frozen=True, kw_only=True)
class Running:
    """How the run goes."""

    out: Out = "layercensus-atlas"
    overwrite: Overwrite = False
    device: Device = None
    seed: Seed = 0
    quiet: Quiet = False


def atlas(
    model: ModelName,
    data: DataName,
    layer: Annotated[str, Parameter(metavar="LAYER", help="its name, as `layercensus layers MODEL` lists it")],
    /,
    *,
    drawn: Annotated[Drawn, FLAT] = Drawn(),
    running: Annotated[Running, FLAT] = Running(),
) -> None:
    """Draw a map of what a layer tells apart in your images, each cell with an optimised image."""
    from ..data.files import free_folder
    from ..report.atlas_page import write_atlas
    from ..visualise.atlas import atlas as of_layer
    from ..visualise.options import SeeOptions

    check_seed(running.seed)
    folder = Path(running.out)
    held = "an atlas" if (folder / "atlas.json").is_file() else ""
    free_folder(folder, holds=held, resume=False, overwrite=running.overwrite)
    options = SeeOptions(
        steps=drawn.steps, size=drawn.size, examples=drawn.examples, seed=running.seed, progress=not running.quiet
    )
    made = of_layer(
        model_of(model), layer, data, side=drawn.side, map=drawn.map, device=running.device, options=options
    )
    made.about["model"] = model
    print(f"{len(made.cells)} cells of {len(made.ids):,} examples\nreport: {write_atlas(made, folder)}")
    if made.interrupted:
        raise KeyboardInterrupt
