"""layercensus layers: what can be counted in a model."""

from __future__ import annotations

from typing import Annotated

from cyclopts import Parameter

from .open import model_of
from .parameters import Device, ModelName, Size

EXAMPLES = """Examples:
  layercensus layers my_package.nets:make
  layercensus layers my_package.nets:make images:photographs --size 224"""


def layers(
    model: ModelName,
    data: Annotated[str | None, Parameter(help="to look at the layers with, where the model needs it")] = None,
    /,
    *,
    size: Size = None,
    device: Device = None,
) -> None:
    """List a model's layers, and which are counted by default."""
    from ..layers.device import asked_device
    from ..report.terminal_others import show_layers
    from ..take import layers_of

    asked_device(device)  # before a model is opened, which may take long
    show_layers(layers_of(model_of(model, size), data, device=device))
    print("count others with: layercensus run MODEL DATA --layers GLOB --out DIR")
