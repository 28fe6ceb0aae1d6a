"""Learned priors: a small autoencoder of the given images, as generator of images and as denoiser of them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from safetensors import safe_open
from safetensors.torch import save
from torch import Tensor, nn

from ..data.files import write_bytes
from ..data.source import Source
from ..errors import CensusError
from ..layers.torch_state import neutral
from ..models.randomness import own_randomness
from ..progress import tqdm
from .input_space import InputSpace, images_of, input_space_of
from .responses import chosen_ids, read_examples
from .rng import Rng

SIDE = 64  # the most pixels a side that the prior works at; larger images are scaled
CODE = 64  # numbers of an image's code
EXAMPLES = 2048
FEWEST = 16  # images that a prior can be trained on
STEPS, BATCH, RATE = 1500, 32, 1e-3
NOISE = 0.25  # standard deviation of what the denoiser takes away, on 0..1


class Autoencoder(nn.Module):
    """Images (n, channels, h, w) of 0..1 -> codes (n, CODE) -> images; h and w are multiples of 8."""

    def __init__(self, channels: int, side: tuple[int, int], width: int = 32) -> None:
        super().__init__()
        self.small = (side[0] // 8, side[1] // 8)
        cells = self.small[0] * self.small[1]
        widths = (width, 2 * width, 4 * width)
        self.encode = nn.Sequential(
            *(
                part
                for before, after in zip((channels, *widths[:-1]), widths, strict=True)
                for part in (nn.Conv2d(before, after, 4, 2, 1), nn.GroupNorm(8, after), nn.SiLU())
            ),
            nn.Flatten(),
            nn.Linear(widths[-1] * cells, CODE),
            nn.LayerNorm(CODE, elementwise_affine=False),  # codes of unit variance, for the generator to start from
        )
        self.spread = nn.Linear(CODE, widths[-1] * cells)
        self.decode = nn.Sequential(
            *(
                part
                for before, after in zip(widths[::-1], (*widths[-2::-1], width), strict=True)
                for part in (
                    nn.Upsample(scale_factor=2, mode="nearest"), nn.Conv2d(before, after, 3, 1, 1),
                    nn.GroupNorm(8, after), nn.SiLU(),
                )
            ),
            nn.Conv2d(width, channels, 3, 1, 1),
        )  # fmt: skip

    def generate(self, code: Tensor) -> Tensor:
        """Images of codes."""
        return torch.sigmoid(self.decode(self.spread(code).unflatten(1, (-1, *self.small))))

    def forward(self, x: Tensor) -> Tensor:
        return self.generate(self.encode(x))


@dataclass(frozen=True)
class Prior:
    """A trained autoencoder and where it is from."""

    net: Autoencoder
    channels: int
    side: tuple[int, int]
    about: dict[str, object]

    def generated(self, code: Tensor, side: tuple[int, int]) -> Tensor:
        """Images of a size from codes."""
        x = self.net.generate(code)
        return x if x.shape[-2:] == side else F.interpolate(x, size=side, mode="bilinear", align_corners=False)

    def denoised(self, x: Tensor) -> Tensor:
        """Images without what the data's images do not have."""
        small = F.interpolate(x, size=self.side, mode="bilinear", align_corners=False, antialias=True)
        change = self.net(small) - small
        return x + F.interpolate(change, size=x.shape[-2:], mode="bilinear", align_corners=False)

    def save(self, file: str | Path) -> None:
        """Keep it as a file, whole or not at all.

        Raises:
            CensusError: the file cannot be written, or the disk is full.
        """
        head = json.dumps({"channels": self.channels, "side": self.side, "about": self.about})
        state = {name: value.contiguous() for name, value in self.net.state_dict().items()}
        write_bytes(Path(file), save(state, metadata={"layercensus-prior": head}))


