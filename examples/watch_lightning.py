"""A digits net trained by Lightning and counted while it trains.

python watch_lightning.py --steps 200 --out watched
"""

from __future__ import annotations

import argparse
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

from layercensus.data.digits import Digits
from layercensus.models.digits import factory
from layercensus.watch.lightning import lightning_callback


def train(steps: int, every: int) -> Any:
    """The timeline of so many steps; in so short a run everything is read, whatever it costs."""
    import lightning.pytorch as pl

    class Classifier(pl.LightningModule):
        def __init__(self) -> None:
            super().__init__()
            self.net = factory(0)

        def forward(self, x: Tensor) -> Any:
            return self.net(x)

        def training_step(self, batch: Any, number: int) -> Tensor:
            return nn.functional.cross_entropy(self(batch[0]), batch[1])

        def configure_optimizers(self) -> torch.optim.Optimizer:
            return torch.optim.Adam(self.parameters(), 3e-3)

    digits = Digits()
    loader = DataLoader(TensorDataset(digits.images, digits.labels), 64, shuffle=True)
    callback = lightning_callback(digits.images, every=every, budget=None)
    pl.Trainer(
        max_steps=steps, callbacks=[callback], accelerator="cpu", logger=False, enable_checkpointing=False,
        enable_progress_bar=False,
    ).fit(Classifier(), loader)  # fmt: skip
    return callback.timeline


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=400)
    parser.add_argument("--every", type=int, default=50)
    parser.add_argument("--out", default="watched")
    given = parser.parse_args()
    timeline = train(given.steps, given.every)
    print(timeline, timeline.report(given.out), sep="\n")
