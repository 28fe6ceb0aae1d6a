"""The whole experiment: train, ask, measure every layer, draw, count."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd
import torch

from ...census.census import Census, load
from ...data.arrays import Arrays
from ...data.handwriting import digits
from ...settings import Settings
from ...take import take
from ..record import Folder
from .behaviour import SIMILARITIES, behave
from .crossing import Crossing, crossing
from .figure import Column, Figure, draw
from .how import PAPER_CHANNELS, How, spread
from .inputs import DIGIT, Inputs, make_inputs
from .layers import SEEN, Row, gone, lost, measure, seen
from .nets import Shape, Stack, as_model, build, parameters
from .parallel_map import Key, beside, fleet
from .train import Trained

Results = dict[str, Any]
UNTRAINED = "untrained"
PAPER_DEPTH = 20  # of the untrained net of figure 15
PAPER_PROBES = 48  # pictures by which it is measured
COLUMNS = 6  # trained nets of the figure


def run(out: Path, how: How, *, resume: bool = False, overwrite: bool = False) -> Results:
    """Train the nets of `how`, measure them, and write everything into `out`; what is there already is not made again.

    The results are those of `identity.json`: `nets` (a row for each net and training run), `kinds` (a row for each net
    and kind of test picture), `similarity`, `layers` (a row for each layer of each measured net), `lost`, `crossing`
    and `census`.

    Raises:
        CensusError: one line that says what must be changed.
        KeyboardInterrupt: what is made is kept; the same call with resume goes on.
    """
    began = time.monotonic()
    inputs = make_inputs(how.image, how.clothing, how.seed)
    folder = Folder(out, how.as_json() | {"lab": "identity", "inputs": inputs.digest}, resume, overwrite)
    trained = fleet(how, inputs.training, out / "nets")
    results = _asked(trained, inputs, folder, how)
    results |= _measured(trained, inputs, folder, how)
    figure = draw(columns(trained, how), inputs)
    _draw(out, figure)
    results["figure_inputs"] = list(figure.inputs)
    results["census"] = _counted(trained, out, how)
    results |= {"missing": inputs.missing, "seconds": round(time.monotonic() - began, 1)}
    folder.write(results)
    return results


def _asked(trained: Mapping[Key, Trained], inputs: Inputs, folder: Folder, how: How) -> Results:
    """What every net returns."""
    nets, kinds, similarity = [], [], []
    margins: dict[int, dict[int, tuple[float, ...]]] = {}

    def ask(key: Key) -> Any:
        return folder.once(f"{key[0]}-s{key[1]}", lambda: asdict(behave(trained[key].net, inputs)))

    answers = beside([partial(ask, key) for key in trained], how, "asking")
    for ((name, seed), one), found in zip(trained.items(), answers, strict=True):
        head = {
            "net": name,
            "seed": seed,
            "kind": one.shape.kind,
            "padding": one.shape.padding,
            "depth": one.shape.depth,
        }
        copies = [kind["identity"] for kind in found["kinds"]]
        recites = [kind["constant"] for kind in found["kinds"]]
        margin = tuple(a - b for a, b in zip(copies, recites, strict=True))
        if (one.shape.kind, one.shape.padding) == (how.shape.kind, how.shape.padding):
            margins.setdefault(seed, {})[one.shape.depth] = margin
        nets.append(
            head | {
                "parameters": parameters(one.shape), "steps": one.steps, "error": one.error, "converged": one.converged,
                "identity": sum(copies) / len(copies), "constant": sum(recites) / len(recites),
                "kinds_copied": sum(m > 0 for m in margin), "kinds": len(margin), "blank": found["blank"],
                "off_slope": max(kind["off_slope"] for kind in found["kinds"]),
            }
        )  # fmt: skip
        kinds += [head | {"pictures": kind.pop("kind")} | kind for kind in found["kinds"]]
        similarity += [
            head | {"similarity": s, "identity": a, "constant": b}
            for s, a, b in zip(SIMILARITIES, found["identity"], found["constant"], strict=True)
        ]
    return {"nets": nets, "kinds": kinds, "similarity": similarity, "crossing": _crossing(crossing(margins))}


def _crossing(found: Crossing) -> Results:
    return asdict(found) | {"mean": found.mean}


def _measured(trained: Mapping[Key, Trained], inputs: Inputs, folder: Folder, how: How) -> Results:
    """Every layer of the first run of each depth, and of untrained nets."""
    layers, where = [], []
    chosen = _chosen(trained, how)

    def look(name: str, seed: int, net: Stack) -> Any:
        return folder.once(f"layers-{name}-s{seed}", lambda: [asdict(row) for row in measure(net, inputs.probes)])

    found = beside([partial(look, *one) for one in chosen], how, "measuring layers")
    for (name, seed, net), made in zip(chosen, found, strict=True):
        rows = [Row(**row) for row in made]
        layers += [{"net": name, "seed": seed} | asdict(row) for row in rows]
        where.append({"net": name, "seed": seed, "depth": net.shape.depth, "eye": False} | asdict(lost(rows)))
    return {"layers": layers, "lost": [*where, *_paper(inputs, folder, how)]}


def _chosen(trained: Mapping[Key, Trained], how: How) -> list[tuple[str, int, Stack]]:
    deepest = how.shape.at(max(how.depths))
    untrained = (f"{UNTRAINED}-{deepest.name}", how.seed, build(deepest, how.seed))
    return [untrained] + [(name, seed, one.net) for (name, seed), one in trained.items() if seed == how.seed]


def _paper(inputs: Inputs, folder: Folder, how: How) -> list[Results]:
    """Where untrained nets of the paper's size lose their input to the eye, and one of them without biases."""
    if not how.paper_width:
        return []
    shape = Shape(depth=PAPER_DEPTH, channels=PAPER_CHANNELS)
    name = f"{UNTRAINED}-{shape.name} with {PAPER_CHANNELS} channels"
    every = [(name, shape, how.seed + n) for n in range(how.seeds)]
    every.append((f"{name}, no bias", replace(shape, bias=False), how.seed))

    def look(name: str, shape: Shape, seed: int) -> Any:
        file = f"layers-paper-{'bias' if shape.bias else 'none'}-s{seed}"
        return folder.once(file, lambda: seen(build(shape, seed), inputs.probes[:PAPER_PROBES]))

    found = beside([partial(look, *one) for one in every], how, "untrained, paper's width")
    return [
        {"net": name, "seed": seed, "depth": shape.depth, "seen": gone(made, SEEN), "read": None, "eye": True}
        for (name, shape, seed), made in zip(every, found, strict=True)
    ]


