"""Another source whose inputs are given another form on the way, and the forms that are tried."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from PIL import Image
from torch import Tensor
from torch.nn.functional import interpolate

from ..models.prepare import Prepare
from .around import Around
from .batch import Batch
from .picture import prepared
from .source import Skip, Source

CHANNELS = (1, 3)  # of pictures
BYTES = "bytes"  # how a source's account of its values begins, where they were bytes


@dataclass(frozen=True)
class Mend:
    """A change of form: what it does, in words, and to call on inputs (examples, ...)."""

    said: str
    change: Callable[[Tensor], Tensor]

    def then(self, other: Mend) -> Mend:
        """Both, one after the other."""
        return Mend(f"{self.said}; {other.said}", lambda x: other.change(self.change(x)))


class Mended(Around):
    """Another source with its inputs changed; `about` says how."""

    def __init__(self, source: Source, mend: Mend, prepare: Prepare | None = None) -> None:
        super().__init__(source)
        self.mend, self.prepare = mend, prepare or source.prepare
        self.as_pictures = prepare is not None  # in which case `values` says what was done before, and is undone
        first = next(iter(source.peek(1))).inputs
        self.kind = {4: "images", 3: "signals"}.get(mend.change(first).ndim, source.kind)

    @property
    def about(self) -> dict[str, Any]:  # type: ignore[override]
        """What the data say of themselves, and how their form was changed."""
        about = {name: said for name, said in self.source.about.items() if name != "values" or not self.as_pictures}
        return about | {"mended": self.mend.said}

    def rows(self) -> tuple[Sequence[int], int]:
        return self.source.rows()

    def pick(self, ids: Sequence[str]) -> Batch:
        return self._changed(self.source.pick(ids))

    def batches(self, size: int, skip: Skip = None) -> Iterator[Batch]:
        yield from map(self._changed, self.source.batches(size, skip))

    def _changed(self, batch: Batch) -> Batch:
        return batch.with_inputs(self.mend.change(batch.inputs)) if batch.ids else batch


def mends_of(x: Tensor, prepare: Prepare | None) -> list[list[Mend]]:
    """The changes that could make inputs fit a net, fewest steps first; the size last."""
    one = _steps(x)
    two = [first.then(second) for first in one for second in _steps(first.change(x)) if second.said != first.said]
    plain = [one, two]
    if prepare is None or prepare.size is None:
        return plain
    sized = _resized(prepare.size)
    return [*plain, [sized] if x.ndim == 4 else [], [m.then(sized) for m in (*one, *two) if m.change(x).ndim == 4]]


def _steps(x: Tensor) -> list[Mend]:
    steps = []
    if not x.is_floating_point():
        return [Mend("integers as floating-point numbers", lambda x: x.float())]
    if x.ndim == 4 and x.shape[-1] in CHANNELS and x.shape[1] not in CHANNELS:
        steps.append(Mend("channels moved from the last axis to the first", lambda x: x.movedim(-1, 1).contiguous()))
    if x.ndim == 4 and x.shape[1] == 1:
        steps.append(Mend("grey repeated for three channels", lambda x: x.expand(-1, 3, -1, -1).contiguous()))
    if x.ndim == 2 or (x.ndim == 3 and x.shape[1] not in CHANNELS):  # else that axis may be the channels
        steps.append(Mend("an axis of one channel added", lambda x: x.unsqueeze(1)))
    return steps


def _resized(size: tuple[int, int]) -> Mend:
    def change(x: Tensor) -> Tensor:
        return interpolate(x, size, mode="bilinear", antialias=True)

    return Mend(f"resized to {size[0]} x {size[1]} (bilinear)", change)


def raw_pictures(source: Source, prepare: Prepare | None) -> Mend | None:
    """The model's own preparation for pictures that are kept as bytes in an array; None for anything else."""
    own = prepare is not None and (prepare.transform is not None or prepare.mean is not None) and not prepare.tokenizer
    if prepare is None or not own or source.prepare is not None or not source.reusable:
        return None
    if not str(source.about.get("values", "")).startswith(BYTES):
        return None
    first = next(iter(source.peek(1))).inputs
    if not isinstance(first, Tensor) or first.ndim not in (3, 4):
        return None
    last = first.ndim == 4 and first.shape[-1] in CHANNELS and first.shape[1] not in CHANNELS
    if first.ndim == 4 and not last and first.shape[1] not in CHANNELS:
        return None
    said = f"bytes as pictures{', channels on the last axis' if last else ''}: {prepare.describe()}"
    return Mend(said, lambda x: _as_pictures(x, last, prepare))


def _as_pictures(x: Tensor, last: bool, prepare: Prepare) -> Tensor:
    x = x if last or x.ndim == 3 else x.movedim(1, -1)
    whole = (x * 255).round().to(torch.uint8).numpy()
    channels = prepare.channels or (len(prepare.mean) if prepare.mean else 3)
    grey = whole.ndim == 3 or whole.shape[-1] == 1
    images = [Image.fromarray(one.reshape(one.shape[:2]) if grey else one) for one in whole]
    return torch.stack([prepared(image, prepare, channels) for image in images])
