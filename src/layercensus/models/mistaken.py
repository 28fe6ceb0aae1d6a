"""What is often passed in the place of a model, and what to pass instead."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from typing import Any

from torch import Tensor, nn

WEIGHTS = (".pt", ".pth", ".ckpt", ".bin", ".safetensors", ".pkl", ".tar", ".index.json")
GRAPHS = (".pt2", ".onnx", ".ep", ".torchscript", ".ptl", ".tflite", ".engine")
FACTORY = "module:factory"
LONGEST = 60  # characters of a net's name in a library
LOADED = f"write a function that builds the net, and name both: {FACTORY}@"


def of_a_file(text: str) -> str:
    """A sentence for a model that is given as a file or a folder; "" where nothing is known of it.

    >>> of_a_file("nets.py")
    ' Name a function of that file that returns the net: nets:FUNCTION.'
    >>> of_a_file("resnet50")
    ''
    """
    stem, ending = os.path.splitext(os.path.basename(text.rstrip("/\\")))
    if os.path.isdir(text):
        return _of_a_folder(text)
    if text.lower().endswith(WEIGHTS):
        return f" Weights alone are no model: {LOADED}{text}."
    if ending.lower() == ".pt2":
        return f" An exported graph has no layers to read, but its weights can be: {LOADED}{text}."
    if ending.lower() in GRAPHS:
        return f" A graph has no layers to read: write a function that returns the module it was made from: {FACTORY}."
    if ending == ".py" and stem.isidentifier():
        return f" Name a function of that file that returns the net: {stem}:FUNCTION."
    return ""


def of_a_library(text: str) -> str:
    """A sentence for what reads like the name of a net in a library, such as resnet50; "" where it does not.

    >>> of_a_library("resnet50")
    ' A net of a library is named with it: timm:resnet50, torchvision:resnet50 or hf:resnet50.'
    """
    if not re.fullmatch(r"[a-z][\w.-]*\d[\w.-]*", text) or len(text) > LONGEST:
        return ""
    return f" A net of a library is named with it: timm:{text}, torchvision:{text} or hf:{text}."


def _of_a_folder(folder: str) -> str:
    names = _names(folder)
    held = [name for name in names if name.lower().endswith(WEIGHTS)]
    if "config.json" in names and held:
        return f" A folder that transformers saved is named hf:{folder}."
    if held:
        return f" Weights alone are no model: {LOADED}{folder}."
    return f" A folder is no model: write a function that returns the net, and name it {FACTORY}."


def _names(folder: str) -> list[str]:
    try:
        return sorted(os.listdir(folder))
    except OSError:
        return []


def of_no_module(model: Any, what: str) -> str:
    """The line for an object that is neither a module nor a name.

    >>> of_no_module({"weight": Tensor(2, 3)}, "model")
    'model must be an nn.Module or a short name. Got dict: weights alone: load them into a net with load_state_dict.'
    >>> of_no_module(3, "model")
    'model must be an nn.Module or a short name. Got int.'
    """
    return f"{what} must be an nn.Module or a short name. Got {type(model).__name__}{_instead(model)}."


def _instead(model: Any) -> str:
    if isinstance(model, Mapping) and _weights(model):
        return ": weights alone: load them into a net with load_state_dict"
    if isinstance(model, type) and issubclass(model, nn.Module):
        return f": a class: pass a net of it, {model.__name__}(...)"
    if type(model).__name__ == "ExportedProgram":
        return ": pass the Python module that was exported"
    modules = [value for value in model if isinstance(value, nn.Module)] if isinstance(model, list | tuple) else []
    if modules:
        return " of modules: pass one of them, or nn.Sequential(*modules)"
    return ": call it, and pass what it returns" if callable(model) and hasattr(model, "__name__") else ""


def _weights(model: Mapping[Any, Any]) -> bool:
    """Whether a dict holds tensors, or is a checkpoint with a dict of them."""
    inner = [value for value in model.values() if isinstance(value, Mapping)]
    return any(isinstance(value, Tensor) for part in (model, *inner) for value in part.values())
