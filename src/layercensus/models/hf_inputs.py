"""How a net of transformers wants its text, pictures or sound: its own tokenizer, processor or feature extractor."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from ..errors import CensusError
from .decoder import with_decoder
from .hf_folder import Place
from .prepare import INTERPOLATIONS, Prepare

LONGEST = 512  # tokens, where the model names no lower limit
SENTENCES = ("What does each layer of a network learn?", "A short one.", "Later layers, or earlier ones?")
PICTURE, SOUND, TEXT = "picture", "sound", "text"
PICTURES = ("pixel_values", "pixel_values_videos")
SOUNDS = ("input_values", "input_features", "input_audio")
SHAPES = ((64, 48), (48, 64))  # of two pictures that show whether a processor gives all the same size


def kinds_of(net: Any, towers: tuple[str, ...]) -> tuple[str, ...]:
    """What a net is given: one of picture, sound and text, or two of them."""
    if towers:
        return tuple({"vision": PICTURE, "audio": SOUND, "text": TEXT}[tower] for tower in towers)
    main = str(getattr(net, "main_input_name", "input_ids"))
    return (PICTURE if main in PICTURES else SOUND if main in SOUNDS else TEXT,)


def prepare_of(kinds: tuple[str, ...], net: Any, place: Place, transformers: Any) -> Prepare:
    """The convention for each of these kinds, in one."""
    parts: dict[str, Any] = {}
    if PICTURE in kinds:
        parts |= _picture(place, transformers)
    if SOUND in kinds:
        parts |= _sound(place, transformers)
    if TEXT in kinds:
        parts |= _text(net, place, transformers)
    if getattr(net.config, "is_encoder_decoder", False):
        parts["decoder_start"] = _start(net.config)
    if len(kinds) > 1 or "decoder_start" in parts:
        parts["input_name"] = "pixel_values" if PICTURE in kinds else _sound_name(net, kinds)
    return Prepare(**parts)


def example_of(prepare: Prepare, net: Any) -> Any:
    """A small input of the kind that a net takes: a tensor, or a dict of them."""
    inputs: dict[str, Tensor] = {}
    examples = 2
    if prepare.tokenizer is not None:
        inputs, examples = dict(prepare.tokenizer(list(SENTENCES), padding=True, return_tensors="pt")), len(SENTENCES)
    random = np.random.default_rng(0)
    if prepare.transform is not None:
        pictures = [Image.fromarray(random.integers(0, 255, (64, 64, 3), dtype=np.uint8)) for _ in range(examples)]
        first = torch.stack([prepare.transform(picture) for picture in pictures])
    elif prepare.sound is not None:
        sounds = [random.standard_normal(prepare.rate or 1).astype(np.float32) for _ in range(examples)]
        first = torch.stack([prepare.sound(sound) for sound in sounds])
    else:
        return with_decoder(inputs, prepare)
    if prepare.input_name is None:
        return first
    return with_decoder(inputs | {prepare.input_name: first}, prepare)


@dataclass(frozen=True)
class ByProcessor:
    """A picture as an image processor prepares it; it can be sent to another process."""

    processor: Any

    def __call__(self, image: Any) -> Tensor:
        return torch.as_tensor(np.asarray(self.processor(images=image, return_tensors="np")["pixel_values"][0]))


@dataclass(frozen=True)
class ByExtractor:
    """Samples as a feature extractor prepares them."""

    extractor: Any
    rate: int
    name: str  # of the net's input

    def __call__(self, samples: Any) -> Tensor:
        samples = np.asarray(samples, dtype=np.float32)
        features = self.extractor(samples, sampling_rate=self.rate, return_tensors="np")
        return torch.as_tensor(np.asarray(features[self.name][0], dtype=np.float32))


def _text(net: Any, place: Place, transformers: Any) -> dict[str, Any]:
    tokenizer = transformers.AutoTokenizer.from_pretrained(place.name, **place.options)
    if tokenizer.pad_token is None:  # as those of generating models; padding is masked whatever it is
        tokenizer.pad_token = tokenizer.eos_token or tokenizer.unk_token
    return {"tokenizer": tokenizer, "max_length": _longest(net, tokenizer, place, transformers)}


def _longest(net: Any, tokenizer: Any, place: Place, transformers: Any) -> int:
    """The most tokens of an input that the sentence encoder's training, the tokenizer and the positions all allow."""
    config = getattr(net.config, "text_config", net.config)
    limits = [LONGEST, tokenizer.model_max_length, getattr(config, "max_position_embeddings", None)]
    limits.append((place.file(transformers, "sentence_bert_config.json") or {}).get("max_seq_length"))
    return min(int(limit) for limit in limits if limit)


def _picture(place: Place, transformers: Any) -> dict[str, Any]:
    processor = _processor(place, transformers)

    transform = ByProcessor(processor)
    pictures = [Image.fromarray(np.zeros((*shape, 3), dtype=np.uint8)) for shape in SHAPES]
    shapes = {tuple(transform(picture).shape) for picture in pictures}
    size = next(iter(shapes))[-2:] if len(shapes) == 1 else None
    mean, std = (getattr(processor, name, None) for name in ("image_mean", "image_std"))
    if not (getattr(processor, "do_normalize", False) and mean and std):
        mean = std = None
    return {
        "size": size, "channels": 3, "transform": transform, "says": _said(processor, size, mean, std),
        "mean": mean and tuple(mean), "std": std and tuple(std),
    }  # fmt: skip


def _processor(place: Place, transformers: Any) -> Any:
    """Its image processor on Pillow, whose numbers do not depend on what else is installed; where it has one."""
    kind = transformers.AutoImageProcessor
    try:
        return kind.from_pretrained(place.name, backend="pil", **place.options)
    except OSError:
        raise
    except Exception:
        return kind.from_pretrained(place.name, **place.options)


def _said(processor: Any, size: tuple[int, ...] | None, mean: Any, std: Any) -> str:
    how = {0: "nearest", 1: "lanczos", 2: "bilinear", 3: "bicubic", 4: "box", 5: "hamming"}
    filter_ = how.get(int(getattr(processor, "resample", None) or 2), INTERPOLATIONS[2])
    steps = ["RGB"]
    if getattr(processor, "do_resize", False):
        edge = dict(processor.size).get("shortest_edge")
        steps.append(f"shorter side resized to {edge} ({filter_})" if edge else f"resized ({filter_})")
    if size:
        steps.append(f"{size[0]} x {size[1]}")
    plain = Prepare(mean=tuple(mean), std=tuple(std)).describe().split(", ")[-1:] if mean else []
    return ", ".join([*steps, *plain]) + f"; by its {type(processor).__name__}"


def _sound(place: Place, transformers: Any) -> dict[str, Any]:
    extractor = transformers.AutoFeatureExtractor.from_pretrained(place.name, **place.options)
    rate, name = int(extractor.sampling_rate), extractor.model_input_names[0]

    return {
        "sound": ByExtractor(extractor, rate, name),
        "rate": rate,
        "says": f"{name} by its {type(extractor).__name__}",
    }


def _sound_name(net: Any, kinds: tuple[str, ...]) -> str | None:
    main = str(getattr(net, "main_input_name", ""))
    return (main if main in SOUNDS else "input_features") if SOUND in kinds else None


def _start(config: Any) -> int:
    text = getattr(config, "decoder", config)
    for name in ("decoder_start_token_id", "bos_token_id", "pad_token_id"):
        value = getattr(config, name, None)
        value = getattr(text, name, None) if value is None else value
        if value is not None:
            return int(value)
    raise CensusError("An encoder-decoder must name the token that its decoder begins with. It does not.")
