"""Optimises images for objectives: many at once, step by step."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from ..errors import CensusError
from ..layers.memory_format import FORMATS, format_of, memory_format
from .filters import unit
from .input_space import InputSpace
from .objective import Objective
from .objective_values import Values, objective_values
from .options import SeeOptions
from .parameters import Fourier, Parameters, Phases, Pixels
from .presets import State
from .priors import Code
from .rng import Rng, rng_for
from .subject import Subject
from .transforms import Transforms

OCTAVE = 1.4
FINISHING = 0.7  # of the steps, from which on each image of a group is optimised for itself
TYPICAL = 0.01  # root mean square of the first gradient of an image's parameters
Tick = Callable[[int], None]


def optimise(
    subject: Subject, objectives: Sequence[Objective], options: SeeOptions, *,
    contrast: float | str | None = None, start: Tensor | None = None, tick: Tick = lambda done: None,
) -> Tensor:  # fmt: skip
    """Images (sum of faces, channels, height, width) in 0..1, those of one objective side by side.

    contrast: of Fourier images, see there. start: an image in 0..1 that presets may begin with. tick: told of each
    step.

    Raises:
        CensusError: the objective is NaN or inf.
    """
    method, space = options.method, subject.input_space
    rng = rng_for(objectives, options.seed, "picture")
    run = _Run(subject, options, tick)
    transforms = Transforms(method.robustness, space.shape[1:], rng_for(objectives, options.seed, "moves"), space.mean)
    with (
        memory_format(subject.net, run.format),
        objective_values(subject.net, subject.layers, objectives) as values,
    ):
        if method.over == "pixels":
            return run.pixels(Pixels(_start(method.start, space, start, rng)), values, transforms)
        parameters = _parameters(options, rng, subject, contrast, run.device)
        if method.crops:
            return run.adam(parameters, _Cropped(values, method.crops, rng), transforms)
        return run.adam(parameters, values, transforms)


def _parameters(
    options: SeeOptions, rng: Rng, subject: Subject, contrast: float | str | None, device: torch.device
) -> Parameters:
    space = subject.input_space
    if options.method.over == "phases":
        return Phases(rng, space)
    if options.method.over == "code":
        assert options.learned_prior is not None
        return Code(rng, space, options.learned_prior)
    return Fourier(rng, space, contrast, options.shared, device, subject.patch)


def _start(kind: str, space: InputSpace, image: Tensor | None, rng: Rng) -> Tensor:
    if kind == "image" and image is not None:
        return image.expand(len(rng), *space.shape).clone()
    noise = rng.normal(*space.shape) * (0.02 if kind == "grey" else 0.1)
    return (space.mean.view(-1, 1, 1) + noise).clamp(0, 1)


class _Cropped:
    """What the net sees of each image is several random squares of it, each a quarter of its side or so (MACO)."""

    def __init__(self, values: Values, crops: int, rng: Rng) -> None:
        self._values, self._crops, self._rng = values, crops, rng

    def __call__(self, x: Tensor, coupling: float = 1.0) -> Tensor:
        total = x.new_zeros(len(x))
        least = torch.tensor(min(1.0, 16 / min(x.shape[-2:])))  # pixels; smaller images are seen whole
        for _ in range(self._crops):
            size = torch.maximum((0.25 + 0.1 * self._rng.normal()).clamp(0.08, 0.6), least)
            middle = 0.5 + 0.15 * self._rng.normal(2)
            middle = torch.minimum(torch.maximum(middle, size[:, None] / 2), 1 - size[:, None] / 2)
            theta = torch.zeros(len(x), 2, 3)
            theta[:, 0, 0], theta[:, 1, 1] = size, size
            theta[:, 0, 2], theta[:, 1, 2] = 2 * middle[:, 0] - 1, 2 * middle[:, 1] - 1
            grid = F.affine_grid(theta, list(x.shape), align_corners=False)
            seen = F.grid_sample(x, grid.to(x.device, x.dtype), mode="bilinear", align_corners=False)
            total = total + self._values(seen, coupling)
        return total / self._crops


class _Run:
    """One batch of images under way."""

    def __init__(self, subject: Subject, options: SeeOptions, tick: Tick) -> None:
        self._preset, self._space, self._steps = options.method, subject.input_space, options.count
        self._prior, self._tick = options.learned_prior, tick
        parameter = next(subject.net.parameters(), None)
        self.device = torch.device("cpu") if parameter is None else parameter.device
        self._dtype = torch.float32 if parameter is None else parameter.dtype
        self.format = format_of(torch.empty(1, *self._space.shape, device=self.device))

    def adam(self, parameters: Parameters, values: Values, transforms: Transforms) -> Tensor:
        """Adam on numbers that stand for images."""
        optimiser = torch.optim.Adam(parameters.tensors, self._preset.rate)
        gain = torch.ones(len(parameters.tensors[0]))
        for step in range(self._steps):
            for group in optimiser.param_groups:
                group["lr"] = self._preset.rate * (0.02 + 0.98 * _cooled(step / self._steps))
            optimiser.zero_grad()
            seen = self._shown(transforms(parameters.images(), _fading(step / self._steps)))
            read = values(seen, _apart(step / self._steps))
            (-(_finite(read) * gain.to(read.device)).sum()).backward()  # type: ignore[no-untyped-call]
            if step == 0:
                gain = self._even(parameters.tensors[0])
            optimiser.step()
            with torch.no_grad():
                parameters.advance()
            self._tick(step + 1)
        return parameters.images().detach()

    def _even(self, tensor: Tensor) -> Tensor:
        """Brings the first gradients to TYPICAL size; what each image's objective is multiplied with from then on.

        Adam takes steps of equal size for any scale but the smallest, where its epsilon stops it.
        """
        assert tensor.grad is not None
        size = tensor.grad.flatten(1).square().mean(1).sqrt()
        gain = torch.where(size > 0, TYPICAL / size.clamp(min=1e-30), torch.ones_like(size))
        tensor.grad.mul_(gain.view(-1, *[1] * (tensor.ndim - 1)))
        return gain

    def pixels(self, pixels: Pixels, values: Values, transforms: Transforms) -> Tensor:
        """Steps along the gradient of unit size, with what the preset does to gradients and pixels."""
        sides = self._sides(pixels.tensors[0].shape[-2:])
        whole = pixels.tensors[0].detach().clone()
        for step in range(self._steps):
            side = sides[step * len(sides) // self._steps]
            if pixels.tensors[0].shape[-2:] != side:
                pixels.resize(side)
            x = pixels.tensors[0]
            shown = x if x.shape[-2:] == whole.shape[-2:] else _to(x, whole.shape[-2:])
            state = State(step / max(1, self._steps - 1), step, whole, self._space)
            read = values(self._shown(transforms(shown)))
            (gradient,) = torch.autograd.grad(_finite(read).sum(), x)
            with torch.no_grad():
                x += self._preset.rate * self._held_back(unit(gradient), x, state)
                pixels.advance()
                if self._preset.after is not None:
                    x.copy_(self._preset.after(x, state).clamp(0, 1))
                if self._preset.needs == "prior" and self._prior is not None:
                    x.copy_((x + 0.1 * (self._prior.denoised(x) - x)).clamp(0, 1))
            self._tick(step + 1)
        pixels.resize((whole.shape[2], whole.shape[3]))
        return pixels.tensors[0].detach()

    def _held_back(self, gradient: Tensor, x: Tensor, state: State) -> Tensor:
        if self._preset.gradient is not None:
            gradient = unit(self._preset.gradient(gradient, state))
        if self._preset.penalty is None:
            return gradient
        with torch.enable_grad():
            now = x.detach().requires_grad_(True)
            (pull,) = torch.autograd.grad(self._preset.penalty(now, state).sum(), now)
        return gradient - pull

    def _sides(self, side: Sequence[int]) -> list[tuple[int, int]]:
        """Sizes from coarse to fine; none is below 8 pixels."""
        sides = []
        for octave in reversed(range(self._preset.octaves)):
            h, w = (max(min(8, n), round(n / OCTAVE**octave)) for n in side)
            sides.append((h, w))
        return list(dict.fromkeys(sides))

    def _shown(self, x: Tensor) -> Tensor:
        x = self._space.to_net(x).to(self.device, self._dtype)
        return x.contiguous(memory_format=FORMATS[self.format])


def _cooled(progress: float) -> float:
    """Full rate for the first half, then down to nothing along a cosine, so that noise averages out."""
    return 1.0 if progress < 0.5 else 0.5 + 0.5 * math.cos(math.pi * (2 * progress - 1))


def _fading(progress: float) -> float:
    """Transforms at full strength, fading over the last quarter: of several copies of a pattern one then wins."""
    return min(1.0, (1 - progress) / 0.25)


def _apart(progress: float) -> float:
    """What keeps faces apart counts while they form, and is gone when each is finished: none is given up for it."""
    return min(1.0, max(0.0, (FINISHING - progress) / 0.2))


def _to(x: Tensor, side: Sequence[int]) -> Tensor:
    return F.interpolate(x, size=tuple(side), mode="bilinear", align_corners=False)


def _finite(read: Tensor) -> Tensor:
    if not bool(torch.isfinite(read).all()):
        raise CensusError("The net must stay finite on optimised images. Got NaN or inf; are its weights?")
    if not read.requires_grad:
        raise CensusError(
            "A gradient must reach the image. The net cuts it before the layer (no_grad, argmax, rounding)."
        )
    return read.float()
