"""Units that can go, layer by layer and all together, and the smaller net that is left."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

import pandas as pd
import torch
from torch import Tensor, nn

from ..errors import first_line
from .answered import answered, answered_by
from .cost import costs
from .cut import Cutter, smaller
from .item import Item, Together, Withheld, misses
from .level import highest_level
from .makers import makers_of
from .masks import DEAD, DUPLICATE, NOT_NEEDED, Mask, Prunable, prunable
from .measured import Measured
from .panel import Panel
from .reads import reads_of
from .streams import streams_of

SAME = 1e-4  # of the answers' variance: rounding


@dataclass(frozen=True)
class Pruning:
    """What can be taken out, and what was not."""

    items: tuple[Item, ...]
    masks: Mapping[float, Mapping[str, Mask]]  # by fidelity and layer, of the items given
    together: tuple[Together, ...]
    applied: Mapping[float, Mapping[str, Mask]]  # by fidelity and layer, of the smaller nets
    nets: Mapping[float, nn.Module]
    why: pd.DataFrame  # a row for each unit that goes: layer, unit, asked, why, into
    makers: Mapping[str, str]  # by layer, the module with weights whose outputs its units are


def prune(
    measured: Measured, units: pd.DataFrame, fidelities: Sequence[float], engine: str, withheld: list[Withheld]
) -> Pruning:  # fmt: skip
    """units: the census's table of units. engine: what cuts, "own" or "torch_pruning"."""
    panel = measured.panel
    layers = prunable(panel, units)
    cutter, cuttable = _cutter(panel, engine, layers, withheld)
    items, masks, why = list[Item](), dict[float, dict[str, Mask]](), list[pd.DataFrame]()
    for asked in fidelities:
        masks[asked] = {}
        for one in layers:
            for item, mask in _items(measured, one, asked, withheld):
                items.append(item)
                masks[asked][one.layer.name] = mask  # the last takes out most
            if one.layer.name in masks[asked]:
                why.append(_reasons(one, masks[asked][one.layer.name], asked))
    whole = [_together(measured, cuttable, cutter, asked, withheld) for asked in fidelities]
    given = [one for one in whole if one is not None]
    return Pruning(
        tuple(items), masks, tuple(together for together, _, _ in given),
        {one.asked: applied for one, applied, _ in given}, {one.asked: net for one, _, net in given},
        pd.concat(why, ignore_index=True) if why else pd.DataFrame(columns=["layer", "unit", "asked", "why", "into"]),
        makers_of(panel, [one.layer for one in layers]),
    )  # fmt: skip


def _items(measured: Measured, one: Prunable, asked: float, withheld: list[Withheld]) -> Iterator[tuple[Item, Mask]]:
    """The steps that hold, each taking out more than the one before."""
    steps: dict[str, Mask | None] = {DEAD: one.without(one.dead)}
    if bool(one.duplicate.any()):
        steps[f"{DEAD} and {DUPLICATE}"] = one.without(one.dead | one.duplicate)
    steps[NOT_NEEDED] = one.mask(1 - asked)
    most = one.layer.width
    for what, mask in steps.items():
        if mask is None or mask.kept >= most:
            continue
        effect = measured.changed({one.layer.name: mask.change})
        if not effect.holds(asked):
            withheld.append(Withheld("prune", one.layer.name, f"{what}: {misses(effect, asked)}"))
            continue
        most = mask.kept
        yield Item(one.layer.name, what, asked, one.layer.width, mask.kept, effect), mask


def _reasons(one: Prunable, mask: Mask, asked: float) -> pd.DataFrame:
    gone = (~mask.stays).nonzero().flatten().tolist()
    why, heir, gain = one.why(mask), mask.heir.tolist(), mask.gain.tolist()
    into = pd.array([heir[unit] if gain[unit] else None for unit in gone], dtype="Int64")
    return pd.DataFrame({
        "layer": one.layer.name, "unit": gone, "asked": asked, "why": [why[unit] for unit in gone], "into": into,
    })  # fmt: skip


def _together(
    measured: Measured, layers: Sequence[Prunable], cutter: Cutter, asked: float, withheld: list[Withheld]
) -> tuple[Together, Mapping[str, Mask], nn.Module] | None:
    def masks(level: float) -> dict[str, Mask]:
        return {one.layer.name: mask for one in layers for mask in [one.mask(level)] if mask is not None}

    def lost(level: float) -> float:
        return measured.most_loss(cutter(masks(level)))

    level = highest_level(lost, 1 - asked, len(layers)) if layers else None
    chosen = {} if level is None else masks(level)
    if not chosen:
        withheld.append(Withheld("prune", "", f"no unit can go from any layer at fidelity {asked:g}"))
        return None
    net = cutter(chosen)
    effect = measured.effect(net)
    if not effect.holds(asked):
        withheld.append(Withheld("prune", "", f"all together: {misses(effect, asked)}"))
        return None
    before, after = costs([measured.panel.net.net, net], measured.panel.example)
    return Together("prune", asked, len(chosen), effect, before, after), chosen, net


def _cutter(
    panel: Panel, engine: str, layers: Sequence[Prunable], withheld: list[Withheld]
) -> tuple[Cutter, list[Prunable]]:
    """What cuts, and the layers from which it can, as one cut from each has shown."""
    if engine == "own":
        reads = reads_of(panel)
        known = set(reads)

        cutter: Cutter = partial(smaller, panel.net.net, reads)
    else:
        from .torch_pruning import cutter_of

        cutter, known = cutter_of(panel, [one.layer for one in layers])
    fit, streams = list[Prunable](), streams_of(panel)
    withheld += [Withheld("prune", "", str(stream)) for stream in streams]
    told = {name for stream in streams for name in stream.layers}
    for one in layers:
        why = _misfit(panel, one, cutter) if one.layer.name in known else "what reads it was not found module by module"
        if why and one.layer.name not in told:
            withheld.append(Withheld("prune", one.layer.name, f"no smaller net ({engine}): {why}"))
        elif not why:
            fit.append(one)
    return cutter, fit


def _misfit(panel: Panel, one: Prunable, cutter: Cutter) -> str:
    """Why half of the units cannot be cut out of the weights as out of the layer's output; empty where they can.

    Each unit is handed whole to one that stays, and none has a mean: so maps that are padded make no difference.
    """
    half = torch.zeros_like(one.dead)
    half[one.ranks.order[(len(half) + 1) // 2 :]] = True
    mask = one.without(half)
    if mask is None:
        return "it has too few units"
    mask = replace(mask, gain=torch.ones_like(mask.gain), mean=torch.zeros_like(mask.mean))
    some = panel.choosing[:1]
    try:
        other = answered_by(cutter({one.layer.name: mask}), panel.net, some, panel.answers)
    except Exception as error:  # the net's own code with other shapes
        return f"it does not run without half of the units ({first_line(error)})"
    masked = answered(panel.net, some, panel.answers, {one.layer.name: mask.change})
    if _away(other, masked) > SAME * max(_away(masked, masked.mean(0)), 1e-300):
        return "cut out of the weights they leave other answers than taken out of the layer's output"
    return ""


def _away(a: Tensor, b: Tensor) -> float:
    return float((a - b).square().sum())
