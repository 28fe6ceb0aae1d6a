"""The untrained twin: the same architecture as if training had never happened."""

from __future__ import annotations

import copy
import random
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _NormBase
from torch.nn.modules.instancenorm import _InstanceNorm
from torch.nn.parameter import is_lazy

from ..errors import CensusError, first_line, some_of
from ..layers.device import on_cpu
from ..layers.net import Inputs, call, unwrap
from ..layers.outputs import tensors
from .computed import pruned
from .equal import same_numbers
from .model import Model
from .randomness import own_randomness
from .reinitialise import reinitialise

FEW = 0.1  # of a net's weights, that every initialisation of it may share
INSTEAD = "Pass twin=a module of yours, or twin=False."
TOO_FEW = "Expected more than 1"  # how torch's complaint begins about a batch with one value a channel


def untrained(model: Model, seed: int) -> tuple[nn.Module, str]:
    """The twin, in eval mode, and how it was initialised, in words. The model is unchanged; same seed, same twin.

    The seed is scrambled first, so that the twin of a net that was itself initialised with this seed differs from it.

    Raises:
        CensusError: some weights cannot be re-initialised: a twin that keeps trained weights would be no twin.
    """
    net = unwrap(model.net)
    lazy = [name for name, t in (*net.named_parameters(), *net.named_buffers()) if is_lazy(t)]
    if lazy:
        raise CensusError(f"The model must have run once before it is counted. Got lazy parameters: {some_of(lazy)}.")
    own_seed = random.Random(f"untrained twin {seed}").getrandbits(31)
    if model.fresh is not None:
        twin = _alike(_made(model.fresh, own_seed, model.name), net, model.name)
        begins = _refuse_trained(net, twin, again=partial(_made, model.fresh, own_seed + 1, model.name))
        return twin.eval(), f"freshly initialised by its own factory with seed {seed}{begins}"
    twin = copied(net)
    with own_randomness(own_seed), on_cpu(twin):  # the same numbers, wherever the net is
        bare = reinitialise(twin)
    _refuse_trained(net, twin)
    how = f"re-initialised with seed {seed} by each layer's own initialiser"
    if bare:
        how += (
            f"; without one, or left out by it, and so as a linear layer's (vectors set to 1 or 0): {', '.join(bare)}"
        )
    masked = pruned(twin)
    if masked:
        how += f"; what was pruned away stays away: {some_of(masked)}"
    return twin.eval(), how


def _made(fresh: Callable[[int], nn.Module], seed: int, name: str) -> nn.Module:
    try:
        return unwrap(fresh(seed))
    except CensusError:
        raise
    except Exception as error:  # user code
        raise CensusError(
            f"The factory of {name} must give an untrained net. Got {first_line(error)}. {INSTEAD}"
        ) from error


def _alike(twin: nn.Module, net: nn.Module, name: str) -> nn.Module:
    """The twin on the net's devices and in its precisions."""
    here, there = ({n: tuple(p.shape) for n, p in m.named_parameters()} for m in (net, twin))
    other = sorted(n for n in here.keys() | there.keys() if here.get(n) != there.get(n))
    if other:
        raise CensusError(
            f"The factory of {name} must give the same architecture. Got other parameters: {some_of(other)}."
        )
    example = next((p for p in net.parameters() if p.is_floating_point()), None)
    if example is not None:
        twin = twin.to(example.device, example.dtype)
        for one, like in zip((*twin.parameters(), *twin.buffers()), _paired(twin, net), strict=True):
            if like is not None and (one.dtype, one.device) != (like.dtype, like.device):
                one.data = one.data.to(like.device, like.dtype)
    return twin


def _paired(twin: nn.Module, net: nn.Module) -> Iterator[Tensor | None]:
    """For each parameter and buffer of the twin the net's of the same name."""
    parameters, buffers = dict(net.named_parameters()), dict(net.named_buffers())
    yield from (parameters.get(name) for name, _ in twin.named_parameters())
    yield from (buffers.get(name) for name, _ in twin.named_buffers())


