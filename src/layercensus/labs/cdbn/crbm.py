"""One layer: a convolutional restricted Boltzmann machine with probabilistic max-pooling."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.grad import conv2d_weight

from ...errors import CensusError
from .blocks import probabilities, sample, upsampled


@dataclass(frozen=True)
class Form:
    """The shape of one layer. real: its input is real-valued (Gaussian), else binary (0..1)."""

    channels: int  # of the input
    units: int  # feature maps
    kernel: int  # side of a filter
    pool: int  # side of a pooling block
    real: bool = False

    def __post_init__(self) -> None:
        if min(self.channels, self.units, self.kernel, self.pool) < 1:
            raise CensusError(f"channels, units, kernel and pool must be at least 1. Got {self}.")


class Crbm(nn.Module):
    """Filters with hidden and visible biases, and the conditional distributions that they define.

    The energy of a state is, with s = `sigma` (1 for binary input),
        E(v, h) = (|v|^2 / 2 - sum_k h^k . (W^k * v) - sum_k b_k sum h^k - c sum v) / s^2,
    the square only for real input; * is the correlation of the filter with the input wherever it fits into it.
    States with more than one unit on in a block have no probability.
    """

    sigma: Tensor

    def __init__(self, form: Form, start: float = 0.01, bias: float = -0.1) -> None:
        super().__init__()
        self.form = form
        side = form.kernel
        self.weight = nn.Parameter(start * torch.randn(form.units, form.channels, side, side), requires_grad=False)
        self.hidden_bias = nn.Parameter(torch.full((form.units,), bias), requires_grad=False)
        self.visible_bias = nn.Parameter(torch.zeros(form.channels), requires_grad=False)
        self.register_buffer("sigma", torch.tensor(1.0))

    def fit(self, v: Tensor) -> Tensor:
        """The input cut at right and bottom so that the blocks tile the detection maps.

        Raises:
            CensusError: nothing is left.
        """
        height, width = (self._fitting(side) for side in v.shape[-2:])
        if min(height, width) < self.form.kernel:
            least = self.form.kernel + self.form.pool - 1
            raise CensusError(f"The layer's input must be at least {least} wide. Got {tuple(v.shape[-2:])}.")
        return v[..., :height, :width]

    def _fitting(self, side: int) -> int:
        return side - (side - self.form.kernel + 1) % self.form.pool

    def hidden_input(self, v: Tensor, top: Tensor | None = None) -> Tensor:
        """What each detection unit receives: (examples, channels, H, W) -> (examples, units, H - k + 1, W - k + 1).

        top: what each pooling unit receives from the layer above, added to all units of its block.
        """
        below = nn.functional.conv2d(v, self.weight, self.hidden_bias) / self.sigma.square()
        return below if top is None else below + upsampled(top, self.form.pool)

    def hidden(self, v: Tensor, top: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """How likely each detection unit and each pooling unit is on."""
        on, off = probabilities(self.hidden_input(v, top), self.form.pool)
        return on, 1 - off

    def sample_hidden(
        self, v: Tensor, generator: torch.Generator | None = None, top: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """A state of the detection units and of the pooling units."""
        return sample(*probabilities(self.hidden_input(v, top), self.form.pool), self.form.pool, generator)

    def down(self, h: Tensor) -> Tensor:
        """What each visible unit receives from the detection units: (examples, channels, H, W), on v's scale."""
        return nn.functional.conv_transpose2d(h, self.weight) + self.visible_bias[:, None, None]

    def visible(self, h: Tensor) -> Tensor:
        """The mean of the visible units given the detection units; for binary ones how likely they are on."""
        received = self.down(h)
        return received if self.form.real else torch.sigmoid(received)

    def sample_visible(self, h: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """A state of the visible units."""
        mean = self.visible(h)
        if not self.form.real:
            return torch.bernoulli(mean, generator=generator)
        noise = torch.randn(mean.shape, generator=generator, device=mean.device, dtype=mean.dtype)
        return mean + self.sigma * noise

    def statistics(self, v: Tensor, on: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """The negative energy's derivatives by weight, hidden and visible bias, averaged over the examples.

        on: states or probabilities of the detection units. The factor 1 / sigma^2 is left out.
        """
        if self.form.channels == 1:  # twice as fast where it takes little memory
            patches = nn.functional.unfold(v, self.form.kernel)
            weight = (on.flatten(2) @ patches.transpose(1, 2)).sum(0).reshape(self.weight.shape)
        else:
            weight = conv2d_weight(v, self.weight.shape, on)  # type: ignore[no-untyped-call]
        return weight / len(v), on.sum((2, 3)).mean(0), v.sum((2, 3)).mean(0)
