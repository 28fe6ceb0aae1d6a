"""The identity lab's page: the answer, the layer-by-layer picture, and every number beside its chart."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from statistics import stdev
from typing import Any

import pandas as pd

from ...report.files import drawn_files, environment, put
from ...report.picture import Picture
from . import charts
from .claims import claims
from .crossing import SHALLOW
from .layers import READ, SEEN
from .options import PAPER_CHANNELS, PAPER_CROSSING, Options, evenly_chosen

Results = dict[str, Any]
TABLES = ("nets", "kinds", "similarity", "layers", "lost", "census")
GONE = {"untrained": 8, "trained": "10 or 11"}  # figure 15, read off by eye: untrained, trained net of 20 layers


SHOWN = 6  # depths in the picture of what layers hold
NOTHING = 1e-5  # of a response's power over positions: rounding


def read_text(row: Results) -> str:
    """From which layer on a net's input is unreadable, in words; "never" only where that was told to the last layer.

    >>> read_text({"read": None, "untold": 13, "eye": False})
    'not told from layer 13 on'
    """
    if row["eye"]:
        return "not measured"
    if row["read"] is not None:
        return str(row["read"])
    return "never" if row.get("untold") is None else f"not told from layer {row['untold']} on"


def write_identity(results: Results, options: Options, folder: Path) -> Path:
    """Write `folder`/index.html, its pictures and tables, and return the page's path.

    Raises:
        CensusError: when the folder cannot be written.
    """
    tables = {name: pd.DataFrame(results[name]) for name in TABLES}
    pictures = _pictures(tables, options)
    page = environment(__package__).get_template("identity.html").render(
        summary=summary(results, options), options=options, results=results, pictures=pictures,
        nets=tables["nets"].to_dict("records"),
        lost=results["lost"], censuses=list(dict.fromkeys(row["net"] for row in results["census"])),
        seen=SEEN, read=READ, inputs=results["figure_inputs"],
        read_text=read_text, claims=claims(results, options), lost_nets=by_net(results["lost"]), layer_text=_layers,
    )  # fmt: skip
    files: list[tuple[str, str | bytes]] = [
        file for name, picture in pictures.items() for file in drawn_files(name, picture)
    ]
    files += [(f"{name}.csv", table.to_csv(index=False, lineterminator="\n")) for name, table in tables.items()]
    put(folder, [*files, ("index.html", page)])
    return folder / "index.html"


def _pictures(tables: dict[str, pd.DataFrame], options: Options) -> dict[str, Picture]:
    def mine(table: pd.DataFrame) -> pd.DataFrame:
        alike = (table["kind"] == options.shape.kind) & (table["padding"] == options.shape.padding)
        return table[alike & (table["channels"] == options.shape.channels)].sort_values("depth", kind="stable")

    pictures = {
        "depth": charts.over_depth(mine(tables["nets"])),
        "kinds": charts.by_kind(mine(tables["kinds"])),
        "similarity": charts.by_similarity(mine(tables["similarity"])),
        "held": charts.over_layers(_some(tables["layers"], options)),
        "probes": charts.over_probes(_deepest(tables["layers"], options)),
    }
    if len(tables["census"]):
        pictures["counted"] = charts.counted(tables["census"], tables["lost"])
    return pictures


def _some(layers: pd.DataFrame, options: Options) -> pd.DataFrame:
    """Of as many nets as one picture bears: untrained, some depths, the deepest full one."""
    names = [options.shape.at(depth).name for depth in evenly_chosen(sorted(options.depths), SHOWN)]
    full = [shape.name for shape, _ in options.runs if shape.kind == "fc"]
    return layers[layers["net"].str.startswith("untrained") | layers["net"].isin([*names, *full[-1:]])]


def _deepest(layers: pd.DataFrame, options: Options) -> pd.DataFrame:
    name = options.shape.at(max(options.depths)).name
    return layers[layers["net"].isin([name, f"untrained-{name}"])]


def by_net(lost: list[Results]) -> dict[str, list[Results]]:
    """The rows of each net, its training runs together."""
    nets: dict[str, list[Results]] = {}
    for row in lost:
        nets.setdefault(row["net"], []).append(row)
    return nets


def summary(results: Results, options: Options) -> list[str]:
    """What was found, in sentences."""
    return [sentence for sentence in _sentences(results, options) if sentence]


def _sentences(results: Results, options: Options) -> Iterator[str]:
    yield _crossed(results, options)
    yield _ends(results, options)
    yield _wide(results)
    yield from _others(results, options)
    yield _lost(results, options)
    yield "Numbers differ between processors even with the same seeds: claim only what all training runs agree on."
    mine = [net for net in results["nets"] if net["padding"] == options.shape.padding]
    failed = [f"{n['net']} (run {n['seed']}, error {n['error']:.1%})" for n in mine if not n["converged"]]
    if failed:
        yield f"Not converged, so read with care: {', '.join(failed)}."
    if results["missing"]:
        yield f"{results['missing'][0].upper()}{results['missing'][1:]}."


def _crossed(results: Results, options: Options) -> str:
    crossing = results["crossing"]
    depths = crossing["depths"]
    setting = f"{options.shape.channels} channels, {options.shape.kernel} x {options.shape.kernel} kernels"
    paper = (
        f"The paper's nets, read by eye from its figures, turn {PAPER_CROSSING} layers; they have {PAPER_CHANNELS}"
        " channels."
    )
    if crossing["mean"] is None:
        some = f"{sum(depth is not None for depth in depths)} of {len(depths)} training runs"
        return f"{some} turn from copying to reciting within {max(options.depths)} layers ({setting}). {paper}"
    runs = ", ".join(f"{depth:.1f}" for depth in depths)
    plural = "s" if len(depths) > 1 else ""
    deviation = f", standard deviation {stdev(depths):.1f}" if len(depths) > 1 else ""
    return (
        f"The nets turn from copying their input to reciting the training image at {crossing['mean']:.1f} layers"
        f" ({len(depths)} training run{plural}: {runs}{deviation}; {setting}). {paper}"
    )


def _ends(results: Results, options: Options) -> str:
    crossing = results["crossing"]
    shallow = [depth for depth in options.depths if depth <= SHALLOW]
    first = ""
    if shallow:
        copy = "copy" if crossing["shallow"] else "do not all copy"
        first = f"Nets of {_listed(shallow)} layers {copy} every kind of test picture; "
    recite = "recite" if crossing["deep"] else "do not recite"
    return f"{first}the deepest, of {max(options.depths)}, {recite} the training image for every kind."


def _wide(results: Results) -> str:
    """What the trained nets of the paper's width do, run by run."""
    nets = [net for net in results["nets"] if net["net"].endswith("-channels")]
    words = [
        f"{depth} layers copy {_listed_runs([net for net in nets if net['depth'] == depth])}"
        for depth in sorted({net["depth"] for net in nets})
    ]
    return f"At the paper's width, {PAPER_CHANNELS} channels: {'; '.join(words)}." if nets else ""


