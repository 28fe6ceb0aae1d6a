"""What a function changes in the things that it is given, read from its byte code."""

from __future__ import annotations

import dis
import functools
import re
import types
from collections.abc import Iterator
from dataclasses import dataclass, field

FILLS = frozenset({
    "append", "appendleft", "extend", "extendleft", "insert", "add", "update", "setdefault", "pop", "popleft",
    "popitem", "remove", "discard", "clear",
})  # fmt: skip
NO_CHANGE = frozenset({"requires_grad_", "detach_", "share_memory_"})  # in place, and the numbers stay
ITEM = "[]"
POPS_ONLY = ("POP_", "STORE_", "LIST_", "SET_", "MAP_ADD", "DICT_", "END_", "RETURN_", "PRECALL", "JUMP_IF")
NEW_TOP = ("UNARY_", "LIST_TO", "FORMAT_", "CONVERT_", "GET_A", "BINARY_", "CALL")
Path = tuple[str, ...]  # ("self", "kept", "[]") is an item of self.kept
Value = Path | None  # None: something computed


@dataclass(frozen=True)
class Mutation:
    """One change: of what the path leads to from a variable of the function."""

    path: Path
    fills: bool = False  # by a method that changes containers; a tensor's own of that name gives a new one


@functools.cache
def mutations(code: types.CodeType) -> tuple[Mutation, ...]:
    """The mutations by assignment, item assignment and methods (`append`, `mul_`) of what the function was given.

    Followed are attributes, items, loops over them, and other names for them; not what it hands to other functions.

    >>> def f(self, x):
    ...     self.last = x
    ...     self.kept.append(x @ self.table)
    >>> [change.path for change in mutations(f.__code__)]
    [('self', 'last'), ('self', 'kept')]
    """
    machine = _Machine()
    return tuple(change for step in dis.get_instructions(code) for change in machine.do(step))


@dataclass
class _Machine:
    """What lies on the stack and in the variables, known from the top down: branches leave rests below."""

    stack: list[Value] = field(default_factory=list)
    variables: dict[str, Value] = field(default_factory=dict)

    def do(self, step: dis.Instruction) -> Iterator[Mutation]:
        name = step.opname
        if name in ("LOAD_ATTR", "LOAD_METHOD"):
            yield from self._load(step)
        elif name in ("STORE_ATTR", "DELETE_ATTR"):
            yield from _changed(_joined(self._pop(), str(step.argval)))
            self._drop(int(name == "STORE_ATTR"))
        elif name in ("STORE_SUBSCR", "STORE_SLICE", "DELETE_SUBSCR"):
            self._drop(2 if name == "STORE_SLICE" else 1)
            yield from _changed(self._pop())
            self._drop(int(name != "DELETE_SUBSCR"))
        elif name in ("BINARY_SUBSCR", "BINARY_SLICE") or (name == "BINARY_OP" and step.argrepr == ITEM):
            self._drop(2 if name == "BINARY_SLICE" else 1)
            self.stack.append(_joined(self._pop(), ITEM))
        elif re.match("(LOAD|STORE)_(FAST|DEREF)", name):
            self._variables(step)
        else:
            self._other(step)

    def _load(self, step: dis.Instruction) -> Iterator[Mutation]:
        method, owner = str(step.argval), self._pop()
        if method in FILLS:
            yield from _changed(owner, fills=True)
        elif method.endswith("_") and not method.endswith("__") and method not in NO_CHANGE:
            yield from _changed(owner)
        self.stack.append(_joined(owner, method))
        self.stack += [None] * dis.stack_effect(step.opcode, step.arg)

    def _variables(self, step: dis.Instruction) -> None:
        """One variable, or two at once as from Python 3.13 on."""
        names = step.argval if isinstance(step.argval, tuple) else (step.argval,)
        for way, name in zip(re.findall("LOAD|STORE", step.opname), names, strict=False):
            if way == "LOAD":
                self.stack.append(self.variables.get(name, (name,)))
            else:
                self.variables[name] = self._pop()

    def _other(self, step: dis.Instruction) -> None:
        name = step.opname
        if name == "COPY":
            self.stack.append(self.stack[-step.arg] if step.arg and step.arg <= len(self.stack) else None)
        elif name == "SWAP" and step.arg and step.arg <= len(self.stack):
            self.stack[-1], self.stack[-step.arg] = self.stack[-step.arg], self.stack[-1]
        elif name == "FOR_ITER":
            self.stack.append(_joined(self.stack[-1] if self.stack else None, ITEM))
        else:
            effect = dis.stack_effect(step.opcode, step.arg, jump=False)
            self.stack += [None] * effect
            self._drop(-effect)
            if name.startswith(NEW_TOP) or (effect < 0 and not name.startswith(POPS_ONLY)):
                self._pop()
                self.stack.append(None)

    def _pop(self) -> Value:
        return self.stack.pop() if self.stack else None

    def _drop(self, count: int) -> None:
        for _ in range(count):
            self._pop()


def _joined(owner: Value, name: str) -> Value:
    return None if owner is None else (*owner, name)


def _changed(path: Value, *, fills: bool = False) -> Iterator[Mutation]:
    if path is not None and len(path) > 1:
        yield Mutation(path, fills)