def load_prior(file: str | Path) -> Prior:
    """The prior in a file, which `Prior.save` or `layercensus prior` wrote.

    Raises:
        CensusError: there is none in it.

    >>> import tempfile
    >>> from layercensus.data.open import open_data
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     train_prior(open_data("digits"), steps=3, progress=False).save(f"{folder}/prior.safetensors")
    ...     load_prior(f"{folder}/prior.safetensors").side
    (8, 8)
    """
    try:
        with safe_open(str(file), "pt") as opened:
            head = json.loads((opened.metadata() or {})["layercensus-prior"])
            state = {name: opened.get_tensor(name) for name in opened.keys()}  # noqa: SIM118 - not a dict
        return _prior(head, state)
    except Exception as error:  # whatever the wrong words in the place of others lead to
        raise CensusError(f"prior must be a file that train_prior(data).save(FILE) makes. Got {file}.") from error


def _prior(head: dict[str, Any], state: dict[str, Tensor]) -> Prior:
    side = (int(head["side"][0]), int(head["side"][1]))
    net = Autoencoder(head["channels"], side)
    net.load_state_dict(state)
    return Prior(net.eval().requires_grad_(False), head["channels"], side, dict(head["about"]))


@neutral()
def train_prior(source: Source, *, seed: int = 0, steps: int = STEPS, progress: bool = True) -> Prior:
    """An autoencoder that takes noise off the given images, at SIDE pixels a side at most.

    Adam on the mean squared error; half of each batch is noisy, with up to NOISE. Some minutes on a laptop at 64
    pixels, seconds at 8.

    Raises:
        CensusError: the data are no images, or too few.

    >>> from layercensus.data.open import open_data
    >>> prior = train_prior(open_data("digits"), steps=3, progress=False)
    >>> prior.channels, prior.side, prior.about["images"]
    (1, (8, 8), 1797)
    """
    batches = read_examples(source, chosen_ids(source, EXAMPLES), EXAMPLES)
    space = input_space_of(source, batches)
    x = space.from_net(images_of(source, batches)).clamp(0, 1)
    if len(x) < FEWEST:
        raise CensusError(f"A prior must be trained on at least {FEWEST} images. Got {len(x)}.")
    side = _side(space.shape[1:])
    x = F.interpolate(x, size=side, mode="bilinear", align_corners=False, antialias=True)
    variance = max(float(x.var(0).mean()), 1e-12)
    with own_randomness(seed):
        net = Autoencoder(space.shape[0], side)
        optimiser = torch.optim.Adam(net.parameters(), RATE)
        rate = torch.optim.lr_scheduler.OneCycleLR(optimiser, 4 * RATE, total_steps=steps)
        loss = torch.zeros(())
        for _ in tqdm(range(steps), desc="training prior", unit="step", disable=not progress):
            chosen = x[torch.randint(len(x), (BATCH,))]
            noise = torch.rand(BATCH, 1, 1, 1) * NOISE * (torch.arange(BATCH) % 2).view(-1, 1, 1, 1)
            loss = F.mse_loss(net(chosen + noise * torch.randn_like(chosen)), chosen)
            optimiser.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimiser.step()
            rate.step()
    about = {
        "data": source.name,
        "images": len(x),
        "steps": steps,
        "seed": seed,
        "unexplained": float(loss.detach()) / variance,
    }
    return Prior(net.eval().requires_grad_(False), space.shape[0], side, about)


def _side(side: tuple[int, int]) -> tuple[int, int]:
    scale = min(1.0, SIDE / max(side))
    return max(8, round(side[0] * scale / 8) * 8), max(8, round(side[1] * scale / 8) * 8)


class Code:
    """Codes of a generator, no longer than codes of images are (Nguyen et al. 2016a, within their range)."""

    def __init__(self, rng: Rng, space: InputSpace, prior: Prior) -> None:
        self._prior, self._side = prior, space.shape[1:]
        self.tensors = [rng.normal(CODE).requires_grad_(True)]

    def images(self) -> Tensor:
        return self._prior.generated(self.tensors[0], self._side)

    def advance(self) -> None:
        code = self.tensors[0]
        code.mul_((CODE**0.5 / code.norm(dim=1, keepdim=True)).clamp(max=1))
