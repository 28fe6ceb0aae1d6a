"""The demonstration's net: six convolutions of equal width on 8 x 8 digits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ..progress import tqdm
from .randomness import own_randomness, seeded
from .threads import one_thread

WIDTHS = (32,) * 6
HALVED_AFTER = (2, 4)  # layers after which the maps are halved
EPOCHS = 20
BATCH = 64


class DigitsNet(nn.Module):
    """Convolution, batch norm and ReLU six times, then the mean over the map and the class layer."""

    def __init__(self, widths: Sequence[int] = WIDTHS, classes: int = 10) -> None:
        super().__init__()
        incoming = (1, *widths[:-1])
        self.conv = nn.ModuleList(
            nn.Conv2d(a, b, 3, padding=1, bias=False) for a, b in zip(incoming, widths, strict=True)
        )
        self.norm = nn.ModuleList(nn.BatchNorm2d(w) for w in widths)
        self.act = nn.ModuleList(nn.ReLU() for _ in widths)
        self.pool = nn.MaxPool2d(2)
        self.out = nn.Linear(widths[-1], classes)

    def forward(self, x: Tensor) -> Tensor:
        """(examples, 1, 8, 8) in 0..1 -> (examples, classes)."""
        for number, (conv, norm, act) in enumerate(zip(self.conv, self.norm, self.act, strict=True), 1):
            x = act(norm(conv(x)))
            x = self.pool(x) if number in HALVED_AFTER else x
        return self.out(x.mean((2, 3)))  # type: ignore[no-any-return]


def factory(seed: int = 0, widths: Sequence[int] = WIDTHS) -> nn.Module:
    """The untrained net."""
    return seeded(lambda: DigitsNet(widths))(seed)


def fit(
    seed: int, data: Split, *, widths: Sequence[int] = WIDTHS, epochs: int = EPOCHS, progress: bool = False
) -> tuple[nn.Module, float]:
    """A trained net and its accuracy on the held-out digits, 0..1; the same for the same seed.

    Adam with a one-cycle rate, small shifts of the digits as the only augmentation. Some seven seconds on one thread:
    on maps this small a second thread saves next to nothing, stalls on a busy machine, and rounds differently.
    """
    with own_randomness(seed), one_thread():
        net = DigitsNet(widths)
        _fit(net, data, epochs, f"training run {seed}" if progress else None)
        return net.eval(), _accuracy(net, data)


@dataclass(frozen=True)
class Split:
    """Digits with their classes, and which rows are trained on and which are held out."""

    images: Tensor  # (examples, 1, 8, 8) float32 in 0..1
    labels: Tensor  # (examples,) int64
    training: Tensor  # (rows,) int64
    held_out: Tensor  # (rows,) int64


def _fit(net: nn.Module, data: Split, epochs: int, title: str | None) -> None:
    steps = len(data.training) // BATCH
    optimiser = torch.optim.Adam(net.parameters(), 3e-3)
    rate = torch.optim.lr_scheduler.OneCycleLR(optimiser, 1e-2, total_steps=epochs * steps)
    with tqdm(total=epochs * steps, desc=title, unit="step", disable=title is None) as bar:
        for _ in range(epochs):
            for chosen in data.training[torch.randperm(len(data.training))].split(BATCH)[:steps]:  # type: ignore[no-untyped-call]
                optimiser.zero_grad()
                logits = net(_shifted(data.images[chosen]))
                nn.functional.cross_entropy(logits, data.labels[chosen], label_smoothing=0.05).backward()  # type: ignore[no-untyped-call]
                optimiser.step()
                rate.step()
                bar.update()


def _accuracy(net: nn.Module, data: Split) -> float:
    with torch.inference_mode():
        predicted = net(data.images[data.held_out]).argmax(1)
        return float((predicted == data.labels[data.held_out]).double().mean())


def _shifted(x: Tensor) -> Tensor:
    """The batch moved by up to one pixel either way."""
    down, right = (int(v) for v in torch.randint(-1, 2, (2,)))
    padded = nn.functional.pad(x, (1, 1, 1, 1))
    return padded[:, :, 1 + down : 9 + down, 1 + right : 9 + right]