def copied(net: nn.Module) -> nn.Module:
    """A deep copy, also of a net that keeps tensors with a gradient history, which torch refuses to copy.

    Raises:
        CensusError: something in the net cannot be copied.
    """
    kept = [{n: v for n, v in vars(module).items() if n != "_modules"} for module in net.modules()]
    with_history = [tensor for _, tensor in tensors(kept) if tensor.grad_fn is not None]
    try:
        return copy.deepcopy(net, {id(tensor): tensor.detach().clone() for tensor in with_history})
    except Exception as error:
        raise CensusError(
            f"The model cannot be copied for its untrained twin: {first_line(error)}. {INSTEAD}"
        ) from error


def _refuse_trained(net: nn.Module, twin: nn.Module, again: Callable[[], nn.Module] | None = None) -> str:
    """What the net and the twin both begin with, in words; a twin that keeps any other weight is refused.

    again: the factory at another seed, whose weights without a gradient (fixed positions) may be equal. So may the few
    that it gives at every seed, such as the decay of a state space: in the net they are as they began.
    """
    fresh = dict(twin.named_parameters())
    unchanged = [
        name
        for name, p in net.named_parameters()
        if p.ndim >= 2 and not (again and not fresh[name].requires_grad) and same_numbers(p, fresh[name])
    ]
    begins = _always(unchanged, fresh, again()) if unchanged and again else []
    if len(begins) < len(unchanged):
        raise CensusError(
            f"The untrained twin would keep {len(unchanged)} trained weights: {some_of(unchanged)}. {INSTEAD}"
        )
    said = "; what it always begins with is as in the net, which training has not moved: "
    return said + some_of(begins) if begins else ""


def _always(names: Sequence[str], fresh: Mapping[str, Tensor], other: nn.Module) -> list[str]:
    """Those of the weights that are the same at another seed, where all of these are a small part of the net."""
    others = dict(other.named_parameters())
    same = [name for name in names if same_numbers(fresh[name], others[name])]
    small = sum(fresh[name].numel() for name in same) <= FEW * sum(p.numel() for p in fresh.values())
    return same if small else []


@torch.no_grad()
def calibrate(net: nn.Module, batches: Iterable[Inputs]) -> int:
    """Estimate the running statistics of all normalisation layers on `batches`; returns how many layers there are.

    Only these layers are in train mode, averaging cumulatively over batches; all modes and momenta are put back.
    A batch on which a statistic cannot be formed (one value a channel) is left out.

    Raises:
        CensusError: when no batch could be used.
    """
    layers = [m for m in net.modules() if isinstance(m, _NormBase) and m.running_mean is not None]
    if not layers:
        return 0
    used = 0
    with ExitStack() as stack:
        for module in net.modules():
            stack.callback(setattr, module, "training", module.training)
            module.training = False
        for layer in layers:
            stack.callback(setattr, layer, "momentum", layer.momentum)
            layer.reset_running_stats()
            layer.momentum, layer.training = None, True
            if isinstance(layer, _InstanceNorm):
                stack.callback(layer.register_forward_hook(_Cumulative(layer)).remove)
        for inputs in batches:
            used += _passed(net, inputs)
    if not used:
        raise CensusError(
            "Normalisation statistics must be estimated on batches of two examples or more. Got no usable batch."
        )
    return len(layers)


class _Cumulative:
    """Averages cumulatively in an instance norm, for which torch reads momentum=None as 0, that is never."""

    def __init__(self, layer: nn.Module) -> None:
        self.calls, layer.momentum = 0, 1.0  # type: ignore[assignment]

    def __call__(self, layer: nn.Module, inputs: object, output: object) -> None:
        self.calls += 1
        layer.momentum = 1 / (self.calls + 1)  # type: ignore[assignment]


def _passed(net: nn.Module, inputs: Inputs) -> bool:
    try:
        call(net, inputs)
    except ValueError as error:
        if TOO_FEW not in str(error):
            raise
        return False
    return True
