"""A text encoder of the transformers library, from a folder or, because the user named it, from the hub."""

from __future__ import annotations

import contextlib
import copy
import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ..errors import CensusError, first_line
from .model import Model
from .prepare import Prepare
from .randomness import own_randomness, seeded

LONGEST = 512  # tokens, where the model names no lower limit
SENTENCES = ("What does each layer of a network learn?", "A short one.", "Later layers, or earlier ones?")


def open_hugging_face(name: str) -> Model:
    """The encoder and its tokenizer; a folder is read offline. Only safetensors are read; no code of the model runs.

    Raises:
        CensusError: when transformers is missing, or the folder or name holds no such model.
    """
    try:
        import transformers
    except ModuleNotFoundError as error:
        raise CensusError("hf: needs transformers: pip install 'layercensus[text]'") from error
    offline = Path(name).is_dir()
    if not offline and (name.startswith((".", "/", "~")) or name.count("/") > 1):
        raise CensusError(f"hf:{name} must be a folder or the name of a model on the hub. Got no such folder.")
    where: dict[str, Any] = {"local_files_only": offline, "trust_remote_code": False}
    try:
        with _silent(transformers), own_randomness(0):
            net = transformers.AutoModel.from_pretrained(name, use_safetensors=True, **where)
            tokenizer = transformers.AutoTokenizer.from_pretrained(name, **where)
            longest = _longest(name, transformers, net, tokenizer, offline)
    except Exception as error:
        what = "" if offline else "there is no such folder, and the hub did not give it. "
        raise CensusError(f"hf:{name} cannot be loaded: {what}{first_line(error)}") from error
    if tokenizer.pad_token is None:  # as those of generating models; padding is masked whatever it is
        tokenizer.pad_token = tokenizer.eos_token or tokenizer.unk_token
    return Model(
        net,
        f"hf:{Path(name).resolve().name if offline else name}",
        fresh=seeded(lambda: _from_config(transformers, net.config)),
        prepare=Prepare(tokenizer=tokenizer, max_length=longest),
        example=lambda: dict(tokenizer(list(SENTENCES), padding=True, return_tensors="pt")),
        about={"weights from": "a folder" if offline else "the hub"},
    )


def _from_config(transformers: Any, config: Any) -> Any:
    with _silent(transformers):
        return transformers.AutoModel.from_config(copy.deepcopy(config))


def _longest(name: str, transformers: Any, net: Any, tokenizer: Any, offline: bool) -> int:
    """The most tokens of an input that the sentence encoder's training, the tokenizer and the positions all allow."""
    limits = [LONGEST, tokenizer.model_max_length, getattr(net.config, "max_position_embeddings", None)]
    with contextlib.suppress(OSError, ValueError):
        file = transformers.utils.cached_file(name, "sentence_bert_config.json", local_files_only=offline)
        limits.append(json.loads(Path(file).read_text("utf-8")).get("max_seq_length"))
    return min(int(limit) for limit in limits if limit)


@contextlib.contextmanager
def _silent(transformers: Any) -> Iterator[None]:
    talk = transformers.utils.logging
    level, bars = talk.get_verbosity(), talk.is_progress_bar_enabled()
    hub = logging.getLogger("huggingface_hub")
    hub_level = hub.level
    talk.set_verbosity(logging.CRITICAL)
    hub.setLevel(logging.CRITICAL)
    talk.disable_progress_bar()
    try:
        yield
    finally:
        talk.set_verbosity(level)
        hub.setLevel(hub_level)
        if bars:
            talk.enable_progress_bar()
