"""What to do with a net, as tables, as nets that run, and as text."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd
from torch import Tensor, nn

from ..errors import CensusError
from .saved import save
from .text import as_text

TABLES = ("prune", "units", "compress", "remove", "probe", "freeze", "together", "withheld")


@dataclass(frozen=True)
class Advice:
    """Advice of a census. Each row was measured on held-out examples that chose nothing of it.

    prune, compress, remove: a row for each layer, step and fidelity asked for, with the measured effect. units: a row
    for each unit that goes, and why. probe: a row for each layer, with what a linear probe reads from it. freeze: the
    first layers, of which nothing was learned. together: all of a part at once, as a net that runs, with its cost
    before and after. withheld: what was tried and does not hold, or could not be tried.

    >>> import layercensus as lc, torch
    >>> from torch import nn
    >>> net = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 3))
    >>> x = torch.randn(128, 4, generator=torch.Generator().manual_seed(0))
    >>> census = lc.take(net, x, twin=False, settings=lc.Settings(progress=False))
    >>> advice = census.advise(net, x, parts=["prune"], fidelity=[0.5])
    >>> advice.pruned(0.5)(x).shape
    torch.Size([128, 3])
    >>> sorted(advice.ratios(0.5))  # the module whose outputs go
    ['0']
    """

    prune: pd.DataFrame
    units: pd.DataFrame
    compress: pd.DataFrame
    remove: pd.DataFrame
    probe: pd.DataFrame
    freeze: pd.DataFrame
    together: pd.DataFrame
    withheld: pd.DataFrame
    ranks: Mapping[float, Mapping[str, int]]  # by fidelity and module, of the compressed nets
    _masks: Mapping[float, Mapping[str, Tensor]] = field(repr=False)
    _cut: Mapping[float, Mapping[str, Tensor]] = field(repr=False)
    _makers: Mapping[str, str] = field(repr=False)
    _nets: Mapping[tuple[str, float], nn.Module] = field(repr=False)
    _example: Any = field(repr=False)

    def masks(self, fidelity: float) -> Mapping[str, Tensor]:
        """By layer, (units,) bool: those that stay where this layer alone is pruned to keep the fidelity.

        Raises:
            CensusError: this fidelity was not asked for.
        """
        if fidelity not in self._masks:
            known = ", ".join(f"{at:g}" for at in self._masks) or "none"
            raise CensusError(f"fidelity must be one that was asked for: {known}. Got {fidelity}.")
        return self._masks[fidelity]

    def ratios(self, fidelity: float) -> Mapping[str, float]:
        """By module, the fraction of its outputs that go where all layers are pruned together, as `pruned` does it.

        Torch-Pruning takes it as `pruning_ratio_dict={net.get_submodule(name): ratio for name, ratio in ...}`.

        Raises:
            CensusError: no smaller net holds the fidelity.
        """
        self._net("prune", fidelity)
        cut = self._cut[fidelity]
        return {self._makers[layer]: float(1 - stays.double().mean()) for layer, stays in cut.items()}

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

    def shortened(self, fidelity: float) -> nn.Module:
        """The net without the blocks whose branches can go together.

        Raises:
            CensusError: none can; `withheld` says why.
        """
        return self._net("remove", fidelity)

    def save(self, folder: str | Path) -> Path:
        """Write the tables as CSV, the masks and ranks, and each net as an exported program that runs by itself.

        `torch.export.load(folder / "prune_0.95.pt2").module()` runs without this library. A net that torch cannot
        export is left out, and stands in `not_written.csv` with the reason.

        Raises:
            CensusError: the folder cannot be written.
        """
        ratios = {asked: self.ratios(asked) for part, asked in self._nets if part == "prune"}
        told = {"ranks": self.ranks, "ratios": ratios}
        return save(Path(folder), self._tables, self._masks, told, self._nets, self._example)

    def __str__(self) -> str:
        return as_text(self._tables)

    @property
    def _tables(self) -> Mapping[str, pd.DataFrame]:
        return {name: getattr(self, name) for name in TABLES}

    def _net(self, part: str, fidelity: float) -> nn.Module:
        if (part, fidelity) not in self._nets:
            known = ", ".join(f"{at:g}" for name, at in self._nets if name == part) or "none"
            raise CensusError(f"fidelity must be one that a net holds: {known}. Got {fidelity}: see `withheld`.")
        return self._nets[part, fidelity]
