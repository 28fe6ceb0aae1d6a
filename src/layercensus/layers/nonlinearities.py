"""Which outputs of a forward pass are nonlinearities, once it is known what became of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from torch import Tensor

from .chain import Chain
from .dataflow import Call, Facts
from .elementwise import chains, has_weights, is_candidate, weighs_alone
from .functions import NONLINEAR

Key = tuple[str, str | None, int]  # module, function, number of its call


@dataclass
class Nonlinearities:
    """Follows functions of each element through a forward pass, and says at its end which of them are layers.

    A function without a name among PyTorch's nonlinearities is one if it is not affine and a function with weights
    reads what becomes of it, or if it brings a named one and its own input together, as x * sigmoid(x) does. What it
    is made of is then no layer of its own, unless a function with weights reads that as well.
    """

    facts: Facts[Chain] = field(default_factory=lambda: Facts(chains))
    unseen: list[tuple[str, str]] = field(default_factory=list)  # modules with weights and nothing between them
    _keys: dict[int, Key] = field(default_factory=dict)  # of every call that may be a layer, by its number
    _tips: dict[int, Chain] = field(default_factory=dict)
    _unnamed: set[int] = field(default_factory=set)
    _read: set[int] = field(default_factory=set)  # those that a function with weights reads
    _capped: set[int] = field(default_factory=set)
    _weighing: dict[int, str] = field(default_factory=dict)

    def read(self, call: Call, module: str) -> None:
        """A function was called: note whether it brings weights to what others gave."""
        known = [self.facts.get(x) for x in call.inputs]
        chain = self.facts.get(call.outs[0])
        if chain is not None and chain.capped is not None:
            self._capped.add(chain.capped)
        if not has_weights(call, known):
            return
        self._weighing[call.number] = module
        for fact in known:
            if fact is not None:
                self._read.update(fact.waiting)
                self._pair(fact, call, module)

    def _pair(self, fact: Chain, call: Call, module: str) -> None:
        before = self._weighing.get(fact.bare[-1]) if fact.bare else None
        if before and module and before != module and weighs_alone(call):
            self.unseen.append((before, module))

    def note(self, key: Key, call: Call) -> bool:
        """Whether a call may be a layer; then it is known by this key from here on."""
        chain = self.facts.get(call.outs[0])
        named, candidate = call.name in NONLINEAR, is_candidate(chain, call)
        if chain is not None and (candidate or (named and chain.tip == call.number)):
            self._keys[call.number], self._tips[call.number] = key, chain
            if candidate:
                self._unnamed.add(call.number)
        return candidate

    def compares(self, call: Call) -> bool:
        """Whether a reduction runs along the axis on which outputs of several functions with weights stand."""
        chain = self.facts.get(call.inputs[0])
        dim = call.axes(1)
        return chain is not None and isinstance(dim, int) and dim % call.inputs[0].ndim == chain.stacked

    def ends_with(self, out: Tensor | None, functions: list[Key]) -> bool:
        """Whether a tensor is what one of these functions gave."""
        chain = self.facts.get(out) if out is not None else None
        return chain is not None and chain.tip is not None and self._keys.get(chain.tip) in functions

    def rename(self, out: Tensor, key: Key) -> None:
        """A module is known by its own key: its functions are how it does its work."""
        chain = self.facts.get(out)
        if chain is not None and chain.tip is not None and chain.tip in self._keys:
            self._keys[chain.tip] = key
            self.facts.put(out, chain.closed())

    def settle(self, maxout: Mapping[Key, bool]) -> tuple[set[Key], set[Key], set[Key]]:
        """Keys of the functions that are nonlinearities after all, of those that are none, and of the others.

        maxout: for keys of reductions, whether units are left that are fewer than before.
        """
        accepted = {n for n in self._unnamed if self._accepted(n) and maxout.get(self._keys[n], True)}
        parts = {p for n in accepted for p in self._tips[n].parts if p != n}
        parts |= {
            p
            for n in self._tips
            if n not in self._unnamed
            for p in self._tips[n].parts
            if p in self._unnamed and p != n
        }
        none = {n for n in (parts | self._capped) if n not in self._read}
        yes = accepted - none
        rest = self._unnamed - yes
        return self._named(yes), self._named(none) - self._named(yes), self._named(rest) - self._named(yes)

    def _accepted(self, number: int) -> bool:
        tip = self._tips[number]
        joins = tip.merged and any(p in self._tips and p not in self._unnamed for p in tip.parts)
        return number in self._read or joins

    def _named(self, numbers: set[int]) -> set[Key]:
        return {self._keys[n] for n in numbers if n in self._keys}
