"""A few tiny forward passes of the same examples in different company: what shows that a row is an example."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

import torch
from torch import nn

from ..errors import CensusError
from .net import Inputs, count_examples, map_examples
from .nonlinearities import Key
from .prints import same
from .state import State, kept_state
from .telling import Telling
from .trace import Trace, trace

OTHER_SEED = 1  # of the pass that shows whether the net draws at random


@dataclass(frozen=True)
class Company:
    """A pass of some of the examples."""

    rows: tuple[int, ...]  # which of them, in the order in which they were given
    traced: Trace


@dataclass(frozen=True)
class Passes:
    """Examples a, b, c, ... passed through a net in different company."""

    together: Trace | None  # a, b, c; None where the net does not take them at once
    same: Trace | None = None  # a, a, a
    others: tuple[Company, ...] = ()  # each example alone, or where the net takes none alone two by two; c, b, a
    alone: tuple[Trace, ...] = ()  # each example alone; empty where the net takes none
    followed: bool = False  # whether units, examples and origins were followed in those as well
    again: Trace | None = None  # a, b, c with other random numbers
    kept: tuple[str, ...] = ()  # what the net keeps from pass to pass, where that changes its answers
    refused: str = ""  # why the net does not take the examples together, or alone

    @property
    def main(self) -> Trace:
        """The pass that says most of the net."""
        return self.together or self.alone[0]

    @property
    def told(self) -> frozenset[Telling]:
        """What the net was heard to call."""
        return self.main.told.union(*(traced.told for traced in self.alone))

    def unsteady(self, key: Key) -> bool:
        """Whether this output differs between two passes of the same examples."""
        if self.again is None or self.together is None:
            return False
        first, second = self.together.outputs.get(key), self.again.outputs.get(key)
        if first is None or second is None:
            return first is not second
        return not same(first.prints, second.prints)


def passes(net: nn.Module, inputs: Inputs) -> Passes:
    """The passes; the net is left as it was, with what it keeps from pass to pass.

    Cost: four passes of all examples, four more of a net that keeps something, and one of each alone, two where it
    looks at values; of a single example one pass.

    Raises:
        CensusError: the net takes the examples neither together nor one by one.
    """
    with kept_state(net) as state:
        together = _try(net, inputs, state, facts=True)
        examples = count_examples(inputs)
        if examples == 1:
            return Passes(_needed(together))
        alone = [_try(net, _chosen(inputs, [row]), state, facts=together.traced is None) for row in range(examples)]
        taken = tuple(each.traced for each in alone if each.traced is not None)
        if together.traced is None:
            refused = in_one_line(together.error)
            if len(taken) < examples:
                return Passes(_needed(together))
            return Passes(None, alone=taken, followed=True, refused=refused)
        refused = next((in_one_line(each.error) for each in alone if each.error is not None), "")
        companies = _companies(net, inputs, together.traced, () if refused else taken, state)
        followed = not refused and _ways_differ(together.traced, taken)
        if followed:
            known = zip(_followed(net, inputs, examples, state), taken, strict=True)
            taken = tuple(traced or before for traced, before in known)
        return Passes(
            together.traced,
            same=_try(net, map_examples(inputs, lambda t: t[:1].expand_as(t).clone()), state).traced,
            others=companies,
            alone=() if refused else taken,
            followed=followed,
            again=_try(net, inputs, state, seed=OTHER_SEED).traced,
            kept=_kept(net, inputs, state, together),
            refused=refused,
        )


def followed_alone(net: nn.Module, inputs: Inputs, passes: Passes) -> tuple[Passes, frozenset[Key]]:
    """The same with all that is followed in the passes of single examples too, and the outputs that now differ.

    The passes are made again, with the same random numbers and from the same state: what differs follows neither.
    """
    if not passes.alone:
        return passes, frozenset()
    with kept_state(net) as state:
        again = _followed(net, inputs, count_examples(inputs), state)
    both = [(one.outputs, other.outputs) for one, other in zip(passes.alone, again, strict=True) if other is not None]
    differs = {k for one, other in both for k in one.keys() & other.keys() if not same(one[k].prints, other[k].prints)}
    if any(other is None for other in again):  # the net does not even take the same example twice
        differs |= passes.main.outputs.keys()
    return replace(passes, alone=tuple(other for other in again if other), followed=True), frozenset(differs)


def _followed(net: nn.Module, inputs: Inputs, examples: int, state: State) -> list[Trace | None]:
    return [_try(net, _chosen(inputs, [row]), state, facts=True).traced for row in range(examples)]


def _ways_differ(together: Trace, alone: Sequence[Trace]) -> bool:
    """Whether single examples may show layers that all together do not."""
    if any(each.kind in ("branches", "ragged") for traced in (together, *alone) for each in traced.told):
        return True
    modules = (key for one in alone for key in one.outputs if key[1] is None)
    return any(key not in together.outputs for key in modules)


def in_one_line(error: Exception | None) -> str:
    """What a forward pass raised, in one line."""
    return f"{type(error).__name__} from its forward pass: {' '.join(str(error).split())}"


@dataclass(frozen=True)
class _Try:
    traced: Trace | None = None
    error: Exception | None = None
    changed: tuple[str, ...] = ()  # of what the net keeps


def _try(net: nn.Module, inputs: Inputs, state: State, *, facts: bool = False, seed: int = 0) -> _Try:
    """A pass; afterwards the net keeps what it kept before."""
    try:
        return _Try(trace(net, inputs, facts=facts, seed=seed), changed=state.changed() if facts else ())
    except Exception as error:  # whatever a net raises
        return _Try(error=error)
    finally:
        state.restore()


def _needed(attempt: _Try) -> Trace:
    if attempt.traced is not None:
        return attempt.traced
    if isinstance(attempt.error, CensusError):
        raise attempt.error
    raise CensusError(f"The model must accept the data. Got {in_one_line(attempt.error)}") from attempt.error


def _loses_axes(together: Trace, alone: Sequence[Trace]) -> bool:
    """Whether outputs have fewer axes where one example passes alone, as after a squeeze()."""
    return any(
        key in one.outputs and len(one.outputs[key].shape or ()) < len(output.shape or ())
        for key, output in together.outputs.items()
        for one in alone
    )


def _companies(
    net: nn.Module, inputs: Inputs, together: Trace, alone: Sequence[Trace], state: State
) -> tuple[Company, ...]:
    examples = together.examples
    companies = [Company((row,), traced) for row, traced in enumerate(alone)]
    groups = [tuple(reversed(range(examples)))]
    if not alone or _loses_axes(together, alone):
        groups += [(row, (row + 1) % examples) for row in range(examples)]
    for rows in groups:
        traced = _try(net, _chosen(inputs, rows), state).traced
        companies += [Company(rows, traced)] if traced is not None else []
    return tuple(companies)


def _kept(net: nn.Module, inputs: Inputs, state: State, together: _Try) -> tuple[str, ...]:
    """What the net keeps from pass to pass, where it answers otherwise after a pass of these or of c, b, a.

    What is kept row by row and mixed with its like says nothing after the same rows.
    """
    first = together.traced
    if not together.changed or first is None:
        return ()
    rows = range(first.examples)
    for before in (rows, tuple(reversed(rows))):
        with suppress(Exception):  # whatever a net raises at what it kept
            trace(net, _chosen(inputs, before), facts=False)
        second = _try(net, inputs, state).traced
        if second is None or not first.outputs.keys() <= second.outputs.keys():
            return together.changed
        if not all(same(output.prints, second.outputs[key].prints) for key, output in first.outputs.items()):
            return together.changed
    return ()


def _chosen(inputs: Inputs, rows: Sequence[int]) -> Inputs:
    chosen: Inputs = map_examples(inputs, lambda t: t[torch.tensor(rows, device=t.device)])
    return chosen
