"""The first experiment: layers on photographs, whose filters should be localised oriented edges."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..record import Folder
from .crbm import Crbm
from .gabor import ENOUGH, fit, is_edge
from .how import CONTRAST, NATURAL, How
from .nets import Stack, untrained
from .photographs import Crops, crops, photographs
from .trainer import Bench
from .whiten import measure


@dataclass(frozen=True)
class Natural:
    """The stack, crops for its census and what was measured."""

    stack: Stack
    crops: Tensor  # (crops, 1, side, side)
    results: dict[str, Any]
    missing: str


def natural(bench: Bench, folder: Folder, how: How) -> Natural:
    """Train both layers and measure the first."""
    found = photographs(how.images)
    whitening = measure(found.images, how.seed)
    white = crops([CONTRAST * whitening(image) for image in found.images], how.crop, how.crops)
    (form, recipe), (deep_form, deep_recipe) = NATURAL
    first = bench.layer("photographs-1", form, recipe, how.seed, white).layer

    def pooled(generator: torch.Generator) -> Tensor:
        return first.hidden(first.fit(white(generator).to(how.device)))[1]

    second = bench.layer("photographs-2", deep_form, deep_recipe, how.seed + 1, pooled).layer
    stack = bench.stack("photographs", [first, second], how.crop)
    some = torch.cat(
        [white(g) for g in [torch.Generator().manual_seed(how.seed + 2)] for _ in range(how.counted // how.crops)]
    )
    results = folder.once("photographs", lambda: _measured(first, white, how))
    results |= {"photographs": list(found.names), "target": recipe.target}
    return Natural(stack, some, results, found.missing)


@torch.no_grad()
def _measured(layer: Crbm, white: Crops, how: How) -> dict[str, Any]:
    generator = torch.Generator().manual_seed(how.seed + 4)
    active = [layer.hidden(layer.fit(white(generator).to(how.device)))[0].mean((0, 2, 3)) for _ in range(how.measured)]
    units = torch.stack(active).mean(0).double().cpu()
    noise = _gabors(untrained([layer.form], how.seed + 3).crbms[0])
    return _gabors(layer) | {"untrained": noise, "activity": float(units.mean()), "activities": units.tolist()}


def _gabors(layer: Crbm) -> dict[str, Any]:
    fits = [fit(filter[0].cpu().numpy()) for filter in layer.weight]
    r2 = np.array([one.r2 for one in fits])
    edges = [is_edge(one, layer.form.kernel) for one in fits]
    return {
        "gabor": float((r2 >= ENOUGH).mean()),
        "edges": float(np.mean(edges)),
        "r2": r2.tolist(),
        "fits": [asdict(one) for one in fits],
    }
