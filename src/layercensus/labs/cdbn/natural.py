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
from .nets import Stack, untrained
from .options import CONTRAST, NATURAL, Options
from .photographs import Crops, crops, photographs
from .trainer import Trainer
from .whiten import measure


@dataclass(frozen=True)
class Natural:
    """The stack, crops for its census and what was measured."""

    stack: Stack
    crops: Tensor  # (crops, 1, side, side)
    results: dict[str, Any]
    missing: str


def natural(trainer: Trainer, folder: Folder, options: Options) -> Natural:
    """Train both layers and measure the first."""
    photos = photographs(options.images)
    whitening = measure(photos.images, options.seed)
    white = crops([CONTRAST * whitening(image) for image in photos.images], options.crop, options.crops)
    (form, recipe), (deep_form, deep_recipe) = NATURAL
    first = trainer.layer("photographs-1", form, recipe, options.seed, white).layer

    def pooled(generator: torch.Generator) -> Tensor:
        return first.hidden(first.fit(white(generator).to(options.device)))[1]

    second = trainer.layer("photographs-2", deep_form, deep_recipe, options.seed + 1, pooled).layer
    stack = trainer.stack("photographs", [first, second], options.crop)
    some = torch.cat(
        [
            white(g)
            for g in [torch.Generator().manual_seed(options.seed + 2)]
            for _ in range(options.counted // options.crops)
        ]
    )
    results = folder.once("photographs", lambda: _measured(first, white, options))
    results |= {"photographs": list(photos.names), "target": recipe.target}
    return Natural(stack, some, results, photos.missing)


@torch.no_grad()
def _measured(layer: Crbm, white: Crops, options: Options) -> dict[str, Any]:
    generator = torch.Generator().manual_seed(options.seed + 4)
    active = [
        layer.hidden(layer.fit(white(generator).to(options.device)))[0].mean((0, 2, 3)) for _ in range(options.measured)
    ]
    units = torch.stack(active).mean(0).double().cpu()
    noise = _gabors(untrained([layer.form], options.seed + 3).crbms[0])
    return _gabors(layer) | {"untrained": noise, "activity": float(units.mean()), "activities": units.tolist()}


def _gabors(layer: Crbm) -> dict[str, Any]:
    fits = [fit(filter[0].cpu().numpy()) for filter in layer.weight]
    r2 = np.array([gabor.r2 for gabor in fits])
    edges = [is_edge(gabor, layer.form.kernel) for gabor in fits]
    return {
        "gabor": float((r2 >= ENOUGH).mean()),
        "edges": float(np.mean(edges)),
        "r2": r2.tolist(),
        "fits": [asdict(gabor) for gabor in fits],
    }
