"""What can be seen in a picture without learning: how bright, which colour, which way edges run, where it is."""

from __future__ import annotations

from math import cos, pi, sin

import torch
from torch import Tensor

WAYS = {
    "horizontal": 90,
    "vertical": 0,
    "rising": 135,
    "falling": 45,
}  # edges, by the angle of their gradient in degrees
HUES = {"red": 0, "yellow": 60, "green": 120, "cyan": 180, "blue": 240, "magenta": 300}  # degrees


def shapes(x: Tensor) -> dict[str, Tensor]:
    """Name -> (examples,): of pictures x (examples, channels, height, width), 0..1 or on any scale that all share.

    Edges are the fraction of squared gradients within about 22 degrees of a direction; a place is where the light is.
    """
    grey = x.mean(1)
    across, down = _gradients(grey)
    energy = across.square() + down.square()
    total = energy.sum((1, 2)).clamp(min=1e-12)
    found = {
        "bright": grey.mean((1, 2)), "dark": -grey.mean((1, 2)), "high contrast": grey.flatten(1).std(1),
        "many edges": energy.mean((1, 2)).sqrt(), "fine detail": _fine(grey),
    }  # fmt: skip
    for name, degrees in WAYS.items():
        found[f"{name} edges"] = _along(across, down, energy, degrees) / total
    return found | _places(grey)


def _gradients(grey: Tensor) -> tuple[Tensor, Tensor]:
    """Central differences along rows and columns, 0 at the border."""
    across, down = torch.zeros_like(grey), torch.zeros_like(grey)
    across[:, :, 1:-1] = (grey[:, :, 2:] - grey[:, :, :-2]) / 2
    down[:, 1:-1] = (grey[:, 2:] - grey[:, :-2]) / 2
    return across, down


def _along(across: Tensor, down: Tensor, energy: Tensor, degrees: float) -> Tensor:
    angle = degrees * pi / 180
    along = across * cos(angle) + down * sin(angle)
    near = along.square() >= energy * cos(pi / 8) ** 2
    return (energy * near).sum((1, 2))


def _fine(grey: Tensor) -> Tensor:
    """How much of the variance averaging over 3 x 3 pixels takes away."""
    smooth = torch.nn.functional.avg_pool2d(grey[:, None], 3, 1, 1, count_include_pad=False)[:, 0]
    return (grey - smooth).square().mean((1, 2)) / grey.flatten(1).var(1).clamp(min=1e-12)


def _places(grey: Tensor) -> dict[str, Tensor]:
    """How much brighter one half is than the other."""
    height, width = grey.shape[1:]
    left = grey[:, :, : width // 2].mean((1, 2)) - grey[:, :, -(width // 2) :].mean((1, 2))
    top = grey[:, : height // 2].mean((1, 2)) - grey[:, -(height // 2) :].mean((1, 2))
    return {"brighter left": left, "brighter right": -left, "brighter top": top, "brighter bottom": -top}


def colours(x: Tensor) -> dict[str, Tensor]:
    """Name -> (examples,): how saturated, and how much of each of six hues; none where there are not three channels."""
    if x.shape[1] != 3:
        return {}
    angle = torch.tensor([0.0, 2 * pi / 3, 4 * pi / 3])
    a, b = (torch.einsum("ncij,c->nij", x, way) for way in (angle.cos(), angle.sin()))
    chroma = (a.square() + b.square()).sqrt()
    found = {"colourful": chroma.mean((1, 2))}
    for name, degrees in HUES.items():
        hue = degrees * pi / 180
        along = a * cos(hue) + b * sin(hue)
        found[name] = (chroma * (along >= chroma * cos(pi / 6)) * (chroma > 1e-6)).mean((1, 2))
    return found
