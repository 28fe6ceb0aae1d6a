"""How an output's rows belong to the examples, as passes in different company show it, or why one at a time must do."""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from .causes import cause
from .example_axis import find_view, preferred
from .layer import View
from .nonlinearities import Key
from .passes import Passes
from .prints import same, same_rows
from .trace import Output

ORDER = "its rows are in another order than the examples"
COMPANY = "what it gives an example depends on the others in the batch"
CHANCE = "it differs from pass to pass"
SOME = "only some examples reach it"
MAYBE = "its rows may be in another order than the examples"
RAGGED = "examples may have unequally many rows of it"
WAVERS = "one and the same example gets another answer each time, and nothing that the model holds says why"
TOGETHER = "the model does not take these examples together"


@dataclass(frozen=True)
class Rows:
    """Where one output holds the examples."""

    view: View = field(default_factory=View)
    problem: str | None = None  # why it cannot be counted
    alone: str | None = None  # why only a pass of a single example tells what is that example's


def rows_of(net: nn.Module, passes: Passes) -> dict[Key, Rows]:
    """The rows of every output that some pass reached."""
    shown = (passes.main, *(passes.alone if passes.followed else ()))
    keys = dict.fromkeys(key for traced in shown for key in traced.outputs)
    found = {key: _rows(key, passes) for key in keys}
    if all(rows.alone is None for rows in found.values()):
        return found
    because = cause(net, passes)
    return {key: _final(key, rows, passes, because) for key, rows in found.items()}


def _rows(key: Key, passes: Passes) -> Rows:
    output = passes.main.outputs.get(key)
    if passes.together is None:
        return Rows(alone=TOGETHER)
    if output is None:
        return Rows(alone=SOME)
    if output.prints is None or output.shape is None:
        return Rows()
    repeated = passes.same.outputs.get(key) if passes.same else None
    other = repeated.prints if repeated and repeated.shape == output.shape else None
    examples = passes.together.examples
    found = find_view(output.prints, other, output.shape, examples, output.time_first, output.examples)
    if not passes.others:
        return Rows(problem=found) if isinstance(found, str) else Rows(found)
    if isinstance(found, str):
        return Rows(problem=found) if output.time_first or not _varies(key, passes) else Rows(alone=COMPANY)
    if not passes.unsteady(key) and not passes.kept:
        candidates = preferred(output.prints, output.time_first, output.examples)
        for view in (found, *candidates):
            if _is_shown(view, key, output, passes):
                return Rows(view, alone=_unshown(view, passes))
    return Rows(found, alone=_why(found, key, output, passes))


def _unshown(view: View, passes: Passes) -> str | None:
    """What the few examples cannot show, though their rows are right: that others are not sorted, or as many."""
    kinds = {each.kind for each in passes.told}
    if "sorts" in kinds:
        return MAYBE
    return RAGGED if view.fold and "ragged" in kinds else None


def _is_shown(view: View, key: Key, output: Output, passes: Passes) -> bool:
    """Whether each example has its row in any company."""
    rows = output.prints.by_view[view] if output.prints else torch.zeros(0)
    for company in passes.others:
        other = company.traced.outputs.get(key)
        if other and len(company.rows) == 1 and len(other.shape or ()) < len(output.shape or ()):
            continue  # it lost the axis of the examples, and others stand in for it
        prints = _prints(view, other)
        if prints is None or output.prints is None:
            return False
        if not same_rows(prints, rows[list(company.rows)], output.prints.noise[view]):
            return False
    return True


def _prints(view: View, output: Output | None) -> Tensor | None:
    if output is None or output.prints is None:
        return None
    return output.prints.by_view.get(view)


def _varies(key: Key, passes: Passes) -> bool:
    """Whether examples that pass alone differ here."""
    outputs = [traced.outputs.get(key) for traced in passes.alone]
    first = outputs[0] if outputs else None
    return any((o is None) != (first is None) or (o and first and not same(o.prints, first.prints)) for o in outputs)


def _why(view: View, key: Key, output: Output, passes: Passes) -> str:
    if passes.unsteady(key) or passes.kept:
        return CHANCE
    if any(key not in company.traced.outputs for company in passes.others):
        return SOME
    alone = [_prints(view, traced.outputs.get(key)) for traced in passes.alone]
    rows = output.prints.by_view[view] if output.prints else torch.zeros(0)
    if alone and all(p is not None and p.shape[1:] == rows.shape[1:] for p in alone) and output.prints:
        noise = output.prints.noise[view]
        if all(any(same_rows(p, row[None], noise) for row in rows) for p in alone if p is not None):
            return ORDER
    return COMPANY


def _final(key: Key, rows: Rows, passes: Passes, because: str) -> Rows:
    """The rows where some output of the net needs passes of single examples: how one is read, or why it cannot be."""
    if passes.alone and not any(key in traced.outputs for traced in passes.alone):
        return Rows(problem=f"no example reaches it by itself{because}")
    if rows.alone is None:
        return rows if _tells(key, rows, passes) else Rows(_of_one(key, rows, passes), alone=COMPANY + because)
    if not passes.alone:
        return Rows(problem=f"{rows.alone}{because}, and alone the model does not take them ({passes.refused})")
    return Rows(_of_one(key, rows, passes), alone=rows.alone + because)


def _tells(key: Key, rows: Rows, passes: Passes) -> bool:
    """Whether it is known that the rows are the examples': they differ, or the calls before it were followed."""
    output = passes.main.outputs[key]
    if rows.problem is not None or output.prints is None or not passes.alone:
        return True
    return output.examples == rows.view or _varies(key, passes)


def _of_one(key: Key, rows: Rows, passes: Passes) -> View:
    """The view of a pass of one example: as in a batch where there one axis holds it, else all rows are its own."""
    shapes = [o.shape for o in (traced.outputs.get(key) for traced in passes.alone) if o is not None and o.shape]
    together = passes.together.outputs.get(key) if passes.together else None
    axis = rows.view.batch_axis
    known = together is not None and together.examples == rows.view and not rows.view.fold
    if known or (passes.together is None and all(len(shape) > 2 for shape in shapes)):
        time_first = any(traced.outputs[key].time_first for traced in passes.alone if key in traced.outputs)
        axis = axis if known else int(time_first)
        if shapes and all(len(shape) > axis and shape[axis] == 1 for shape in shapes):
            return View(axis)
    return View(fold="outer")
