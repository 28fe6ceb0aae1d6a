"""The scalars of a watch in MLflow."""

from __future__ import annotations

import re

from .missing import installed
from .scalars import Scalars, Tracker


def to_mlflow(run_id: str | None = None) -> Tracker:
    """A tracker that logs metrics to a run of MLflow; None: the active one, which MLflow begins where there is none.

    Signs in layers' names that MLflow does not allow, as in act@1, become an underscore.

    Raises:
        CensusError: mlflow is not installed.
    """
    mlflow = installed("mlflow", "mlflow")

    def track(step: int, scalars: Scalars) -> None:
        allowed = {re.sub(r"[^\w\-. /]", "_", name): value for name, value in scalars.items()}
        mlflow.log_metrics(allowed, step=step, run_id=run_id)

    return track
