"""Training one layer: contrastive divergence with sparse hidden units, checkpointed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ...count.interrupts import uninterrupted
from ...errors import CensusError
from ..saved import load_net, save_net
from .blocks import sample
from .crbm import Crbm, Form

CHECKPOINT = 200  # steps between two checkpoints
Batches = Callable[[torch.Generator], Tensor]  # a batch: (examples, channels, height, width), chosen by the generator


@dataclass(frozen=True)
class Recipe:
    """How one layer is trained; the schedules are those of Lee et al. (2009)."""

    steps: int = 2000
    rate: float = 0.01  # at the start; rate / (1 + decay x epoch) later
    epoch: int = 20  # steps
    decay: float = 0.01
    momentum: tuple[float, float] = (0.5, 0.9)  # the second from `settled` epochs on
    settled: int = 5
    k: int = 1  # Gibbs steps
    persistent: bool = False  # start from the last step's chains instead of from the data
    target: float = 0.002  # mean probability of a detection unit
    sparsity: float = 5.0  # how hard the hidden bias is pushed toward the target
    l2: float = 0.01
    l1: float = 0.0
    start: float = 0.01  # standard deviation of the first weights
    bias: float = -0.1  # the first hidden biases
    informed: bool = False  # whether visible biases start at the log odds of the first batch, else at 0
    sigma: tuple[float, float] = (1.0, 1.0)  # of real input: the first and the last, annealed
    anneal: float = 0.99  # factor on sigma in each epoch

    def __post_init__(self) -> None:
        if self.steps < 1 or self.k < 1 or self.epoch < 1:
            raise CensusError(f"steps, k and epoch must be at least 1. Got {self.steps}, {self.k} and {self.epoch}.")
        if not 0 < self.target < 1:
            raise CensusError(f"target must be between 0 and 1. Got {self.target}.")

    def sigma_at(self, step: int) -> float:
        """The standard deviation of the visible units' noise."""
        first, last = self.sigma
        return float(max(last, first * self.anneal ** (step // self.epoch)))

    def rate_at(self, step: int) -> float:
        """The learning rate."""
        return self.rate / (1 + self.decay * (step // self.epoch))

    def momentum_at(self, step: int) -> float:
        """How much of the last step is repeated."""
        return self.momentum[step // self.epoch >= self.settled]


@dataclass(frozen=True)
class Chain:
    """Where the negative phase comes from. state: of persistent chains, visible units; None: begin at the data."""

    k: int = 1
    state: Tensor | None = None


@dataclass(frozen=True)
class Trained:
    """A layer after training. sparsity: mean probability of its detection units over the last epochs."""

    layer: Crbm
    steps: int
    sparsity: float


def contrast(
    layer: Crbm, v: Tensor, chain: Chain, generator: torch.Generator
) -> tuple[tuple[Tensor, Tensor, Tensor], Tensor, Tensor]:
    """The gradient's estimate by weight, hidden and visible bias; the data's probabilities; the chain's last state."""
    on, pooled = layer.hidden(v)
    seen = v if chain.state is None else chain.state
    for step in range(chain.k):
        if seen is v:
            h, _ = sample(on, 1 - pooled, layer.form.pool, generator)
        else:
            h, _ = layer.sample_hidden(seen, generator)
        last = step == chain.k - 1 and chain.state is None and layer.form.real
        seen = layer.visible(h) if last else layer.sample_visible(h, generator)
    positive, negative = layer.statistics(v, on), layer.statistics(seen, layer.hidden(seen)[0])
    weight, hidden, visible = (a - b for a, b in zip(positive, negative, strict=True))
    return (weight, hidden, visible), on, seen


def train(
    form: Form, batch: Batches, recipe: Recipe, seed: int, file: Path | None = None, *, device: str = "cpu",
    step: Callable[[int], None] = lambda done: None,
) -> Trained:  # fmt: skip
    """The layer after training on what `batch` gives; the same for the same seed, interrupted or not.

    file: where the layer is kept, and its checkpoints beside it; what is there is resumed.
    step: called with the number of steps done, after each and once at the start.

    Raises:
        CensusError: the file cannot be written, holds another layer, or the weights do not stay finite.
        KeyboardInterrupt: after a checkpoint is written.
    """
    if file is not None and file.is_file():
        return _finished(file, form, recipe, seed, device)
    run = _Run(form, recipe, seed, device)
    run.restore(file)
    step(run.done)
    try:
        while run.done < recipe.steps:
            with uninterrupted():
                run.step(batch)
            step(run.done)
            if run.done % CHECKPOINT == 0:
                run.checkpoint(file)
    except KeyboardInterrupt:
        run.checkpoint(file)
        raise
    if file is not None:
        known = _identity(form, recipe, seed) | {"steps": run.done, "activity": run.mean}
        save_net(file, "cdbn", {"layers": [asdict(form)]}, _prefixed(run.layer), **known)
        _checkpoint_file(file).unlink(missing_ok=True)
    return Trained(run.layer, run.done, run.mean)


class _Run:
    """A layer in training, with everything that the next step depends on."""

    def __init__(self, form: Form, recipe: Recipe, seed: int, device: str) -> None:
        self.form, self.recipe, self.seed, self.device = form, recipe, seed, device
        self.layer = fresh(form, seed, recipe).to(device)
        self.velocity = [torch.zeros_like(p) for p in self._parameters()]
        self.generator = torch.Generator().manual_seed(seed)  # chooses the batches
        self.rng = torch.Generator(device).manual_seed(seed)  # samples the states
        self.chains: Tensor | None = None
        self.done = 0
        self.mean = 0.0

    def _parameters(self) -> list[Tensor]:
        return [self.layer.weight, self.layer.hidden_bias, self.layer.visible_bias]

    @torch.no_grad()
    def step(self, batch: Batches) -> None:
        recipe, layer = self.recipe, self.layer
        layer.sigma.fill_(recipe.sigma_at(self.done) if self.form.real else 1.0)
        v = layer.fit(batch(self.generator).to(self.device))
        if self.done == 0 and recipe.informed:
            layer.visible_bias.copy_(torch.logit(v.mean((0, 2, 3)), eps=0.001))
        started = recipe.persistent and self.chains is None
        chain = Chain(recipe.k, v if started else self.chains)
        gradient, on, seen = contrast(layer, v, chain, self.rng)
        self.chains = seen if recipe.persistent else None
        self._climb(gradient, on, v)
        active = on.mean((0, 2, 3))
        weight = min(0.02, 1 / (self.done + 1) ** 0.5)
        self.mean = (1 - weight) * self.mean + weight * float(active.mean())
        self.done += 1

    def _climb(self, gradient: tuple[Tensor, Tensor, Tensor], on: Tensor, v: Tensor) -> None:
        recipe, layer = self.recipe, self.layer
        positions, pixels = on[0, 0].numel(), v[0, 0].numel()
        weight = gradient[0] / positions - recipe.l2 * layer.weight - recipe.l1 * layer.weight.sign()
        pressure = recipe.sparsity * (recipe.target - on.mean((0, 2, 3)))
        hidden = gradient[1] / positions + pressure
        visible = gradient[2] / pixels
        rate, momentum = recipe.rate_at(self.done), recipe.momentum_at(self.done)
        for number, (parameter, push) in enumerate(zip(self._parameters(), (weight, hidden, visible), strict=True)):
            self.velocity[number] = momentum * self.velocity[number] + rate * push
            parameter += self.velocity[number]
        if not bool(torch.isfinite(layer.weight).all()):
            raise CensusError(f"Weights must stay finite. Got others at step {self.done}. Lower the rate.")

    def checkpoint(self, file: Path | None) -> None:
        """Keep the state beside `file`."""
        if file is None:
            return
        state = _prefixed(self.layer) | {f"velocity.{n}": v for n, v in enumerate(self.velocity)}
        state |= {"generator": self.generator.get_state(), "rng": self.rng.get_state()}
        state |= {} if self.chains is None else {"chains": self.chains}
        known = _identity(self.form, self.recipe, self.seed) | {"done": self.done, "mean": self.mean}
        save_net(_checkpoint_file(file), "cdbn", {}, state, **known)

    def restore(self, file: Path | None) -> None:
        """Take up the state that is kept beside `file`, where there is one of the same training."""
        if file is None or not _checkpoint_file(file).is_file():
            return
        saved = load_net(_checkpoint_file(file))
        tensors, about = saved.tensors, saved.about
        if any(about.get(k) != v for k, v in _identity(self.form, self.recipe, self.seed).items()):
            raise CensusError(f"{_checkpoint_file(file)} must be of the training that was asked for. Pass another out.")
        self.layer.load_state_dict(
            {n.removeprefix("layer.0.crbm."): t for n, t in tensors.items() if n.startswith("layer.")}
        )
        self.velocity = [tensors[f"velocity.{n}"].to(self.device) for n in range(len(self.velocity))]
        self.generator.set_state(tensors["generator"])
        self.rng.set_state(tensors["rng"])
        self.chains = tensors["chains"].to(self.device) if "chains" in tensors else None
        self.done, self.mean = about["done"], about["mean"]


def fresh(form: Form, seed: int, recipe: Recipe | None = None) -> Crbm:
    """The untrained layer of this seed."""
    from ...models.randomness import own_randomness

    recipe = recipe or Recipe()
    with own_randomness(seed):
        return Crbm(form, recipe.start, recipe.bias)


def _finished(file: Path, form: Form, recipe: Recipe, seed: int, device: str) -> Trained:
    saved = load_net(file)
    about = saved.about
    if any(about.get(k) != v for k, v in _identity(form, recipe, seed).items()):
        raise CensusError(f"{file} must hold the layer that was asked for. Got another. Pass another out.")
    layer = fresh(form, seed, recipe)
    layer.load_state_dict({n.removeprefix("layer.0.crbm."): t for n, t in saved.tensors.items()})
    return Trained(layer.to(device), about["steps"], about["activity"])


def _identity(form: Form, recipe: Recipe, seed: int) -> dict[str, Any]:
    words = asdict(recipe)
    return {
        "form": asdict(form),
        "recipe": {k: list(v) if isinstance(v, tuple) else v for k, v in words.items()},
        "seed": seed,
    }


def _prefixed(layer: Crbm) -> dict[str, Tensor]:
    return {f"layer.0.crbm.{name}": value for name, value in layer.state_dict().items()}


def _checkpoint_file(file: Path) -> Path:
    return file.with_name(f"{file.stem}.checkpoint")
