"""A watch as a callback of Lightning."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .callback import Opened, opener
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
    begin = opener(data, watching)

    class LayerCensus(lightning.Callback):  # type: ignore[misc, name-defined]
        """Begins a watch with the fit, and ends it."""

        opened: Opened | None = None

        def on_train_start(self, trainer: Any, pl_module: Any) -> None:
            if trainer.is_global_zero:
                self.opened = begin(pl_module, trainer.global_step, _to_loggers(trainer))

        def on_train_batch_end(self, trainer: Any, *args: Any, **kwargs: Any) -> None:
            if self.opened is not None:
                rate = rate_of(trainer.optimizers[0]) if trainer.optimizers else None
                self.opened.step(trainer.global_step, rate)

        def on_train_end(self, trainer: Any, pl_module: Any) -> None:
            if self.opened is not None:
                self.opened.close()

        @property
        def timeline(self) -> Any:
            """Every reading until now; None before the fit."""
            return None if self.opened is None else self.opened.timeline

    return LayerCensus()


def _to_loggers(trainer: Any) -> Callable[[int, Scalars], None]:
    def track(step: int, scalars: Scalars) -> None:
        for logger in trainer.loggers:
            logger.log_metrics(dict(scalars), step=step)

    return track
