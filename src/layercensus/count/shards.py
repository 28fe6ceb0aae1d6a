"""Shares of one data set counted apart, on several machines or one after the other, and merged into one census."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from ..census.census import Census
from ..census.summarise import summarise
from ..errors import CensusError
from ..layers.layer import Layer, View
from ..settings import Settings
from ..tally import Streams
from .read_batch import Net
from .store import Spool

if TYPE_CHECKING:
    from .plan import Plan

Head = dict[str, Any]


def keep_share(
    spool: Spool, plan: Plan, about: Head, classes: Sequence[str] | None, held: Mapping[str, Tensor]
) -> None:
    """Write beside the checkpoints what a later `merge` needs and only the count knows."""
    head = {
        "about": about,
        "classes": list(classes) if classes else None,
        "spread": {name: value.tolist() for name, value in held.items()},
        "nets": {net.name: [asdict(layer) for layer in net.layers] for net in plan.nets},
    }
    spool.share_file.write_text(json.dumps(head, ensure_ascii=False), "utf-8")


def merge(folders: Sequence[str | Path], *, out: str | Path | None = None, progress: bool = True) -> Census:
    """The census of all the data from the census folders of its shares, equal to one that counted everything at once.

    folders: the `out` of every share, in any order; they are left as they are. out: where to save the census.

    Raises:
        CensusError: when a share is missing, given twice, unfinished, or of another count.
    """
    shares = [_opened(Path(folder)) for folder in folders]
    spools = [spool for spool, _ in shares]
    heads = [head for _, head in shares]
    _check(folders, spools, heads)
    settings = _settings(heads[0]["about"], out, progress)
    nets = [Net(name, nn.Identity(), tuple(map(_layer, layers))) for name, layers in heads[0]["nets"].items()]
    if out is not None and any(Path(out).resolve() == Path(folder).resolve() for folder in folders):
        raise CensusError(f"out must be another folder than those of the shares. Got {out}.")
    with _folder(out) as folder:
        whole = Spool.start(folder, spools[0].about | {"share": None}, resume=False)
        _join(whole, spools, nets)
        classes = max((head["classes"] or [] for head in heads), key=len) or None
        held = {name: torch.tensor(values, dtype=torch.float64) for name, values in heads[0]["spread"].items()}
        census = Census.of(
            summarise(whole, nets, classes, _about(heads, whole), settings, heads[0]["about"]["seed"], held)
        )
        if out is not None:
            census.save(out)
    return census


def _opened(folder: Path) -> tuple[Spool, Head]:
    file = folder / "counting" / "share.json"
    if not file.is_file():
        raise CensusError(f"{folder} must hold a counted share (layercensus run ... --share 1/4). Got none.")
    try:
        head: Head = json.loads(file.read_text("utf-8"))
    except ValueError as error:
        raise CensusError(f"{file} is damaged ({error}). Count this share again.") from error
    return Spool.open(file.parent), head


def _check(folders: Sequence[str | Path], spools: Sequence[Spool], heads: Sequence[Head]) -> None:
    if not heads:
        raise CensusError("merge must be given the folder of every share. Got none.")
    for folder, spool in zip(folders, spools, strict=True):
        differing = [n for n in spool.about if n != "share" and spool.about[n] != spools[0].about.get(n)]
        if differing:
            raise CensusError(
                f"{folder} must be a share of the same count. Got one with another {', '.join(differing)}."
            )
    shares = heads[0]["about"]["share"][1]
    numbers = [head["about"]["share"] for head in heads]
    if sorted(numbers) != [[number, shares] for number in range(1, shares + 1)]:
        given = ", ".join(f"{number}/{of}" for number, of in sorted(numbers))
        raise CensusError(f"merge must be given each of the {shares} shares once. Got {given}.")


def _join(whole: Spool, spools: Sequence[Spool], nets: Sequence[Net]) -> None:
    places = [(net.name, layer.name) for net in nets for layer in net.layers]
    total: dict[str, Streams] = {}
    for spool in spools:
        for (net, layer), streams in zip(places, spool.many_streams(places), strict=True):
            if streams is not None and f"{net}|{layer}" in total:
                total[f"{net}|{layer}"].merge(streams)
            elif streams is not None:
                total[f"{net}|{layer}"] = streams
        whole.take_in(spool, total)


def _about(heads: Sequence[Head], whole: Spool) -> Head:
    about = {name: value for name, value in heads[0]["about"].items() if name != "share"}
    skipped = [head["about"]["data"]["skipped"] for head in heads if "skipped" in head["about"]["data"]]
    data = {name: value for name, value in about["data"].items() if name != "skipped"}
    if skipped:
        data["skipped"] = "; ".join(skipped)
    names = sorted({head["about"]["memory_format"]["name"] for head in heads})
    run = {"name": " and ".join(names), "seconds": {}}
    unfit = {"mask_unfit": list(whole.unmasked)} if whole.unmasked else {}
    return about | {"data": data, "memory_format": run, "shares": len(heads)} | unfit | whole.counted()


def _settings(about: Head, out: str | Path | None, progress: bool) -> Settings:
    return replace(Settings(**about["settings"]), out=out, progress=progress)


def _layer(held: dict[str, Any]) -> Layer:
    lists = {name: tuple(value) for name, value in held.items() if isinstance(value, list)}
    view = held["view"] | {"join": tuple(held["view"]["join"])}
    return Layer(**(held | lists | {"view": View(**view)}))


@contextmanager
def _folder(out: str | Path | None) -> Iterator[Path]:
    if out is not None:
        merging = Path(out) / "merging"
        shutil.rmtree(merging, ignore_errors=True)  # what an interrupted merge has left
        try:
            yield merging
        finally:
            shutil.rmtree(merging, ignore_errors=True)
        return
    with tempfile.TemporaryDirectory(prefix="layercensus-") as folder:
        yield Path(folder)
