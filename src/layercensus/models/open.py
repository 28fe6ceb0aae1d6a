"""A model from a short name or a module."""

from __future__ import annotations

import copy
import difflib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from torch import nn

from ..errors import CensusError
from .factory import first_line, import_factory
from .nets import unwrap
from .prepare import Prepare
from .randomness import seeded


@dataclass(frozen=True)
class Model:
    """A net and what is known about it beyond its weights."""

    net: nn.Module
    name: str
    fresh: Callable[[int], nn.Module] | None = None  # the same architecture, freshly initialised with a seed
    prepare: Prepare | None = None
    classes: tuple[str, ...] | None = None
    example: Callable[[], Any] | None = None  # a small input to look at the layers with
    about: Mapping[str, Any] = field(default_factory=dict)


KNOWN = ("digits", "efficientnet-lite:0", "hf:NAME_OR_FOLDER", "lab:FILE", "module:factory")


def open_model(model: nn.Module | Model | str) -> Model:
    """The model that a short name or a module stands for.

    Raises:
        CensusError: for an unknown name, a missing package, or a factory that does not give a module.
    """
    if isinstance(model, Model):
        return model
    if isinstance(model, nn.Module):
        return of_module(model, type(unwrap(model)).__name__)
    if not isinstance(model, str):
        raise CensusError(f"model must be an nn.Module or a short name. Got {type(model).__name__}.")
    kind, _, rest = model.partition(":")
    if model == "digits":
        from .digits_net import open_digits

        return open_digits()
    if kind == "efficientnet-lite":
        from .efficientnet_lite import open_efficientnet_lite

        return open_efficientnet_lite(rest or "0")
    if kind == "hf" and rest:
        from .hugging_face import open_hugging_face

        return open_hugging_face(rest)
    if kind == "lab" and rest:
        from ..labs.saved import open_lab

        return open_lab(rest)
    if rest and all(part.isidentifier() for part in kind.split(".")):
        return _made(import_factory(model, "model", _nearest_first(kind)), model)
    raise CensusError(f"model must be one of {', '.join(_nearest_first(kind))}. Got {model!r}.")


def _nearest_first(kind: str) -> list[str]:
    def unlike(known: str) -> float:
        return -difflib.SequenceMatcher(None, kind.lower(), known.partition(":")[0]).ratio()

    return sorted(KNOWN, key=unlike)


def _made(factory: Callable[[], Any], name: str) -> Model:
    if isinstance(factory, nn.Module):
        raise CensusError(
            f"{name} must be a function that returns the net. Got the net itself ({type(factory).__name__})."
        )
    try:
        made = factory()
    except CensusError:
        raise
    except (Exception, SystemExit) as error:
        raise CensusError(f"The factory {name} failed: {first_line(error)}") from error
    if isinstance(made, Model):
        return made
    if not isinstance(made, nn.Module):
        raise CensusError(f"{name} must return an nn.Module. Got {type(made).__name__}.")
    return of_module(made, name)


def of_module(net: nn.Module, name: str) -> Model:
    """A module of the user's; one of transformers is known to re-initialise itself from its configuration."""
    plain = unwrap(net)
    config = getattr(plain, "config", None)
    if config is not None and any(base.__name__ == "PreTrainedModel" for base in type(plain).__mro__):
        return Model(net, name, fresh=seeded(lambda: type(plain)(copy.deepcopy(config))))
    return Model(net, name)
