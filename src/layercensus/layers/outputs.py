"""Which tensor of a call's output is counted, and which others there are."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass

from torch import Tensor

PREFERRED = ("last_hidden_state", "logits")  # where an output has named parts
MISSING = "it returned no tensor"


def first_tensor(output: object) -> Tensor | None:
    """The first floating-point tensor in an output: itself, or in a tuple, list, dict or dataclass; else the first.

    >>> import torch
    >>> first_tensor((torch.tensor([1, 2]), {"y": torch.tensor([0.5])}))
    tensor([0.5000])
    """
    every = [tensor for _, tensor in tensors(output)]
    return next((t for t in every if t.is_floating_point()), every[0] if every else None)


def others(output: object) -> tuple[str, ...]:
    """Every tensor in an output that `first_tensor` does not choose, in words.

    >>> import torch
    >>> others((torch.zeros(2, 3), torch.zeros(2)))
    ('[1]: (2,) float32',)
    """
    chosen = first_tensor(output)
    rest = [(path, t) for path, t in tensors(output) if t is not chosen]
    return tuple(f"{path}: {tuple(t.shape)} {str(t.dtype).removeprefix('torch.')}" for path, t in rest)


def tensors(output: object, path: str = "") -> Iterator[tuple[str, Tensor]]:
    """Every tensor in an output with its path, depth first, preferred names first.

    >>> import torch
    >>> [path for path, _ in tensors({"mask": torch.ones(1), "logits": [torch.ones(1)]})]
    ["['logits'][0]", "['mask']"]
    """
    if isinstance(output, Tensor):
        yield path, output
        return
    for step, part in _parts(output):
        yield from tensors(part, path + step)


def _parts(output: object) -> list[tuple[str, object]]:
    if isinstance(output, Mapping):
        names = sorted(output, key=lambda name: name not in PREFERRED)  # stable: the others keep their order
        return [(f"[{name!r}]", output[name]) for name in names]
    if isinstance(output, (tuple, list)):
        return [(f"[{i}]", part) for i, part in enumerate(output)]
    if is_dataclass(output) and not isinstance(output, type):
        named = sorted((f.name for f in fields(output)), key=lambda name: name not in PREFERRED)
        return [(f".{name}", getattr(output, name)) for name in named]
    return []
