"""A net of the transformers library, from a folder or, because the user named it, from the hub."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from ..errors import CensusError, first_line
from .hf_folder import Place, inner_folder, place_of, silent
from .hf_inputs import TEXT, example_of, kinds_of, prepare_of
from .hf_net import TOWERS, Loaded, load_net
from .model import Model
from .prepare import Prepare
from .randomness import own_randomness, seeded


def open_hugging_face(text: str) -> Model:
    """The net and its tokenizer, image processor or feature extractor; a folder is read offline.

    Only safetensors are read; no code of the model runs. Heads that classify are kept, those that predict a vocabulary
    left out. A net that compares pictures (or sounds) with texts, such as CLIP, takes both; NAME:vision, NAME:text and
    NAME:audio are its parts. An adapter (PEFT) is added to the weights of the net that it names.

    Raises:
        CensusError: when transformers is missing, or the folder or name holds no such model.
    """
    try:
        import transformers
    except ModuleNotFoundError as error:
        raise CensusError("hf: needs transformers: pip install 'layercensus[hf]'") from error
    name, _, tower = text.rpartition(":") if text.rpartition(":")[2] in TOWERS else (text, "", "")
    place = place_of(name)
    try:
        with silent(transformers), own_randomness(0):
            inner, left = inner_folder(place, transformers)
            loaded = load_net(inner, transformers, tower)
            prepare = _prepared(loaded, inner, transformers, tower)
    except CensusError:
        raise
    except Exception as error:
        what = "" if place.offline else "there is no such folder, and the hub did not give it. "
        local = "" if place.offline else ". Give the folder of a model that is on this machine: hf:FOLDER"
        raise CensusError(f"hf:{name} cannot be loaded: {what}{first_line(error).rstrip('.')}{local}") from error
    return Model(
        loaded.net,
        place.called + (f":{tower}" if tower else ""),
        fresh=seeded(loaded.make),
        prepare=prepare,
        classes=_classes(loaded.net),
        example=lambda: example_of(prepare, loaded.net),
        about={"weights from": "a folder" if place.offline else "the hub"} | loaded.about
        | ({"behind": left} if left else {}),
    )  # fmt: skip


def _prepared(loaded: Loaded, place: Place, transformers: Any, tower: str) -> Prepare:
    kinds = kinds_of(loaded.net, (tower,) if tower else loaded.towers)
    try:
        return _of_the_first(list(dict.fromkeys([place, loaded.base])), kinds, loaded.net, transformers)
    except OSError as error:
        if kinds == (TEXT,):
            raise
        raise CensusError(
            f"{place.called} must say how its inputs are prepared (preprocessor_config.json). "
            f"It does not: {first_line(error)}"
        ) from error


def _of_the_first(places: list[Place], kinds: tuple[str, ...], net: Any, transformers: Any) -> Prepare:
    """What the first of these places says: the folder of an adapter need not hold a tokenizer."""
    for place in places[:-1]:
        with suppress(Exception):
            return prepare_of(kinds, net, place, transformers)
    return prepare_of(kinds, net, places[-1], transformers)


def _classes(net: Any) -> tuple[str, ...] | None:
    """The names of a classifier's classes, where its configuration names them."""
    names = getattr(net.config, "id2label", None) or {}
    own = "Classification" in type(net).__name__
    if not own or not names or all(str(name).startswith("LABEL_") for name in names.values()):
        return None
    return tuple(str(names[number]) for number in sorted(names))
