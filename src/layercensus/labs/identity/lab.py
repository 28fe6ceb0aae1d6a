"""The whole experiment: train, ask, measure every layer, draw, count."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
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
from .layers import FLAT, SEEN, Row, differing, gone, lost, measure, seen
from .nets import Shape, Stack, as_model, build, parameters
from .options import PAPER_CHANNELS, Options, evenly_chosen
from .parallel_map import Key, parallel_map, trained_nets
from .train import Trained

Results = dict[str, Any]
UNTRAINED = "untrained"
PAPER_DEPTH = 20  # of the untrained net of figure 15
PAPER_PROBES = 48  # pictures by which it is measured
TWIN = "twin_"
DIMENSIONS = ("twonn", "mle", "participation_ratio", "linear_dimension")  # columns that FLAT silences
DIFFERING = 100  # digits by which it is told how much of a layer differs
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
        head = {"net": key[0], "seed": key[1], "kind": shape.kind, "padding": shape.padding,
                "depth": shape.depth, "channels": shape.channels}  # fmt: skip
        margin = tuple(kind["identity"] - kind["constant"] for kind in answer["kinds"])
        if shape.at(1) == options.shape.at(1):
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
    """Every layer of every run of each depth, and of untrained nets; those of the paper's width by eye alone."""
    layers, where = [], []
    chosen = _chosen(trained, options)

    def rows_of(name: str, seed: int, net: Stack) -> Any:
        return folder.once(f"layers-{name}-s{seed}", lambda: [asdict(row) for row in measure(net, inputs.probes)])

    measured = parallel_map([partial(rows_of, *one) for one in chosen], options, "measuring layers")
    for (name, seed, net), saved in zip(chosen, measured, strict=True):
        rows = [Row(**row) for row in saved]
        layers += [{"net": name, "seed": seed} | asdict(row) for row in rows]
        where.append({"net": name, "seed": seed, "depth": net.shape.depth, "eye": False} | asdict(lost(rows)))
    return {"layers": layers, "lost": [*where, *_paper(trained, inputs, folder, options)]}


def _chosen(trained: Mapping[Key, Trained], options: Options) -> list[tuple[str, int, Stack]]:
    deepest = options.shape.at(max(options.depths))
    seeds = range(options.seed, options.seed + options.seeds)
    untrained = [(f"{UNTRAINED}-{deepest.name}", seed, build(deepest, seed)) for seed in seeds]
    return untrained + [(name, seed, run.net) for (name, seed), run in trained.items() if not run.shape.label]


def _paper(trained: Mapping[Key, Trained], inputs: Inputs, folder: Folder, options: Options) -> list[Results]:
    """Where nets of the paper's width lose their input to the eye: untrained, one without biases, and trained."""
    if not options.paper_width:
        return []
    shape = Shape(depth=PAPER_DEPTH, channels=PAPER_CHANNELS)
    name = f"{UNTRAINED}-{shape.name} with {PAPER_CHANNELS} channels"
    seeds = range(options.seed, options.seed + options.seeds)
    every = [(name, f"paper-bias-s{seed}", seed, partial(build, shape, seed)) for seed in seeds]
    bare = replace(shape, bias=False)
    every.append((f"{name}, no bias", f"paper-none-s{options.seed}", options.seed, partial(build, bare, options.seed)))
    every += [
        (f"{run.shape.at(run.shape.depth).name}", f"{key}-s{seed}", seed, partial(_net_of, run))
        for (key, seed), run in trained.items() if run.shape.label
    ]  # fmt: skip

    def seen_of(name: str, file: str, seed: int, net: Callable[[], Stack]) -> Any:
        return folder.once(f"layers-{file}", lambda: seen(net(), inputs.probes[:PAPER_PROBES]))

    measured = parallel_map([partial(seen_of, *one) for one in every], options, "paper's width")
    return [
        {
            "net": name, "seed": seed, "depth": len(fractions) - 1, "seen": gone(fractions, SEEN), "read": None,
            "untold": None, "eye": True,
        }
        for (name, _, seed, _), fractions in zip(every, measured, strict=True)
    ]  # fmt: skip


