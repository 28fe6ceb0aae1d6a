"""The whole experiment: train, ask, measure every layer, draw, count."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd
import torch

from ...census.census import Census, load
from ...data.arrays import Arrays
from ...data.files import write_bytes, write_text
from ...data.handwriting import digits
from ...layers.torch_state import neutral
from ...settings import Settings
from ...take import take
from ..record import Folder
from .behaviour import SIMILARITIES, behave
from .crossing import Crossing, crossing
from .figure import Column, Figure, draw_figure
from .inputs import DIGIT, Inputs, make_inputs
from .layers import SEEN, Row, gone, lost, measure, seen
from .nets import Shape, Stack, as_model, build, parameters
from .options import PAPER_CHANNELS, Options, evenly_chosen
from .parallel_map import Key, parallel_map, trained_nets
from .train import Trained

Results = dict[str, Any]
UNTRAINED = "untrained"
PAPER_DEPTH = 20  # of the untrained net of figure 15
PAPER_PROBES = 48  # pictures by which it is measured
COLUMNS = 6  # trained nets of the figure


@neutral()
def run(out: Path, options: Options, *, resume: bool = False, overwrite: bool = False) -> Results:
    """Train the nets, measure them, and write everything into `out`; what is there is not computed again.

    The results are those of `identity.json`: `nets` (a row for each net and training run), `kinds` (a row for each net
    and kind of test picture), `similarity`, `layers` (a row for each layer of each measured net), `lost`, `crossing`
    and `census`.

    Raises:
        CensusError: one line that says what must be changed.
        KeyboardInterrupt: what is done is kept; the same call with resume=True continues.
    """
    began = time.monotonic()
    inputs = make_inputs(options.image, options.clothing, options.seed)
    folder = Folder(
        out, options.as_json() | {"lab": "identity", "inputs": inputs.digest}, resume=resume, overwrite=overwrite
    )
    trained = trained_nets(options, inputs.training, out / "nets")
    results = _asked(trained, inputs, folder, options)
    results |= _measured(trained, inputs, folder, options)
    figure = draw_figure(columns(trained, options), inputs)
    _draw(out, figure)
    results["figure_inputs"] = list(figure.inputs)
    results["census"] = _counted(trained, out, options)
    results |= {"missing": inputs.missing, "seconds": round(time.monotonic() - began, 1)}
    folder.write(results)
    return results


def _asked(trained: Mapping[Key, Trained], inputs: Inputs, folder: Folder, options: Options) -> Results:
    """What every net returns."""

    def ask(key: Key) -> Any:
        return folder.once(f"{key[0]}-s{key[1]}", lambda: asdict(behave(trained[key].net, inputs)))

    answers = parallel_map([partial(ask, key) for key in trained], options, "asking")
    nets, kinds, similarity = [], [], []
    margins: dict[int, dict[int, tuple[float, ...]]] = {}
    for (key, run), answer in zip(trained.items(), answers, strict=True):
        shape = run.shape
        head = {"net": key[0], "seed": key[1], "kind": shape.kind, "padding": shape.padding, "depth": shape.depth}
        margin = tuple(kind["identity"] - kind["constant"] for kind in answer["kinds"])
        if (shape.kind, shape.padding) == (options.shape.kind, options.shape.padding):
            margins.setdefault(key[1], {})[shape.depth] = margin
        nets.append(head | _net(run, answer, margin))
        kinds += [head | {"pictures": kind.pop("kind")} | kind for kind in answer["kinds"]]
        ends = zip(SIMILARITIES, answer["identity"], answer["constant"], strict=True)
        similarity += [head | {"similarity": s, "identity": a, "constant": b} for s, a, b in ends]
    return {"nets": nets, "kinds": kinds, "similarity": similarity, "crossing": _crossing(crossing(margins))}


def _net(run: Trained, answer: Results, margin: Sequence[float]) -> Results:
    """The row of one net; identity and constant are means over the kinds of test pictures."""
    kinds = answer["kinds"]
    return {
        "parameters": parameters(run.shape), "steps": run.steps, "error": run.error, "converged": run.converged,
        "identity": sum(kind["identity"] for kind in kinds) / len(kinds),
        "constant": sum(kind["constant"] for kind in kinds) / len(kinds),
        "kinds_copied": sum(m > 0 for m in margin), "kinds": len(margin), "blank": answer["blank"],
        "off_slope": max(kind["off_slope"] for kind in kinds),
    }  # fmt: skip


def _crossing(crossing: Crossing) -> Results:
    return asdict(crossing) | {"mean": crossing.mean}


def _measured(trained: Mapping[Key, Trained], inputs: Inputs, folder: Folder, options: Options) -> Results:
    """Every layer of the first run of each depth, and of untrained nets."""
    layers, where = [], []
    chosen = _chosen(trained, options)

    def rows_of(name: str, seed: int, net: Stack) -> Any:
        return folder.once(f"layers-{name}-s{seed}", lambda: [asdict(row) for row in measure(net, inputs.probes)])

    measured = parallel_map([partial(rows_of, *one) for one in chosen], options, "measuring layers")
    for (name, seed, net), saved in zip(chosen, measured, strict=True):
        rows = [Row(**row) for row in saved]
        layers += [{"net": name, "seed": seed} | asdict(row) for row in rows]
        where.append({"net": name, "seed": seed, "depth": net.shape.depth, "eye": False} | asdict(lost(rows)))
    return {"layers": layers, "lost": [*where, *_paper(inputs, folder, options)]}


def _chosen(trained: Mapping[Key, Trained], options: Options) -> list[tuple[str, int, Stack]]:
    deepest = options.shape.at(max(options.depths))
    untrained = (f"{UNTRAINED}-{deepest.name}", options.seed, build(deepest, options.seed))
    return [untrained] + [(name, seed, run.net) for (name, seed), run in trained.items() if seed == options.seed]


def _paper(inputs: Inputs, folder: Folder, options: Options) -> list[Results]:
    """Where untrained nets of the paper's size lose their input to the eye, and one of them without biases."""
    if not options.paper_width:
        return []
    shape = Shape(depth=PAPER_DEPTH, channels=PAPER_CHANNELS)
    name = f"{UNTRAINED}-{shape.name} with {PAPER_CHANNELS} channels"
    every = [(name, shape, options.seed + n) for n in range(options.seeds)]
    every.append((f"{name}, no bias", replace(shape, bias=False), options.seed))

    def seen_of(name: str, shape: Shape, seed: int) -> Any:
        file = f"layers-paper-{'bias' if shape.bias else 'none'}-s{seed}"
        return folder.once(file, lambda: seen(build(shape, seed), inputs.probes[:PAPER_PROBES]))

    measured = parallel_map([partial(seen_of, *one) for one in every], options, "untrained, paper's width")
    return [
        {
            "net": name, "seed": seed, "depth": shape.depth, "seen": gone(fractions, SEEN), "read": None,
            "untold": None, "eye": True,
        }
        for (name, shape, seed), fractions in zip(every, measured, strict=True)
    ]  # fmt: skip


