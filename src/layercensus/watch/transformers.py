"""A watch as a callback of the Trainer of transformers."""

from __future__ import annotations

from typing import Any

from .callback import Watching
from .missing import installed
from .optimiser_steps import rate_of


def trainer_callback(data: Any, **watching: Any) -> Any:
    """A callback for `Trainer(callbacks=[...])` of transformers, or any trainer built on it.

    data, watching: as of `lc.watch`. After the training its `timeline` is the run's.

    Raises:
        CensusError: transformers is not installed, or as for `lc.watch` once the training begins.
    """
    transformers = installed("transformers", "transformers")

    class LayerCensus(Watching, transformers.TrainerCallback):  # type: ignore[misc, name-defined]
        """Begins a watch with the training, and ends it."""

        def on_train_begin(self, args: Any, state: Any, control: Any, model: Any = None, **kwargs: Any) -> None:
            if state.is_world_process_zero:
                self.begin(model, state.global_step)

        def on_step_end(self, args: Any, state: Any, control: Any, optimizer: Any = None, **kwargs: Any) -> None:
            self.stepped(state.global_step, rate_of(optimizer))

        def on_train_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
            self.end()

    return LayerCensus(data, watching)
