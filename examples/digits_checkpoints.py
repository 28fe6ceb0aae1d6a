"""Training runs of the digits net with checkpoints on the way, for `layercensus timeline`.

python digits_checkpoints.py runs --seeds 3
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file
from torch import nn

from layercensus.data.digits import Digits, split
from layercensus.models.digits import EPOCHS, DigitsNet, Split, _fit
from layercensus.models.randomness import own_randomness
from layercensus.models.threads import one_thread
from layercensus.watch.optimiser_steps import on_steps

STEPS = (0, 10, 20, 40, 80, 160, 320, 440)


def train(seed: int, folder: Path, epochs: int) -> None:
    """One run, whose weights at each of STEPS are in the folder."""
    digits, done = Digits(), 0
    labels = torch.as_tensor(np.asarray(digits.labels)).long()
    folder.mkdir(parents=True, exist_ok=True)
    with own_randomness(seed), one_thread():
        net = DigitsNet()
        save(net, folder, done)

        def stepped(rate: float | None) -> None:
            nonlocal done
            done += 1
            if done in STEPS:
                save(net, folder, done)

        end = on_steps(net, stepped)
        _fit(net, Split(digits.images, labels, *split()), epochs, None)
        end()


def save(net: nn.Module, folder: Path, step: int) -> None:
    save_file({name: x.contiguous() for name, x in net.state_dict().items()}, folder / f"step-{step}.safetensors")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=EPOCHS)
    given = parser.parse_args()
    for seed in range(given.seeds):
        train(seed, given.folder / f"run{seed}", given.epochs)