def _listed_runs(nets: list[Results]) -> str:
    return f"{', '.join(str(net['kinds_copied']) for net in nets)} of {nets[0]['kinds']} kinds (a number a run)"


def _listed(numbers: list[int]) -> str:
    *rest, last = sorted(numbers)
    return f"{', '.join(map(str, rest))} and {last}" if rest else str(last)


def _others(results: Results, options: Options) -> Iterator[str]:
    for net in results["nets"]:
        both = f"correlation with the input {net['identity']:.2f}, with the training image {net['constant']:.2f}"
        layers = f"{net['depth']} layer{'' if net['depth'] == 1 else 's'}"
        if net["kind"] == "fc" and options.shape.kind != "fc":
            yield (
                f"A fully connected net of {layers} copies {net['kinds_copied']} of {net['kinds']} kinds ({both}); its"
                " output follows what a test picture has beside the training image with a slope of at most"
                f" {net['off_slope']:.2f} (a copy: 1)."
            )
        elif net["padding"] != options.shape.padding:
            learned = "" if net["converged"] else "; it does not learn even the training image"
            yield (
                f"The control, {layers} with circular padding: {both}{learned}. Of its response to a blank picture"
                f" {_faint(net['blank'])} varies over positions{_beside(results, net, options)}: without an edge all"
                " positions are alike, and nothing can be drawn on it."
            )


def _faint(value: float) -> str:
    return "nothing" if value < NOTHING else f"{value:.0%}"


def _beside(results: Results, net: Results, options: Options) -> str:
    same = (options.shape.kind, net["depth"], options.shape.padding, net["seed"])
    other = next((n for n in results["nets"] if (n["kind"], n["depth"], n["padding"], n["seed"]) == same), None)
    return f" (with padding {options.shape.padding} {_faint(other['blank'])})" if other else ""


def _lost(results: Results, options: Options) -> str:
    deepest = max(options.depths)
    by_name: dict[str, list[Any]] = {}
    for row in results["lost"]:
        by_name.setdefault(row["net"], []).append(row["seen"])
    trained = options.shape.at(deepest).name
    parts = [
        f"from layer {_layers(by_name[f'untrained-{trained}'])} on in the untrained net of {deepest} layers",
        f"from layer {_layers(by_name[trained])} on in the trained one",
    ]
    wide = next((seen for name, seen in by_name.items() if name.endswith("channels")), None)
    if wide:
        bare = next((seen for name, seen in by_name.items() if name.endswith("no bias")), [])
        size = f"20 layers, {PAPER_CHANNELS} channels; without biases {_layers(bare)}"
        parts.append(f"from {_layers(wide)} in untrained nets of the paper's size ({size})")
    return (
        f"The input's shapes are gone from the layers' pictures (less than {SEEN:.0%} of a map differs between inputs) "
        + ", ".join(parts)
        + f". In the paper's figure, read by eye: from {GONE['untrained']} untrained and {GONE['trained']} trained, of"
        " 20 layers."
    )


def _layers(layers: list[int | None]) -> str:
    return ", ".join("none" if layer is None else str(layer) for layer in layers)
