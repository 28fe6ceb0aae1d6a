"""Weights from files into a net: data alone, no code of theirs runs."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from ..errors import CensusError, first_line, some_of
from .exported import exported_weights

INDEX = "*.index.json"
NESTED = ("state_dict", "model_state_dict", "model", "module", "net", "weights", "params")
WRAPPERS = ("_orig_mod.", "module.")  # what torch.compile and DataParallel put before every name
State = dict[str, Tensor]


def load_state(net: nn.Module, file: Path, what: str) -> None:
    """Put the weights of a file or folder into a net. what: the net, for the message.

    Raises:
        CensusError: no such file, or weights that do not fit: which are missing, left over or of another shape.
    """
    state = _named_as(net, read_state(file))
    own = net.state_dict()
    problems = [
        ("missing", [name for name in own if name not in state]),
        ("left over", [name for name in state if name not in own]),
        ("of another shape", [_shapes(n, own[n], state[n]) for n in state if n in own and _differ(own[n], state[n])]),
    ]
    said = "; ".join(f"{word}: {some_of(names)}" for word, names in problems if names)
    if said:
        raise CensusError(f"The weights in {file} must fit {what}. Got others: {said}.")
    net.load_state_dict(state)


def read_state(file: Path) -> State:
    """The tensors of a .safetensors file, a state dict that torch saved, a net that it exported, or a folder, by name.

    Raises:
        CensusError: it cannot be read, or holds anything but tensors.
    """
    if not file.exists():
        raise CensusError(f"Weights must be a file or a folder. Got {file}, which is not there.")
    try:
        if file.is_dir():
            return _folder(file)
        if file.suffix.lower() == ".safetensors":
            return load_file(file)
        if file.name.endswith(INDEX[1:]):
            return _shards(file)
        if file.suffix.lower() == ".pt2":
            return exported_weights(file)
        return _plain(torch.load(file, map_location="cpu", weights_only=True), file)
    except CensusError:
        raise
    except Exception as error:  # a damaged file may raise anything
        raise CensusError(
            f"Weights must be a .safetensors file, a state dict that torch saved, a .pt2, or a folder of safetensors. "
            f"{file} cannot be read: {first_line(error)}."
        ) from error


def _folder(folder: Path) -> State:
    index = next(iter(sorted(folder.glob(INDEX))), None)
    if index is not None:
        return _shards(index)
    files = sorted(folder.glob("*.safetensors"))
    if not files:
        raise CensusError(f"A folder of weights must hold .safetensors files. Got none in {folder}.")
    return _joined(files)


def _shards(index: Path) -> State:
    named = json.loads(index.read_text("utf-8"))["weight_map"]
    files = [index.parent / Path(name).name for name in sorted(set(named.values()))]
    gone = [file.name for file in files if not file.is_file()]
    if gone:
        raise CensusError(f"{index} must stand beside the files that it names. Missing: {some_of(gone)}.")
    return _joined(files)


def _joined(files: list[Path]) -> State:
    state: State = {}
    for file in files:
        state |= load_file(file)
    return state


def _plain(content: Any, file: Path) -> State:
    """The state dict that a checkpoint holds, itself or in an entry."""
    for inner in (content, *_nested(content)):
        if isinstance(inner, Mapping) and inner and all(isinstance(value, Tensor) for value in inner.values()):
            return {str(name): value for name, value in inner.items()}
    held = ", ".join(map(str, list(content)[:6])) if isinstance(content, Mapping) else type(content).__name__
    raise CensusError(f"{file} must hold a state dict: names with tensors, itself or as state_dict. Got {held}.")


def _nested(content: Any) -> Iterator[Any]:
    if isinstance(content, Mapping):
        yield from (content[name] for name in NESTED if name in content)


def _named_as(net: nn.Module, state: State) -> State:
    """The state under the net's own names: without what a wrapper or a trainer put before all of them."""
    own = set(net.state_dict())
    while not own & set(state):
        before = next((w for w in (*WRAPPERS, *_first_words(state)) if all(n.startswith(w) for n in state)), None)
        if before is None:
            break
        state = {name.removeprefix(before): value for name, value in state.items()}
    return state


def _first_words(state: State) -> list[str]:
    words = {name.partition(".")[0] for name in state if "." in name}
    return [f"{word}." for word in words] if len(words) == 1 else []


def _differ(own: Tensor, other: Tensor) -> bool:
    return own.shape != other.shape


def _shapes(name: str, own: Tensor, other: Tensor) -> str:
    return f"{name} {tuple(other.shape)} for {tuple(own.shape)}"
