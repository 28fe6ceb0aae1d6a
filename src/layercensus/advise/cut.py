"""Units cut out of a net's weights, what they say handed to those that stay."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy

import torch
from torch import Tensor, nn

from .masks import Mask
from .reads import Reads

Cutter = Callable[[Mapping[str, Mask]], nn.Module]  # from masks by layer to a smaller copy of a net


def smaller(net: nn.Module, reads: Mapping[str, Reads], masks: Mapping[str, Mask]) -> nn.Module:
    """A copy of the net without the units that the masks take out; both by layer. Masks of other layers do nothing."""
    copy = deepcopy(net)
    for name, mask in masks.items():
        if name in reads:
            cut(copy, mask, reads[name])
    return copy


def cut(net: nn.Module, mask: Mask, reads: Reads) -> None:
    """Take a layer's units out of its maker, its normalisations and its reader."""
    maker, reader = net.get_submodule(reads.maker), net.get_submodule(reads.reader)
    hand_over(reader, mask)
    stays = mask.stays
    keep(maker, ("weight", "bias"), stays)
    for norm in map(net.get_submodule, reads.norms):
        keep(norm, ("weight", "bias", "running_mean", "running_var"), stays)
    places = features(reader, len(stays))
    _put(reader, "weight", _weight(reader)[:, stays.repeat_interleave(places)])
    for module, names in ((maker, ("out_channels", "out_features")), (reader, ("in_channels", "in_features"))):
        _sizes(module, names, mask.kept * (places if module is reader else 1))
    for norm in map(net.get_submodule, reads.norms):
        _sizes(norm, ("num_features",), mask.kept)


def hand_over(reader: nn.Module, mask: Mask) -> None:
    """Give what the units that go would say to the weights of those that stay, and to the bias.

    Exact but for maps that the reader pads: there a unit at its mean is 0 beyond the edge, and a bias is not.
    """
    weight = _weight(reader).double()
    units = len(mask.stays)
    by_unit = torch.unflatten(weight, 1, (units, -1))  # (outputs, units, ...)
    gone = (~mask.stays).nonzero().flatten()
    heir, gain, mean = mask.heir[gone], mask.gain[gone].double(), mask.mean.double()
    there = gain.reshape(-1, *(1,) * (by_unit.ndim - 2))
    handed = by_unit.index_add(1, heir, by_unit[:, gone] * there)
    still = mean[gone] - gain * mean[heir]
    constant = by_unit[:, gone].flatten(2).sum(2) @ still
    with torch.no_grad():
        _weight(reader).copy_(handed.reshape(weight.shape))
    _put(reader, "bias", (constant if reader.bias is None else constant + reader.bias.detach()).to(_weight(reader)))  # type: ignore[operator]


def features(reader: nn.Module, units: int) -> int:
    """So many of the reader's inputs belong to each unit: the positions of a map that was flattened."""
    return _weight(reader).shape[1] // units


def keep(module: nn.Module, names: Sequence[str], stays: Tensor) -> None:
    """Keep these rows of parameters and buffers that the module has."""
    for name in names:
        value = getattr(module, name, None)
        if isinstance(value, Tensor):
            _put(module, name, value.detach()[stays])


def _put(module: nn.Module, name: str, value: Tensor) -> None:
    old = getattr(module, name, None)
    parameter = name in module._parameters
    trained = old.requires_grad if isinstance(old, nn.Parameter) else True
    setattr(module, name, nn.Parameter(value.contiguous(), trained) if parameter else value.contiguous())


def _sizes(module: nn.Module, names: Sequence[str], size: int) -> None:
    for name in names:
        if hasattr(module, name):
            setattr(module, name, size)


def _weight(module: nn.Module) -> Tensor:
    assert isinstance(module.weight, Tensor)
    return module.weight.detach()
