"""A text encoder of the transformers library, from a folder or, because the user named it, from the hub."""

from __future__ import annotations

import contextlib
import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ..errors import CensusError
from .open import Model, seeded
from .prepare import Prepare

LONGEST = 512  # tokens, where the model names no limit of its own
SENTENCES = ("What does each layer of a network learn?", "A short one.", "Later layers, or earlier ones?")


def open_hugging_face(name: str) -> Model:
    """The encoder and its tokenizer; a folder is read offline. Weights are read from safetensors alone.

    Raises:
        CensusError: when transformers is missing, or the folder or name holds no such model.
    """
    try:
        import transformers
    except ModuleNotFoundError as error:
        raise CensusError("hf: needs transformers. Install it: pip install 'layercensus[text]'") from error
    offline = Path(name).is_dir()
    if not offline and (name.startswith((".", "/")) or name.count("/") > 1):
        raise CensusError(f"{name} must be a folder with a model. Got none.")
    try:
        with _silent(transformers):
            net = transformers.AutoModel.from_pretrained(name, local_files_only=offline, use_safetensors=True)
            tokenizer = transformers.AutoTokenizer.from_pretrained(name, local_files_only=offline)
    except Exception as error:
        first = next((line for line in str(error).splitlines() if line.strip()), type(error).__name__)
        raise CensusError(f"hf:{name} cannot be loaded: {first[:200]}") from error
    prepare = Prepare(tokenizer=tokenizer, max_length=_longest(name, tokenizer))
    return Model(
        net,
        f"hf:{Path(name).name if offline else name}",
        fresh=seeded(lambda: transformers.AutoModel.from_config(net.config)),
        prepare=prepare,
        example=lambda: dict(tokenizer(list(SENTENCES), padding=True, return_tensors="pt")),
        about={"weights from": "a folder" if offline else "the hub"},
    )


def _longest(name: str, tokenizer: Any) -> int:
    with contextlib.suppress(OSError, ValueError, KeyError):
        return int(json.loads((Path(name) / "sentence_bert_config.json").read_text())["max_seq_length"])
    return min(int(tokenizer.model_max_length), LONGEST)


@contextlib.contextmanager
def _silent(transformers: Any) -> Iterator[None]:
    talk = transformers.utils.logging
    level, bars = talk.get_verbosity(), talk.is_progress_bar_enabled()
    talk.set_verbosity(logging.CRITICAL)
    talk.disable_progress_bar()
    try:
        yield
    finally:
        talk.set_verbosity(level)
        if bars:
            talk.enable_progress_bar()