def _net_of(run: Trained) -> Stack:
    return run.net


def columns(trained: Mapping[Key, Trained], options: Options) -> list[Column]:
    """The nets of the figure: an untrained deep one, then the first run of some depths; of the paper's width if any."""
    shapes = sorted(options.wide_shapes, key=lambda shape: shape.depth)
    if not shapes:
        deep = [depth for depth in sorted(options.depths) if depth > 2]
        shapes = [options.shape.at(depth) for depth in evenly_chosen(deep or sorted(options.depths), COLUMNS)]
    deepest = shapes[-1] if options.wide_shapes else options.shape.at(max(options.depths))
    first = Column(f"untrained, {_layers_of(deepest)}", build(deepest, options.seed))
    return [first] + [
        Column(f"trained, {_layers_of(shape)}", trained[shape.name, options.seed].net) for shape in shapes
    ]


def _layers_of(shape: Shape) -> str:
    return f"{shape.depth} layer{'s' if shape.depth > 1 else ''}"


def _draw(out: Path, figure: Figure) -> None:
    write_bytes(out / "pictures" / "layers.png", figure.png)
    write_text(out / "pictures" / "layers.svg", figure.svg)


def _counted(trained: Mapping[Key, Trained], out: Path, options: Options) -> list[Results]:
    """A census of every run of every net of `Options.census`; the first of each has a report. A dimension is told only
    where more than FLAT of a layer differs."""
    rows = []
    for shape in options.census:
        runs = [run for (name, _), run in trained.items() if name == shape.name]
        for run in runs:
            first = run.seed == options.seed
            folder = out / "census" / (shape.name if first else f"{shape.name}-s{run.seed}")
            census = _census(run, folder, options)
            rows += _rows(census, run, options)
    return rows


def _rows(census: Census, run: Trained, options: Options) -> list[Results]:
    """A row for each hidden layer."""
    x = digits()[0][_chosen_digits(options)]
    nets = {"": run.net, TWIN: build(run.shape, options.seed)}
    shares = {start: differing(net, x[:DIFFERING]) for start, net in nets.items()}
    rows = []
    for number, (_, layer) in enumerate(census.layers[census.layers["role"] != "output"].iterrows()):
        row: Results = {"net": run.shape.name, "seed": run.seed, "layer": number + 1, "width": int(layer["width"])}
        row |= {f"{start}share": share[number] for start, share in shares.items()}
        for column in census.columns.numbers:
            value = layer.get(column)
            flat = column.removeprefix(TWIN).startswith(DIMENSIONS) and row[
                f"{TWIN if column.startswith(TWIN) else ''}share"] < FLAT  # fmt: skip
            row[column] = None if value is None or pd.isna(value) or flat else float(value)
        rows.append(row)
    return rows


def _chosen_digits(options: Options) -> torch.Tensor:
    rng = torch.Generator().manual_seed(options.seed)
    return torch.randperm(len(digits()[0]), generator=rng)[: options.examples]


def _census(run: Trained, folder: Path, options: Options) -> Census:
    shape, first = run.shape, run.seed == options.seed
    if (folder / "census.json").is_file() and not (folder / "counting").exists():
        return _reported(load(folder), folder, options) if first else load(folder)
    images, labels = digits()
    rows = _chosen_digits(options)
    source = Arrays(images[rows], labels[rows].numpy(), name="mnist", origin="the ten digits")
    source.about |= {"chosen": f"{options.examples} of 5,000 by seed {options.seed}", "training image": f"a {DIGIT}"}
    model = as_model(run.net, shape, f"identity {shape.name}", {"steps": run.steps, "error": run.error})
    settings = Settings(
        out=folder, resume=(folder / "counting").exists(), twins=1, progress=options.progress,
        pictures=100, dimension=shape.kind == "conv",  # of 784 units it takes minutes a layer
    )  # fmt: skip
    census = take(model, source, seed=options.seed, settings=settings)
    return _reported(census, folder, options) if first else census


def _reported(census: Census, folder: Path, options: Options) -> Census:
    if not (folder / "report" / "index.html").is_file():
        census.report(folder / "report", progress=options.progress)
    return census
