"""Layers of low rank as advice: each verified by itself, and all that save something together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from torch import nn

from ..intervene.replace import projection
from .compress import Candidate, candidates, compressed, ranks
from .cost import costs
from .item import Item, Together, Withheld, misses
from .level import highest_level
from .low_rank import numbers_saved
from .measured import Measured


@dataclass(frozen=True)
class Compressing:
    """What can be factorised, and what was not."""

    items: tuple[Item, ...]
    together: tuple[Together, ...]
    ranks: Mapping[float, Mapping[str, int]]  # by fidelity and module, of the nets
    nets: Mapping[float, nn.Module]


def compress(measured: Measured, fidelities: Sequence[float], withheld: list[Withheld]) -> Compressing:
    """Every layer by itself and all together, for each fidelity."""
    found = candidates(measured.panel)
    items = [item for asked in fidelities for one in found for item in [_item(measured, one, asked, withheld)] if item]
    whole = [_together(measured, found, asked, withheld) for asked in fidelities]
    given = [one for one in whole if one is not None]
    return Compressing(
        tuple(items), tuple(together for together, _, _ in given), {one.asked: of for one, of, _ in given},
        {one.asked: net for one, _, net in given},
    )  # fmt: skip


def _item(measured: Measured, one: Candidate, asked: float, withheld: list[Withheld]) -> Item | None:
    rank = one.rank(1 - asked)
    if rank is None:
        return None
    effect = measured.changed({one.layer.name: projection(one.directions, rank)})
    if not effect.holds(asked):
        withheld.append(Withheld("compress", one.layer.name, f"rank {rank}: {misses(effect, asked)}"))
        return None
    before = sum(p.numel() for p in one.module.parameters())
    return Item(one.layer.name, f"rank {rank}", asked, before, before - numbers_saved(one.module, rank), effect)


def _together(
    measured: Measured, found: Sequence[Candidate], asked: float, withheld: list[Withheld]
) -> tuple[Together, Mapping[str, int], nn.Module] | None:
    net = measured.panel.net.net
    able = [one for one in found if one.rank(1 - asked) is not None]

    def lost(level: float) -> float:
        return measured.most_loss(compressed(net, found, ranks(found, level)))

    level = highest_level(lost, 1 - asked, len(able)) if able else None
    chosen = {} if level is None else ranks(found, level)
    if not chosen:
        withheld.append(Withheld("compress", "", f"no layer saves parameters at fidelity {asked:g}"))
        return None
    thin = compressed(net, found, chosen)
    effect = measured.effect(thin)
    if not effect.holds(asked):
        withheld.append(Withheld("compress", "", f"all together: {misses(effect, asked)}"))
        return None
    before, after = costs([net, thin], measured.panel.example)
    return Together("compress", asked, len(chosen), effect, before, after), chosen, thin
