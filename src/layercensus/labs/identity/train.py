"""Training on one picture that is its own target, with checkpoints."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from ...errors import CensusError
from ..saved import load_net, save_net
from .nets import Shape, Stack, as_json, build

CHECKPOINT = 200  # steps between two checkpoints
RECENT = 10  # steps for which the error must stay below the aim


@dataclass(frozen=True)
class Recipe:
    """How every net is trained; the paper leaves it open, so this is ours."""

    steps: int = 1500  # at most
    rate: float = 1e-3  # of Adam at 10 layers and more; 10 / depth times as much for fewer
    warm_up: int = 100  # steps over which the rate rises; then it falls along a cosine
    clip: float = 1.0  # largest norm of a gradient
    aim: float = 1e-4  # mean squared error / variance of the picture, at which training stops
    enough: float = 1e-2  # the same; above it a net counts as not converged


@dataclass(frozen=True)
class Trained:
    """A trained net and how it got there. error: mean squared error / variance of the training picture."""

    net: Stack
    shape: Shape
    seed: int
    steps: int
    error: float
    converged: bool


def train(
    shape: Shape, seed: int, *, image: Tensor, recipe: Recipe, file: Path | None = None, device: str = "cpu",
    stop: Callable[[], bool] = lambda: False, step: Callable[[], None] = lambda: None,
) -> Trained | None:  # fmt: skip
    """The net of this shape after training on `image` (1, 1, 28, 28); None where `stop` said so before the end.

    file: where the net is kept when it is done, and its checkpoints beside it; what is there is resumed.
    step: called after every step, and at once for those that are done already.

    Raises:
        CensusError: the file cannot be written, or the error is not finite.
    """
    if file is not None and file.is_file():
        return _finished(file, shape, seed, recipe)
    image = image.to(device)
    net = build(shape, seed).to(device)
    optimiser = torch.optim.Adam(net.parameters(), recipe.rate * max(1.0, 10 / shape.depth))
    schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, lambda s: _rate(s, recipe))
    known = {"form": as_json(shape), "seed": seed, "recipe": asdict(recipe)}
    done, below = _restored(file, known, net, optimiser, schedule, device)
    for _ in range(done):
        step()
    error = math.nan
    while done < recipe.steps and below < RECENT:
        if stop():
            _checkpoint(file, known, net, optimiser, done, below)
            return None
        error = _step(net, optimiser, image, recipe)
        schedule.step()
        done, below = done + 1, below + 1 if error < recipe.aim else 0
        step()
        if done % CHECKPOINT == 0:
            _checkpoint(file, known, net, optimiser, done, below)
    with torch.no_grad():
        error = float((net(image) - image).square().mean() / image.var(correction=0))
    trained = Trained(net.cpu().eval(), shape, seed, done, error, error < recipe.enough)
    if file is not None:
        ended = {"steps": done, "error": error, "converged": trained.converged}
        save_net(file, "identity", as_json(shape), net.state_dict(), **known | ended)
        _checkpoint_file(file).unlink(missing_ok=True)
    return trained


def _rate(step: int, recipe: Recipe) -> float:
    through = min(1.0, step / recipe.steps)
    return min(1.0, (step + 1) / recipe.warm_up) * 0.5 * (1 + math.cos(math.pi * through))


def _step(net: nn.Module, optimiser: torch.optim.Optimizer, image: Tensor, recipe: Recipe) -> float:
    optimiser.zero_grad()
    loss = (net(image) - image).square().mean()
    loss.backward()
    nn.utils.clip_grad_norm_(net.parameters(), recipe.clip)
    optimiser.step()
    error = float(loss.detach() / image.var(correction=0))
    if not math.isfinite(error):
        raise CensusError(f"Training must stay finite. Got an error of {error}. Lower the rate.")
    return error


def _finished(file: Path, shape: Shape, seed: int, recipe: Recipe) -> Trained:
    saved = load_net(file)
    about = saved.about
    if saved.shape != as_json(shape) or (about["seed"], about["recipe"]) != (seed, asdict(recipe)):
        raise CensusError(f"{file} must hold the net that was asked for. Got another. Pass another out.")
    net = Stack(shape)
    net.load_state_dict(saved.tensors)
    return Trained(net.eval(), shape, seed, about["steps"], about["error"], about["converged"])


def _checkpoint_file(file: Path) -> Path:
    return file.with_name(f"{file.stem}.checkpoint")


def _checkpoint(
    file: Path | None, known: dict[str, Any], net: nn.Module, optimiser: torch.optim.Optimizer, done: int, below: int
) -> None:  # fmt: skip
    if file is None:
        return
    state = {f"net.{name}": value for name, value in net.state_dict().items()}
    for number, moments in optimiser.state_dict()["state"].items():
        state |= {f"adam.{number}.{name}": value for name, value in moments.items()}
    save_net(_checkpoint_file(file), "checkpoint", {}, state, done=done, below=below, **known)


def _restored(
    file: Path | None,
    known: dict[str, Any],
    net: nn.Module,
    optimiser: torch.optim.Optimizer,
    schedule: Any,
    device: str,
) -> tuple[int, int]:
    """Put the checkpoint's state into place; how many steps are done, and for how many the error was small."""
    if file is None or not _checkpoint_file(file).is_file():
        return 0, 0
    saved = load_net(_checkpoint_file(file))
    tensors, about = saved.tensors, saved.about
    if any(about.get(name) != value for name, value in known.items()):
        raise CensusError(f"{_checkpoint_file(file)} must be of the training that was asked for. Pass another out.")
    net.load_state_dict({n.removeprefix("net."): t for n, t in tensors.items() if n.startswith("net.")})
    state: dict[int, dict[str, Tensor]] = {}
    for name, tensor in tensors.items():
        if name.startswith("adam."):
            _, number, what = name.split(".")
            state.setdefault(int(number), {})[what] = tensor.to("cpu" if what == "step" else device)
    groups = optimiser.state_dict()["param_groups"]
    optimiser.load_state_dict({"state": state, "param_groups": groups})
    schedule.last_epoch = about["done"]
    for group, base in zip(optimiser.param_groups, schedule.base_lrs, strict=True):
        group["lr"] = base * schedule.lr_lambdas[0](about["done"])
    return about["done"], about["below"]
