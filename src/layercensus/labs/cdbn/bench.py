"""Where layers are trained and stacks are kept: one folder, a file each."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
from tqdm import tqdm

from ...errors import CensusError
from ..saved import keep
from .crbm import Crbm, Form
from .how import How
from .nets import Stack, as_json
from .train import Batches, Recipe, Trained, train


class Bench:
    """Trains what is not there yet, shows how far it is, and keeps it."""

    def __init__(self, folder: Path, how: How) -> None:
        self.folder, self.how = folder, how

    def layer(self, name: str, form: Form, recipe: Recipe, seed: int, batches: Batches) -> Trained:
        """The layer of this name, trained or taken from its file.

        Raises:
            KeyboardInterrupt: after a checkpoint.
        """
        recipe = self.how.recipe(recipe)
        with tqdm(total=recipe.steps, desc=name, unit="step", disable=not self.how.progress, leave=False) as bar:
            file = self.folder / "layers" / f"{name}.safetensors"

            def step(done: int) -> None:
                bar.update(done - bar.n)

            return train(form, batches, recipe, seed, file, device=self.how.device, step=step)

    def stack(self, name: str, layers: list[Crbm], side: int) -> Stack:
        """The layers as one net, kept as a file that `lab:FILE` opens. side: of an example input, pixels."""
        stack = Stack(layers)
        keep(self.folder / "stacks" / f"{name}.safetensors", "cdbn", as_json(stack), stack.state_dict(), side=side)
        return stack.eval()


def check_device(device: str) -> None:
    """Refuse a device that is not there.

    Raises:
        CensusError: it is not.
    """
    try:
        torch.zeros(1, device=device)
    except (RuntimeError, AssertionError) as error:
        why = str(error).splitlines()[0]
        raise CensusError(
            f"device must be one that PyTorch can use, such as cpu or cuda. Got {device!r}: {why}"
        ) from error


@contextmanager
def one_thread() -> Iterator[None]:
    """One thread for PyTorch while open: the same numbers on any machine, and on small maps as fast as several."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)
