"""Another tensor in the place of a layer's output, whatever form the output has and whoever else holds it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, is_dataclass, replace
from typing import Any

import torch
from torch import Tensor

from .layer import Layer, View


@dataclass(frozen=True)
class Given:
    """What a layer has given in a forward pass, before anything reads it."""

    layer: Layer
    raw: Tensor  # as the net made it
    examples: int  # in this pass

    def rows(self, x: Tensor | None = None) -> Tensor:
        """(examples, positions, units): the layer's output, or another tensor of its form such as its gradient."""
        handed_on = self._handed_on(self.raw if x is None else x)
        return handed_on.movedim(self.layer.unit_axis, -1).reshape(self.examples, -1, self.layer.width)

    def put(self, rows: Tensor) -> Tensor:
        """A tensor like `raw` that holds these rows (examples, positions, units)."""
        new = torch.empty_like(self.raw)
        target = self._before_join(new)
        axes, sizes = self._unit_axes(target)
        moved = target.movedim(axes, tuple(range(-len(axes), 0)))
        moved.copy_(rows.reshape(*moved.shape[: moved.ndim - len(axes)], *sizes))
        return new

    def _handed_on(self, x: Tensor) -> Tensor:
        if self.examples == 1 and self.layer.view == View() and x.ndim == len(self.layer.shape):
            x = x.unsqueeze(0)  # the net squeezed the axis of its one example
        return self.layer.view.apply(x, self.examples)

    def _before_join(self, x: Tensor) -> Tensor:
        """A view of `x` as `_handed_on` gives it, but for unit axes that it would join by a copy."""
        bare = replace(self.layer, view=replace(self.layer.view, join=()), shape=_unjoined(self.layer, x))
        return Given(bare, x, self.examples)._handed_on(x)

    def _unit_axes(self, target: Tensor) -> tuple[tuple[int, ...], tuple[int, ...]]:
        axes = self.layer.view.join or (self.layer.unit_axis,)
        return axes, tuple(target.shape[axis] for axis in axes)


def _unjoined(layer: Layer, x: Tensor) -> tuple[int, ...]:
    """A shape with as many axes as an example has before the unit axes are joined."""
    return (*layer.shape, *(1,) * max(len(layer.view.join) - 1, 0))


Exchange = Callable[[Given], Tensor | None]  # what to put in the place of the layer's output; None: leave it


def exchanged(output: Any, old: Tensor, new: Tensor) -> Any:
    """An output with one of its tensors exchanged: a tensor, or tuples, lists, mappings and dataclasses of them.

    >>> x, y = torch.zeros(1), torch.ones(1)
    >>> exchanged((x, {"attention": y}), x, torch.full((1,), 5.0))
    (tensor([5.]), {'attention': tensor([1.])})
    """
    if output is old:
        return new
    if isinstance(output, Mapping):
        return _mapping(output, {name: exchanged(part, old, new) for name, part in output.items()})
    if isinstance(output, (tuple, list)):
        parts = [exchanged(part, old, new) for part in output]
        return type(output)(*parts) if hasattr(output, "_fields") else type(output)(parts)
    if is_dataclass(output) and not isinstance(output, type):
        return replace(output, **{f.name: exchanged(getattr(output, f.name), old, new) for f in fields(output)})
    return output


def _mapping(output: Mapping[Any, Any], parts: dict[Any, Any]) -> Any:
    """A mapping of the same type; transformers' outputs take their parts as keywords."""
    return type(output)(**parts) if is_dataclass(output) else type(output)(parts)  # type: ignore[call-arg]
