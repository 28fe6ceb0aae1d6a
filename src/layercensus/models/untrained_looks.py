"""Whether a net that is said to be trained looks as if it never was: weights as an initialiser draws them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _NormBase

from .initialiser_fit import FAR, drawn
from .unestimated import at_start

WHOLE = 0.95  # of the entries that can be judged, above which the net as a whole looks untrained
PART = 0.05  # of the entries, from which on parts are named: many a sound net has a small head that nobody trained
LEAST = 1000  # entries of a part that is named: fewer show too little of what training does
MISSED = 0.1  # of the tensors, at most, that chance may let look otherwise
FEW = 4  # different values of a vector that was set by rule, such as a bias with a gate of its own
ROUNDING = 1.005


@dataclass(frozen=True)
class Weight:
    """A weight tensor that can be judged."""

    name: str  # of the module that holds it, or its own where that holds others
    entries: int
    drawn: str  # how it looks drawn, "" where it does not, or where its bias was trained
    by_far: str  # the same where only what chance hardly gives any tensor counts against it


def looks_untrained(net: nn.Module) -> dict[str, Any]:
    """What looks untrained in a net, as JSON; empty where nothing does, or too little can be judged.

    whole: at least 95 % of the entries that can be judged do. names: the modules; tensors, entries: how many of
    `judged` and of `of_entries`. drawn: distribution -> tensors. as_made: further evidence, in words.

    >>> looks_untrained(nn.Linear(64, 64))["drawn"]
    {'uniform': 1}
    """
    weights = list(_judged(net))
    norms = _norms(net)
    trained_norms = [name for name, module in norms if any(map(_varied, module.parameters(recurse=False)))]
    all_entries = sum(w.entries for w in weights)
    weights = _without_chance(weights)
    found = [w for w in weights if w.drawn]
    whole = not trained_norms and sum(w.entries for w in found) >= max(LEAST, WHOLE * all_entries)
    if not whole:
        after = _after(net, trained_norms)
        found = [w for w in found if w.entries >= LEAST and w.name in after]
    if not found or sum(w.entries for w in found) < PART * all_entries:
        return {}
    return {
        "whole": whole, "names": list(dict.fromkeys(w.name for w in found)), "tensors": len(found),
        "judged": len(weights), "entries": sum(w.entries for w in found), "of_entries": all_entries,
        "drawn": dict(Counter(w.drawn for w in found)), "as_made": list(_as_made([m for _, m in norms])),
    }  # fmt: skip


def _without_chance(weights: list[Weight]) -> list[Weight]:
    """The weights, few of which missed what the others keep to by no more than chance gives one tensor of a thousand.

    Training moves most tensors, and by far. Of ten tensors one is let pass, of twenty two; of fewer than ten none.
    """
    if sum(not w.drawn for w in weights) > int(MISSED * len(weights)):
        return weights
    return [w if w.drawn else replace(w, drawn=w.by_far) for w in weights]


def _judged(net: nn.Module) -> Iterator[Weight]:
    for owner, own in _owners(net).items():
        kinds = {name: kind for name, p in own.items() if (kind := drawn(p)) is not None}
        bound = max((p[:1].numel() ** -0.5 for p in own.values() if p.ndim > 1 and p.numel()), default=0.0)
        biases = [p for name, p in own.items() if "bias" in name and p.ndim == 1]
        moved = any(_varied(p) and float(p.detach().abs().max()) > ROUNDING * bound for p in biases)
        for name, kind in kinds.items():
            by_far = kind or drawn(own[name], FAR) or ""
            yield Weight(owner or name, own[name].numel(), *(("", "") if moved else (kind, by_far)))


def _owners(net: nn.Module) -> dict[str, dict[str, Tensor]]:
    """Module -> its own parameters, those under a parametrisation among them."""
    owners: dict[str, dict[str, Tensor]] = {}
    for path, parameter in net.named_parameters():
        owner, _, name = path.rpartition(".")
        before, under, _ = path.partition("parametrizations.")
        owners.setdefault(before.rstrip(".") if under else owner, {})[name if not under else path] = parameter
    return owners


def _varied(vector: Tensor) -> bool:
    """Of more values than a rule sets."""
    return vector.ndim == 1 and not vector.is_meta and len(torch.unique(vector.detach())) > FEW


def _norms(net: nn.Module) -> list[tuple[str, nn.Module]]:
    return [(name, m) for name, m in net.named_modules() if "norm" in type(m).__name__.lower() and not [*m.children()]]


def _after(net: nn.Module, norms: list[str]) -> set[str]:
    """The modules, and parameters of the net itself, that come after the last of these in the order of the net."""
    names = ["", *(name for name, _ in net.named_parameters(recurse=False)), *(name for name, _ in net.named_modules())]
    return set(names[max((names.index(name, 1) for name in norms), default=-1) + 1 :])


def _as_made(norms: list[nn.Module]) -> Iterator[str]:
    vectors = [p for module in norms for p in module.parameters(recurse=False)]
    if vectors and not any(map(_varied, vectors)):
        yield "the normalisation layers have the weights and biases that they are made with"
    counted = [m for m in norms if isinstance(m, _NormBase) and m.running_mean is not None]
    if counted and all(at_start(m) for m in counted):
        yield "all running statistics are 0 and 1"
