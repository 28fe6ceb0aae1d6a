"""What to do with a net, as tables, as nets that run, and as text."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import pandas as pd
from torch import Tensor, nn

from ..errors import CensusError


@dataclass(frozen=True)
class Advice:
    """Advice of a census. Each row was measured on held-out examples that chose nothing of it.

    prune, compress: a row for each layer, step and fidelity asked for, with the measured effect. units: a row for each
    unit that goes, and why. together: all of a part at once, as a net that runs, with its cost before and after.
    withheld: what was tried and does not hold, or could not be tried.
    """

    prune: pd.DataFrame
    units: pd.DataFrame
    compress: pd.DataFrame
    together: pd.DataFrame
    withheld: pd.DataFrame
    ranks: Mapping[float, Mapping[str, int]]  # by fidelity and module, of the compressed nets
    _masks: Mapping[float, Mapping[str, Tensor]] = field(repr=False)
    _cut: Mapping[float, Mapping[str, Tensor]] = field(repr=False)
    _nets: Mapping[tuple[str, float], nn.Module] = field(repr=False)

    def masks(self, fidelity: float) -> Mapping[str, Tensor]:
        """By layer, (units,) bool: those that stay where this layer alone is pruned to keep the fidelity."""
        return self._at(self._masks, fidelity)

    def pruned(self, fidelity: float) -> nn.Module:
        """The smaller net, with all layers pruned together so that the answers keep the fidelity.

        Raises:
            CensusError: none holds it; `withheld` says why.
        """
        return self._net("prune", fidelity)

    def compressed(self, fidelity: float) -> nn.Module:
        """The net with all layers of low rank together.

        Raises:
            CensusError: none holds the fidelity; `withheld` says why.
        """
        return self._net("compress", fidelity)

    def _net(self, part: str, fidelity: float) -> nn.Module:
        if (part, fidelity) not in self._nets:
            known = ", ".join(f"{at:g}" for name, at in self._nets if name == part) or "none"
            raise CensusError(f"fidelity must be one that a net holds: {known}. Got {fidelity}: see `withheld`.")
        return self._nets[part, fidelity]

    def _at(self, by_fidelity: Mapping[float, Mapping[str, Tensor]], fidelity: float) -> Mapping[str, Tensor]:
        if fidelity not in by_fidelity:
            known = ", ".join(f"{at:g}" for at in by_fidelity) or "none"
            raise CensusError(f"fidelity must be one that was asked for: {known}. Got {fidelity}.")
        return by_fidelity[fidelity]
