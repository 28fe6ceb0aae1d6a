"""A linear or 1x1 convolution layer as two thin ones, through the directions that the net's answers rest on."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ..intervene.directions import Directions


class LowRank(nn.Sequential):
    """The layer followed by the projection of its output on `rank` directions, in two layers without one between.

    y = mean + ((x W^T + b) - mean) @ reader @ writer^T, so the first holds reader^T W and the second the writer.

    >>> import torch
    >>> layer = nn.Linear(6, 4)
    >>> basis = torch.linalg.qr(torch.randn(4, 4)).Q
    >>> whole = Directions(torch.zeros(4), basis, basis, torch.ones(4), True, 8, 8)
    >>> x = torch.randn(5, 6)
    >>> torch.allclose(LowRank.of(layer, whole, 4)(x), layer(x), atol=1e-5)
    True
    """

    @classmethod
    def of(cls, layer: nn.Module, directions: Directions, rank: int) -> LowRank:
        """layer: linear, or a 1x1 convolution without groups."""
        weight, bias = layer.weight, layer.bias
        assert isinstance(weight, Tensor)
        mean, reader, writer = (
            x.to(weight.device, torch.float64)
            for x in (directions.mean, directions.reader[:, :rank], directions.writer[:, :rank])
        )
        there = bias.detach().to(mean) if isinstance(bias, Tensor) else torch.zeros_like(mean)
        first, second = _two(layer, rank)
        _fill(first, reader.T @ weight.detach().flatten(1).to(mean), reader.T @ (there - mean))
        _fill(second, writer, mean)
        return cls(first, second).to(weight.device, weight.dtype).train(layer.training)


Thin = nn.Linear | nn.Conv2d


def _fill(thin: Thin, weight: Tensor, bias: Tensor) -> None:
    assert thin.bias is not None
    with torch.no_grad():
        thin.weight.copy_(weight.reshape(thin.weight.shape))
        thin.bias.copy_(bias)


def _two(layer: nn.Module, rank: int) -> tuple[Thin, Thin]:
    if isinstance(layer, nn.Linear):
        return nn.Linear(layer.in_features, rank), nn.Linear(rank, layer.out_features)
    assert isinstance(layer, nn.Conv2d)
    first = nn.Conv2d(layer.in_channels, rank, 1, stride=layer.stride)  # type: ignore[arg-type]
    return first, nn.Conv2d(rank, layer.out_channels, 1)


def can_be_two(module: nn.Module) -> bool:
    """Whether a module is a layer that `LowRank` takes."""
    if type(module) is nn.Linear:
        return True
    plain = isinstance(module, nn.Conv2d) and module.kernel_size == (1, 1) and module.groups == 1
    return plain and module.padding in (0, (0, 0), "valid")


def numbers_saved(module: nn.Module, rank: int) -> int:
    """Parameters of the layer less those of the two; below 0 where two are more."""
    own = sum(p.numel() for p in module.parameters())
    assert isinstance(module.weight, Tensor)
    outs, ins = module.weight.flatten(1).shape
    return own - (rank * (ins + 1) + outs * (rank + 1))


def exchange_modules(net: nn.Module, new: dict[str, nn.Module]) -> None:
    """Put modules in the place of those of these names."""
    for name, module in new.items():
        parent, _, last = name.rpartition(".")
        setattr(net.get_submodule(parent), last, module)
