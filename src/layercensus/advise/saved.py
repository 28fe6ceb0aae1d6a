"""Advice in a folder: tables, masks, ranks, and nets that run without this library."""

from __future__ import annotations

import json
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd
import torch
from safetensors.torch import save as as_bytes
from torch import Tensor, nn

from ..data.batch import each, tensors
from ..data.files import whole_folder
from ..errors import first_line
from ..layers.modes import evaluating


def save(
    folder: Path, tables: Mapping[str, pd.DataFrame], masks: Mapping[float, Mapping[str, Tensor]],
    told: Mapping[str, Any], nets: Mapping[tuple[str, float], nn.Module], example: Any,
) -> Path:  # fmt: skip
    """See `Advice.save`. told: ranks and ratios, as JSON. nets: by part and fidelity. example: inputs of several."""
    with whole_folder(folder) as new:
        for name, table in tables.items():
            table.to_csv(new / f"{name}.csv", index=False)
        flat = {f"{asked:g}|{layer}": stays for asked, by in masks.items() for layer, stays in by.items()}
        (new / "masks.safetensors").write_bytes(as_bytes(flat))
        (new / "advice.json").write_text(json.dumps(told, indent=1), "utf-8")
        missing = [
            {"net": f"{name}_{asked:g}", "why": why}
            for (name, asked), net in nets.items()
            if (why := _export(net, example, new / f"{name}_{asked:g}.pt2"))
        ]
        pd.DataFrame(missing, columns=["net", "why"]).to_csv(new / "not_written.csv", index=False)
    return folder


def _export(net: nn.Module, example: Any, file: Path) -> str:
    """Write the net as an exported program, for any number of examples; why not, if it cannot be."""
    inputs = each(example, lambda x: x.clone())
    args, kwargs = (
        ((), inputs) if isinstance(inputs, dict) else (inputs if isinstance(inputs, tuple) else (inputs,), {})
    )
    several = torch.export.Dim("examples", min=1)
    shapes = [{0: several} for _ in tensors(inputs)]
    dynamic = dict(zip(inputs, shapes, strict=True)) if isinstance(inputs, dict) else tuple(shapes)
    try:
        with evaluating(net), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            program = torch.export.export(net, args, kwargs, dynamic_shapes=dynamic)
        torch.export.save(program, file)
    except Exception as error:  # whatever torch cannot trace in the net's own code
        return first_line(error)
    return ""
