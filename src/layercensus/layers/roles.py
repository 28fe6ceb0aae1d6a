"""Which layers are nonlinearities, residual or transformer blocks, or the last layer, and which of them are counted."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from torch import nn

from .net import modules_by_name
from .trace import Pass, Record

_CONTAINERS = (nn.Sequential, nn.ModuleList)


def roles(net: nn.Module, seen: Pass) -> dict[int, str]:
    """The role of every record, by its place: "neurons", "block", "output" or "other".

    block: a module whose own forward adds two activations, or the nearest module around it that stands in a list with
        others of its class (a BertLayer adds inside its parts); then all of its class in that list are blocks.
    output: the last module with parameters of its own on the way to what the net returns, unless a nonlinearity or a
        block stands at or behind it: then that one, counted as what it is, ends the net.
    """
    records = list(seen.records.values())
    blocks = blocks_of(net, {r.module for r in records if r.residual})
    found = {}
    for place, record in enumerate(records):
        block = record.function is None and record.module in blocks
        found[place] = "neurons" if record.nonlinear else "block" if block else "other"
    last = _last(records, seen, found)
    if last is not None:
        found[last] = "output"
    return found


def counted(records: Sequence[Record], found: dict[int, str], problems: Sequence[str | None]) -> list[bool]:
    """Which records are counted by default: all with a role and no problem, but one and the same tensor only once.

    A block that returns its last nonlinearity's output is counted as that nonlinearity.
    """
    taken: set[int] = set()
    default = [False] * len(records)
    for role in ("output", "neurons", "block"):
        for place, record in enumerate(records):
            bit = record.origin.bit if record.origin else 0
            if found[place] == role and problems[place] is None and bit not in taken:
                default[place] = True
                taken |= {bit} if bit else set()
    return default


def blocks_of(net: nn.Module, adding: Iterable[str]) -> set[str]:
    """Names of the blocks, given the modules whose own forward adds two activations."""
    modules = modules_by_name(net)
    listed: set[str] = set()
    alone: set[str] = set()
    for name in adding:
        family = next((f for f in (_family(modules, n) for n in _upwards(name)) if f), None)
        if family:
            listed |= family
        else:
            alone.add(name)
    return listed | {name for name in alone if not any(around in listed | alone for around in _upwards(name)[1:])}


def _upwards(name: str) -> list[str]:
    """The name itself, then those of the modules around it; the net itself is left out."""
    steps = name.split(".")
    return [".".join(steps[:n]) for n in range(len(steps), 0, -1)]


def _family(modules: dict[str, nn.Module], name: str) -> set[str]:
    """Names of all modules of its class in the list that it stands in; none where the others are of other classes."""
    parent = name.rpartition(".")[0]
    module = modules.get(name)
    if module is None or not isinstance(modules.get(parent), _CONTAINERS) or type(module) in _CONTAINERS:
        return set()
    start = f"{parent}." if parent else ""
    beside = [n for n in modules if n and n.rpartition(".")[0] == parent and n.startswith(start)]
    alike = {n for n in beside if type(modules[n]) is type(module)}
    return alike if len(alike) > 1 or len(beside) == 1 else set()


def _last(records: Sequence[Record], seen: Pass, found: dict[int, str]) -> int | None:
    if seen.output is None:
        return None
    leading = seen.output.all
    on_the_way = [p for p, r in enumerate(records) if r.origin and r.origin.bit and r.origin.bit & leading]
    owners = [p for p in on_the_way if records[p].parameters and records[p].function is None]
    if not owners:
        return None
    last = owners[-1]
    bit = _bit(records[last])
    behind = (p for p in on_the_way if found[p] in ("neurons", "block"))
    return None if any(_all(records[p]) & bit for p in behind) else last


def _bit(record: Record) -> int:
    return record.origin.bit if record.origin else 0


def _all(record: Record) -> int:
    return record.origin.all if record.origin else 0
