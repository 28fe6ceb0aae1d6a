"""Lucent's part of legible.py; runs in Lucent's own environment, which has no layercensus.

stdin: JSON with net, weights, layer, units, steps, size, out. Prints one JSON line: seconds of all optimisation.
"""

from __future__ import annotations

import json
import sys
import time
import types

import numpy as np
import torch
from legible_nets import NETS, net_of


def stand_in() -> None:
    """Lucent imports one class of torchvision, which is not used here and needs another torch."""
    transforms = types.ModuleType("torchvision.transforms")
    transforms.Normalize = object  # type: ignore[attr-defined]
    package = types.ModuleType("torchvision")
    package.transforms = transforms  # type: ignore[attr-defined]
    sys.modules |= {"torchvision": package, "torchvision.transforms": transforms}


def main() -> None:
    stand_in()
    from lucent.optvis import objectives, param, render, transform

    job = json.load(sys.stdin)
    known, net = NETS[job["net"]], net_of(job["net"], job["weights"])
    mean, std = (torch.tensor(v).view(1, -1, 1, 1) for v in (known.mean, known.std))
    moves = [*transform.standard_transforms, lambda x: (x - mean) / std]
    seconds, made = 0.0, []
    for unit in job["units"]:
        torch.manual_seed(0)
        np.random.seed(0)
        start = time.perf_counter()
        images = render.render_vis(
            net, objectives.channel(job["layer"].replace(".", "_"), unit), lambda: param.image(job["size"]),
            transforms=moves, preprocess=False, thresholds=(job["steps"],), progress=False, show_image=False,
        )  # fmt: skip
        seconds += time.perf_counter() - start
        made.append(images[-1][0].transpose(2, 0, 1))
    np.save(job["out"], np.stack(made))
    print(json.dumps({"seconds": seconds}))


if __name__ == "__main__":
    main()
