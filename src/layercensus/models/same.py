"""Whether a twin is one: which weights it shares with the trained net, and which layers give the same outputs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from ..errors import CensusError, first_line, some_of
from ..layers.layer import Layer
from ..layers.net import Inputs, call
from ..layers.state import kept_state
from ..layers.tap import tap
from .contents import arrays_beside
from .equal import same_numbers
from .randomness import own_randomness
from .tables import looks_designed
from .uses import Use, Uses

COMPARED = 4096  # numbers of a layer's output
INSTEAD = "Pass twin=a module of yours, or twin=False"
DECLARED = "A table that was not learned is declared by register_buffer(..., persistent=False)"


@dataclass(frozen=True)
class Shared:
    """What a twin has in common with the trained net, by name."""

    learned: tuple[str, ...] = ()  # weights that may have been learned
    designed: tuple[str, ...] = ()  # tables that look fixed by design, or were declared so
    layers: tuple[str, ...] = ()  # counted layers with the same outputs on the probe

    def as_json(self) -> Mapping[str, list[str]]:
        """Empty where the twin has nothing in common with the net."""
        every = {"learned": self.learned, "designed": self.designed, "layers": self.layers}
        return {name: list(values) for name, values in every.items()} if any(every.values()) else {}


def refuse_same(
    trained: nn.Module, twin: nn.Module, layers: Sequence[Layer], inputs: Inputs, *, own: bool = True
) -> Mapping[str, list[str]]:
    """What a twin shares with the trained net; empty where nothing. Cost: a forward pass of each on the probe.

    Weights are compared as the forward pass uses them, so that it does not matter where they are kept: in buffers,
    attributes, lists, closures, packed. Outputs of all counted layers are compared as well. own: the twin was
    re-initialised here; what a factory or the user made may share tables, as that is how they are declared.

    Raises:
        CensusError: the twin keeps weights that may have been learned, or no counted layer differs.
    """
    here, there = _run(trained, layers, inputs), _run(twin, layers, inputs)
    shared = _shared(trained, here, there)
    if own and shared.learned:
        raise CensusError(
            f"The untrained twin would keep {len(shared.learned)} trained weights that are no parameters: "
            f"{some_of(shared.learned)}. {INSTEAD}. {DECLARED}."
        )
    unseen = not here.uses and any(t.ndim >= 2 for _, _, t in arrays_beside(trained))
    if len(shared.layers) == len(layers) and (shared.learned or shared.designed or unseen):
        raise CensusError(
            f"The untrained twin must differ from the net. Got the same outputs in every counted layer: "
            f"{some_of(shared.layers)}. {INSTEAD}."
        )
    return shared.as_json()


@dataclass
class _Pass:
    uses: list[Use] = field(default_factory=list)
    outputs: dict[str, Tensor] = field(default_factory=dict)  # some numbers of each counted layer


def _run(net: nn.Module, layers: Sequence[Layer], inputs: Inputs) -> _Pass:
    passed, uses = _Pass(), Uses(net, inputs)

    def keep(layer: Layer, output: Tensor) -> None:
        flat = output.detach().flatten()
        passed.outputs[layer.name] = flat[places(flat.numel()).to(flat.device)].double().cpu()

    try:
        with own_randomness(0), kept_state(net), tap(net, layers, keep), uses.noting():
            call(net, inputs)
    except CensusError:
        raise
    except Exception as error:
        raise CensusError(f"The untrained twin must run on the data. Got {first_line(error)}. {INSTEAD}.") from error
    passed.uses = uses.found
    return passed


def places(numbers: int) -> Tensor:
    """(COMPARED,) int64, or as many as there are: places from the first to the last of so many numbers.

    In double precision, since single precision rounds the last of more than 2**24 up to one that is not there.

    >>> places(38_536_704)[-1]
    tensor(38536703)
    """
    return torch.linspace(0, numbers - 1, min(COMPARED, numbers), dtype=torch.float64).long()


def _shared(net: nn.Module, here: _Pass, there: _Pass) -> Shared:
    names = _Names(net)
    learned: list[str] = []
    designed: list[str] = []
    for use, weight in _kept(here.uses, there.uses):
        name, declared = names.of(use, weight)
        (designed if declared or looks_designed(weight) else learned).append(name)
    same = [name for name, output in here.outputs.items() if same_numbers(output, there.outputs.get(name))]
    return Shared(tuple(dict.fromkeys(learned)), tuple(dict.fromkeys(designed)), tuple(same))


def _kept(here: Sequence[Use], there: Sequence[Use]) -> Iterator[tuple[Use, Tensor]]:
    """The weights that are equal in the same use of both nets."""
    others = dict(zip(_numbered(there), there, strict=True))
    for key, use in zip(_numbered(here), here, strict=True):
        other = others.get(key)
        for a, b in zip(use.weights, other.weights if other else (), strict=False):
            if same_numbers(a, b):
                yield use, a


def _numbered(uses: Sequence[Use]) -> list[tuple[str, str, int]]:
    calls: Counter[tuple[str, str]] = Counter()
    keys = []
    for use in uses:
        keys.append((use.module, use.function, calls[use.module, use.function]))
        calls[use.module, use.function] += 1
    return keys


class _Names:
    """How a net's weights are called: by their memory, so that a transposed or sliced one is found too."""

    def __init__(self, net: nn.Module) -> None:
        modules = {module: name for name, module in net.named_modules()}
        self._names: dict[int, tuple[str, bool]] = {}
        for module, part, tensor in arrays_beside(net):
            self._add(tensor, f"{modules.get(module, '')}.{part}", False)
        for module, name in modules.items():
            for part, tensor in (*module.named_buffers(recurse=False), *module.named_parameters(recurse=False)):
                self._add(tensor, f"{name}.{part}", part in module._non_persistent_buffers_set)

    def _add(self, tensor: Tensor, name: str, declared: bool) -> None:
        if tensor.layout is torch.strided and not tensor.is_meta:
            self._names[tensor.untyped_storage().data_ptr()] = (name.lstrip("."), declared)

    def of(self, use: Use, weight: Tensor) -> tuple[str, bool]:
        """The name, and whether it was declared to be no weight; the place of use where it has no name."""
        strided = weight.layout is torch.strided
        known = self._names.get(weight.untyped_storage().data_ptr()) if strided and not use.packed else None
        return known or (f"those of {use.function} in {use.module or 'the net itself'}", False)
