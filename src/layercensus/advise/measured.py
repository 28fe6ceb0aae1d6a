"""The answers of the net on the examples that choose and on those that verify, and what a change does to them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from torch import nn

from ..count.nets import TRAINED, Net
from ..intervene.replace import Change
from .answered import answered, answered_by
from .effect import Effect, Reference
from .panel import Panel


@dataclass(frozen=True)
class Measured:
    """A panel with the net's own answers."""

    panel: Panel
    choosing: Reference
    verifying: Reference

    @classmethod
    def of(cls, panel: Panel) -> Measured:
        """Two passes."""
        both = (panel.choosing, panel.verifying)
        known, classes = _known(panel), panel.answers.centred
        found = [answered(panel.net, batches, panel.answers) for batches in both]
        return cls(panel, *(Reference.of(y, b, classes=classes, known=known) for y, b in zip(found, both, strict=True)))

    def changed(self, changes: Mapping[str, Change]) -> Effect:
        """On verifying examples, with the rows of some surveyed layers changed."""
        net = Net(TRAINED, self.panel.net.net, self.panel.surveyed)
        return self.verifying.effect(answered(net, self.panel.verifying, self.panel.answers, changes))

    def effect(self, module: nn.Module) -> Effect:
        """On verifying examples, with another module in the net's place."""
        return self.verifying.effect(answered_by(module, self.panel.net, self.panel.verifying, self.panel.answers))

    def most_loss(self, module: nn.Module) -> float:
        """On choosing examples: what another module in the net's place loses at most, with a confidence of 95 %."""
        changed = answered_by(module, self.panel.net, self.panel.choosing, self.panel.answers)
        return self.choosing.most_loss(changed)


def _known(panel: Panel) -> int:
    """How many classes the data's labels name; 0 where there are none."""
    labels = [b.labels for part in (panel.calibration, panel.choosing, panel.verifying) for b in part]
    highest = max((int(one.max()) for one in labels if one is not None and len(one)), default=-1)
    return highest + 1 if panel.source.class_names is None else len(panel.source.class_names)