def columns(trained: Mapping[Key, Trained], options: Options) -> list[Column]:
    """The nets of the figure: an untrained deep one, then the first run of some depths."""
    deepest = max(options.depths)
    deep = [depth for depth in sorted(options.depths) if depth > 2]
    depths = evenly_chosen(deep or sorted(options.depths), COLUMNS)
    first = Column(
        f"untrained, {deepest} layer{'s' if deepest > 1 else ''}", build(options.shape.at(deepest), options.seed)
    )
    return [first] + [
        Column(
            f"trained, {depth} layer{'s' if depth > 1 else ''}", trained[options.shape.at(depth).name, options.seed].net
        )
        for depth in depths
    ]


def _draw(out: Path, figure: Figure) -> None:
    write_bytes(out / "pictures" / "layers.png", figure.png)
    write_text(out / "pictures" / "layers.svg", figure.svg)


def _counted(trained: Mapping[Key, Trained], out: Path, options: Options) -> list[Results]:
    """A census of every net of `how.census`, with its own report."""
    rows = []
    for shape in options.census:
        census = _census(trained[shape.name, options.seed], shape, out / "census" / shape.name, options)
        hidden = census.layers[census.layers["role"] != "output"]
        for number, (_, layer) in enumerate(hidden.iterrows(), 1):
            row: Results = {"net": shape.name, "layer": number, "width": int(layer["width"])}
            for column in census.columns.numbers:
                value = layer.get(column)
                row[column] = None if value is None or pd.isna(value) else float(value)
            rows.append(row)
    return rows


def _census(run: Trained, shape: Shape, folder: Path, options: Options) -> Census:
    if (folder / "census.json").is_file() and not (folder / "counting").exists():
        return _reported(load(folder), folder, options)
    images, labels = digits()
    rng = torch.Generator().manual_seed(options.seed)
    rows = torch.randperm(len(images), generator=rng)[: options.examples]
    source = Arrays(images[rows], labels[rows].numpy(), name="mnist", origin="the ten digits")
    source.about |= {"chosen": f"{options.examples} of 5,000 by seed {options.seed}", "training image": f"a {DIGIT}"}
    model = as_model(run.net, shape, f"identity {shape.name}", {"steps": run.steps, "error": run.error})
    settings = Settings(
        out=folder, resume=(folder / "counting").exists(), twins=1, progress=options.progress, pictures=100,
        dimension=shape.kind == "conv",  # of 784 units it takes minutes a layer
    )  # fmt: skip
    census = take(model, source, seed=options.seed, settings=settings)
    return _reported(census, folder, options)


def _reported(census: Census, folder: Path, options: Options) -> Census:
    if not (folder / "report" / "index.html").is_file():
        census.report(folder / "report", progress=options.progress)
    return census