def columns(trained: Mapping[Key, Trained], how: How) -> list[Column]:
    """The nets of the figure: an untrained deep one, then the first run of some depths."""
    deepest = max(how.depths)
    deep = [depth for depth in sorted(how.depths) if depth > 2]
    shown = spread(deep or sorted(how.depths), COLUMNS)
    first = Column(f"untrained, {deepest} layer{'s' if deepest > 1 else ''}", build(how.shape.at(deepest), how.seed))
    return [first] + [
        Column(f"trained, {depth} layer{'s' if depth > 1 else ''}", trained[how.shape.at(depth).name, how.seed].net)
        for depth in shown
    ]


def _draw(out: Path, figure: Figure) -> None:
    (out / "pictures").mkdir(exist_ok=True)
    (out / "pictures" / "layers.png").write_bytes(figure.png)
    (out / "pictures" / "layers.svg").write_text(figure.svg, "utf-8")


def _counted(trained: Mapping[Key, Trained], out: Path, how: How) -> list[Results]:
    """A census of every net of `how.census`, with its own report."""
    rows = []
    for shape in how.census:
        census = _census(trained[shape.name, how.seed], shape, out / "census" / shape.name, how)
        hidden = census.layers[census.layers["role"] != "output"]
        for place, (_, layer) in enumerate(hidden.iterrows(), 1):
            row: Results = {"net": shape.name, "layer": place, "width": int(layer["width"])}
            for column in CENSUS:
                value = layer.get(column)
                row[column] = None if value is None or pd.isna(value) else float(value)
            rows.append(row)
    return rows


CENSUS = (
    "reliable", "distinct", "distinct_low", "distinct_high", "twin_distinct", "participation_ratio",
    "twin_participation_ratio", "twonn", "twin_twonn", "informative",
)  # fmt: skip


def _census(one: Trained, shape: Shape, folder: Path, how: How) -> Census:
    if (folder / "census.json").is_file() and not (folder / "counting").exists():
        return _reported(load(folder), folder, how)
    images, labels = digits()
    dice = torch.Generator().manual_seed(how.seed)
    rows = torch.randperm(len(images), generator=dice)[: how.examples]
    source = Arrays(images[rows], labels[rows].numpy(), name="mnist", origin="the ten digits")
    source.about |= {"chosen": f"{how.examples} of 5,000 by seed {how.seed}", "training image": f"a {DIGIT}"}
    model = as_model(one.net, shape, f"identity {shape.name}", {"steps": one.steps, "error": one.error})
    settings = Settings(
        out=folder, resume=(folder / "counting").exists(), twins=1, progress=how.progress, pictures=100,
        dimension=shape.kind == "conv",  # of 784 units it takes minutes a layer
    )  # fmt: skip
    census = take(model, source, seed=how.seed, settings=settings)
    return _reported(census, folder, how)


def _reported(census: Census, folder: Path, how: How) -> Census:
    if not (folder / "report" / "index.html").is_file():
        census.report(folder / "report", progress=how.progress)
    return census
