"""Whole files of every kind that is read, made once, and what reads them."""

from __future__ import annotations

import contextlib
import io
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn

import layercensus as lc
from layercensus.cli.app import main
from layercensus.data.open import open_data
from layercensus.models.prepare import Prepare
from layercensus.visualise.priors import load_prior, train_prior

ENDINGS = (
    "png", "jpg", "gif", "bmp", "tif", "webp", "ppm", "tga", "ico", "jp2", "pcx", "sgi", "dds", "im", "msp", "xbm",
    "dib", "icns", "eps", "mpo",
)  # fmt: skip
QUICK = {"progress": False, "panel": 16, "resamples": 20, "twins": 1, "pictures": 4, "checkpoint": 0.0}


class Words:
    """A tokenizer of letters."""

    def __call__(self, lines: Sequence[str], **more: Any) -> dict[str, list[list[int]]]:
        return {"input_ids": [[1 + ord(letter) % 90 for letter in line[:20]] for line in lines]}


class Stopping(nn.Module):
    """A net that is interrupted once."""

    def __init__(self, after: int) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.net, self.after = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2)), after

    def forward(self, x: Tensor) -> Tensor:
        self.after -= 1
        if self.after == 0:
            raise KeyboardInterrupt
        return self.net(x)


X = torch.randn(24, 3, generator=torch.Generator().manual_seed(0))


@dataclass(frozen=True)
class Kind:
    """Files of one kind: where their whole ones lie, and what is done with damaged ones."""

    name: str
    folder: str
    read: Callable[[Path], object]
    weight: int  # how often among the inputs
    draws: bool = False  # charts, by an engine that reserves more addresses than any limit allows


def make(root: Path) -> None:
    """Every kind of file, whole."""
    torch.set_num_threads(1)
    net = Stopping(-1)
    lc.take(net, X, settings=lc.Settings(**QUICK)).save(root / "census" / "one")
    for number in (1, 2):
        lc.take(net, X, settings=lc.Settings(**QUICK, shard=(number, 2), out=root / "shards" / str(number)))
    with contextlib.suppress(KeyboardInterrupt):
        lc.take(Stopping(14), X, twin=False, settings=lc.Settings(**QUICK, batch=4, out=root / "resume" / "one"))
    assert (root / "resume" / "one" / "counting").is_dir()
    rng = np.random.default_rng(0)
    (root / "arrays").mkdir()
    np.savez(root / "arrays" / "a.npz", x=rng.normal(size=(6, 3)), y=np.arange(6) % 2)
    np.savez_compressed(root / "arrays" / "b.npz", inputs=rng.integers(0, 255, (6, 1, 4, 4), dtype=np.uint8))
    np.save(root / "arrays" / "c.npy", rng.normal(size=(6, 3)).astype(np.float32))
    (root / "pictures").mkdir()
    for ending in ENDINGS:
        with contextlib.suppress(OSError, ValueError, KeyError), warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            side = 32 if ending in ("icns", "ico") else 12
            image = Image.fromarray(rng.integers(0, 255, (side, side, 3), dtype=np.uint8))
            image.convert("1" if ending in ("xbm", "msp") else "RGB").save(root / "pictures" / f"a.{ending}")
    (root / "texts").mkdir()
    (root / "texts" / "a.txt").write_text("one line\nanother, longer line\n\nünïcödé\n" * 3, "utf-8")
    (root / "priors").mkdir()
    train_prior(open_data("digits"), steps=2, progress=False).save(root / "priors" / "a.safetensors")


def _census(folder: Path) -> object:
    census = lc.load(folder / "one")
    return census.layers.shape, census.units.shape, census.about, census.findings


def _shown(folder: Path) -> object:
    return str(lc.load(folder / "one"))


def _resumed(folder: Path) -> object:
    settings = lc.Settings(**QUICK, batch=4, out=folder / "one", resume=True)
    return lc.take(Stopping(-1), X, twin=False, settings=settings)


def _merged(folder: Path) -> object:
    return lc.merge([folder / "1", folder / "2"], progress=False)


def _batches(data: str, **more: Any) -> object:
    return [batch.ids for batch in open_data(data, **more).batches(4)]


def _arrays(folder: Path) -> object:
    return [_batches(f"npz:{file}") for file in sorted(folder.iterdir())]


def _pictures(folder: Path) -> object:
    return _batches(f"images:{folder}", prepare=Prepare(size=(8, 8), channels=3))


def _texts(folder: Path) -> object:
    return _batches(f"text:{folder / 'a.txt'}", prepare=Prepare(tokenizer=Words()))


def _priors(folder: Path) -> object:
    return load_prior(folder / "a.safetensors")


def _command(words: Callable[[Path], list[str]]) -> Callable[[Path], object]:
    def run(folder: Path) -> object:
        errors = io.StringIO()
        with contextlib.redirect_stderr(errors), contextlib.redirect_stdout(io.StringIO()):
            code = main(words(folder))
        lines = errors.getvalue().strip().split("\n")
        if code == 2 and len(lines) == 1 and lines[0]:
            raise lc.CensusError(lines[0])
        assert code == 0, (code, lines[:5])
        return code

    return run


def _merge_words(folder: Path) -> list[str]:
    return ["merge", str(folder / "1"), str(folder / "2"), "--out", str(folder / "fresh")]


KINDS: Mapping[str, Kind] = {
    kind.name: kind
    for kind in (
        Kind("census", "census", _census, 24),
        Kind("shown", "census", _shown, 4),
        Kind("resume", "resume", _resumed, 5),
        Kind("merge", "shards", _merged, 2),
        Kind("arrays", "arrays", _arrays, 24),
        Kind("pictures", "pictures", _pictures, 20),
        Kind("texts", "texts", _texts, 8),
        Kind("priors", "priors", _priors, 12),
        Kind("diff", "census", _command(lambda f: ["diff", str(f / "one"), str(f / "one")]), 1),
        Kind("report", "census", _command(lambda f: ["report", str(f / "one"), "--quiet"]), 0, True),
        Kind("merging", "shards", _command(_merge_words), 0, True),
    )
}
