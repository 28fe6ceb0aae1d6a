"""A watch as a callback of Keras 3 on torch."""

from __future__ import annotations

from typing import Any

from ..errors import CensusError
from .callback import Watching
from .missing import installed


def keras_callback(data: Any, **watching: Any) -> Any:
    """A callback for `model.fit(callbacks=[...])` of Keras 3 with torch as its backend.

    data, watching: as of `lc.watch`. After the fit its `timeline` is the run's.

    Raises:
        CensusError: keras is not installed, or runs on another backend, or as for `lc.watch` once the fit begins.
    """
    keras = installed("keras", "keras")
    if keras.backend.backend() != "torch":
        raise CensusError(
            f"Keras must run on torch. Got {keras.backend.backend()}. Set KERAS_BACKEND=torch before keras is imported."
        )

    class LayerCensus(Watching, keras.callbacks.Callback):  # type: ignore[misc, name-defined]
        """Begins a watch with the fit, and ends it."""

        def on_train_begin(self, logs: Any = None) -> None:
            self.begin(self.model, int(self.model.optimizer.iterations))

        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            optimiser = self.model.optimizer
            self.stepped(int(optimiser.iterations), float(optimiser.learning_rate))

        def on_train_end(self, logs: Any = None) -> None:
            self.end()

    return LayerCensus(data, watching)
