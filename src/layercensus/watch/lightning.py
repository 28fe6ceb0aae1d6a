"""A watch as a callback of Lightning."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .callback import Watching
from .missing import installed
from .optimiser_steps import rate_of
from .scalars import Scalars


def lightning_callback(data: Any, **watching: Any) -> Any:
    """A callback for `Trainer(callbacks=[...])` that watches the module while it is fitted.

    data, watching: as of `lc.watch`. The scalars also go to the trainer's own loggers. After the fit its `timeline`
    is the run's.

    Raises:
        CensusError: lightning is not installed, or as for `lc.watch` once the fit begins.
    """
    lightning = installed("lightning.pytorch", "lightning")

    class LayerCensus(Watching, lightning.Callback):  # type: ignore[misc, name-defined]
        """Begins a watch with the fit, and ends it."""

        def on_train_start(self, trainer: Any, pl_module: Any) -> None:
            if trainer.is_global_zero:
                self.begin(pl_module, trainer.global_step, _to_loggers(trainer))

        def on_train_batch_end(self, trainer: Any, *args: Any, **kwargs: Any) -> None:
            self.stepped(trainer.global_step, rate_of(trainer.optimizers[0]) if trainer.optimizers else None)

        def on_train_end(self, trainer: Any, pl_module: Any) -> None:
            self.end()

    return LayerCensus(data, watching)


def _to_loggers(trainer: Any) -> Callable[[int, Scalars], None]:
    def track(step: int, scalars: Scalars) -> None:
        for logger in trainer.loggers:
            logger.log_metrics(dict(scalars), step=step)

    return track
