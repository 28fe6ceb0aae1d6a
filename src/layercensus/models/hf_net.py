"""The net of a transformers folder: which class it is read with, its adapter, its towers."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import nn

from ..errors import CensusError
from .hf_folder import ADAPTER, Place, silent

HEADS = (  # whose answers are few, and kept; what predicts a vocabulary or pixels is read without its head
    "ForImageClassification", "ForImageClassificationWithTeacher", "ForSequenceClassification",
    "ForTokenClassification", "ForAudioClassification", "ForVideoClassification", "ForCTC",
    "ForSemanticSegmentation", "WithProjection",
)  # fmt: skip
TOWERS = ("vision", "text", "audio")


@dataclass(frozen=True)
class Loaded:
    """A net and how to make it anew."""

    net: nn.Module
    make: Callable[[], nn.Module]  # the same architecture, as it initialises itself
    base: Place  # of the net itself, where the folder holds an adapter for it
    about: dict[str, str]
    towers: tuple[str, ...] = ()  # of a net that compares inputs of two kinds


def load_net(place: Place, transformers: Any, tower: str = "") -> Loaded:
    """The net of a folder or the hub. tower: "vision", "text" or "audio" for that part of a net of two alone.

    Raises:
        CensusError: it has no such tower, or an adapter without the package peft.
    """
    adapter = place.file(transformers, ADAPTER)
    base = place if adapter is None else _base(place, adapter)
    config = transformers.AutoConfig.from_pretrained(base.name, **base.options)
    kind, about = _class_of(transformers, config)
    net = kind.from_pretrained(base.name, use_safetensors=True, **base.options)
    without_cache(net)
    own, plain = type(net), copy.deepcopy(net.config)
    if adapter is not None:
        net, about["adapter"] = _adapted(net, place), str(adapter.get("peft_type", "an adapter"))
    towers = tuple(t for t in TOWERS if hasattr(net.config, f"{t}_config") and hasattr(net, f"{t}_model"))
    towers = towers if len(towers) > 1 else ()

    def make() -> nn.Module:
        with silent(transformers):
            return _tower(own._from_config(copy.deepcopy(plain)), tower)

    if tower and tower not in towers:
        raise CensusError(f"{place.called} must have a part named {tower}. Got {', '.join(towers) or 'a net of one'}.")
    return Loaded(_tower(net, tower), make, base, about | ({"tower": tower} if tower else {}), () if tower else towers)


def without_cache(net: nn.Module) -> None:
    """Let a net that generates keep nothing of what it has read: here it reads every example once and whole.

    Some nets do not run without generating but for this (RecurrentGemma), and keys and values of a batch take memory.
    """
    for module in net.modules():
        config: Any = getattr(module, "config", None)
        if hasattr(config, "use_cache"):
            config.use_cache = False


def _tower(net: nn.Module, tower: str) -> nn.Module:
    part: nn.Module = getattr(net, f"{tower}_model") if tower else net
    return part


def _class_of(transformers: Any, config: Any) -> tuple[Any, dict[str, str]]:
    """The class that the folder was saved with where its head is kept, else that of the net without it."""
    saved = next(iter(config.architectures or ()), "")
    if saved.endswith(HEADS) and hasattr(transformers, saved):
        return getattr(transformers, saved), {}
    left = saved if "For" in saved or saved.endswith("HeadModel") else ""
    about = {"head": f"left out of {left}: its answers are the last hidden states"} if left else {}
    return transformers.AutoModel, about


def _base(place: Place, adapter: dict[str, Any]) -> Place:
    """Where the net lies that an adapter was trained for: its own path, or that beside the adapter's folder."""
    name = str(adapter.get("base_model_name_or_path"))
    beside = Path(place.name) / name
    found = next((folder for folder in (Path(name), beside) if folder.is_dir()), None)
    return Place(str(found), True) if found is not None else Place(name, place.offline)


def _adapted(net: nn.Module, place: Place) -> nn.Module:
    """The net with the adapter's weights added to its own."""
    try:
        import peft
    except ModuleNotFoundError as error:
        raise CensusError(f"{place.called} holds an adapter and needs peft: pip install 'layercensus[hf]'") from error
    adapted = peft.PeftModel.from_pretrained(net, place.name, local_files_only=place.offline)
    merged: nn.Module = adapted.merge_and_unload()
    return merged
