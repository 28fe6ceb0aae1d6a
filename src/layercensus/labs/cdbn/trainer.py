"""Where layers are trained and stacks are kept: one folder, a file each."""

from __future__ import annotations

from pathlib import Path

from ...progress import tqdm
from ..saved import save_net
from .crbm import Crbm, Form
from .nets import Stack, as_json
from .options import Options
from .train import Batches, Recipe, Trained, train


class Trainer:
    """Trains what is not there yet, shows how far it is, and keeps it."""

    def __init__(self, folder: Path, options: Options) -> None:
        self.folder, self.options = folder, options

    def layer(self, name: str, form: Form, recipe: Recipe, seed: int, batches: Batches) -> Trained:
        """The layer of this name, trained or taken from its file.

        Raises:
            KeyboardInterrupt: after a checkpoint.
        """
        recipe = self.options.recipe(recipe)
        with tqdm(total=recipe.steps, desc=name, unit="step", disable=not self.options.progress, leave=False) as bar:
            file = self.folder / "layers" / f"{name}.safetensors"

            def step(done: int) -> None:
                bar.update(done - bar.n)

            return train(form, batches, recipe, seed, file, device=self.options.device, step=step)

    def stack(self, name: str, layers: list[Crbm], side: int) -> Stack:
        """The layers as one net, kept as a file that `lab:FILE` opens. side: of an example input, pixels."""
        stack = Stack(layers)
        save_net(self.folder / "stacks" / f"{name}.safetensors", "cdbn", as_json(stack), stack.state_dict(), side=side)
        return stack.eval()
