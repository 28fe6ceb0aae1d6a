"""A net's own weights in another order: what it would be if only how large they are had been learned, not where."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

from ..errors import CensusError
from ..layers.net import unwrap
from .computed import computed, pieces_of
from .packed import is_part, is_quantised
from .randomness import own_randomness
from .twin import copied


def shuffled(net: nn.Module, seed: int) -> nn.Module:
    """A copy of the net, in eval mode, with the numbers within each of its parameters in another order.

    Every parameter keeps its own numbers, and so its mean, its variance and its tails; one that two modules share is
    shuffled once. A parameter that is computed (weight norm, spectral norm) is shuffled as it is used, one that is
    pruned before its mask, which stays. Statistics of normalisation layers stay as they are. Same seed, same net.

    >>> from torch import nn
    >>> net = nn.Linear(3, 2)
    >>> bool((shuffled(net, 0).weight.flatten().sort().values == net.weight.flatten().sort().values).all())
    True

    Raises:
        CensusError: the net keeps packed (quantised) weights, or cannot be copied.
    """
    other, seen = copied(unwrap(net)), set[int]()
    packed = [name for name, module in other.named_modules() if is_part(module) or is_quantised(module)]
    if packed:
        raise CensusError(f"Weights must be floating-point to be shuffled. Got packed ones in {packed[0]!r}.")
    with own_randomness(seed), torch.no_grad():
        for module in other.modules():
            if not isinstance(module, parametrize.ParametrizationList):  # shuffled with the module that it belongs to
                _shuffle_module(module, seen)
    return other.eval()


def _shuffle_module(module: nn.Module, seen: set[int]) -> None:
    pieces, writers = pieces_of(module), computed(module, _shuffle)
    for name, parameter in module.named_parameters(recurse=False):
        if name not in pieces and id(parameter) not in seen:
            _shuffle(name, parameter)
            seen.add(id(parameter))
    for name, write in writers.items():
        _rewrite(module, name, write)


def _rewrite(module: nn.Module, name: str, write: Callable[[Tensor], None]) -> None:
    """Shuffle a computed parameter; of one that is pruned also what its mask hides."""
    used = getattr(module, name)
    values = getattr(module, f"{name}_orig", used).detach().clone()
    _shuffle(name, values)
    write(values)


def _shuffle(name: str, values: Tensor) -> None:
    """Another order of its numbers, in place."""
    order = torch.randperm(values.numel()).to(values.device)
    values.copy_(values.flatten()[order].reshape(values.shape))
