"""A model from a short name or a module."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import nn

from ..errors import CensusError
from .prepare import Prepare


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


KNOWN = ("efficientnet-lite:0", "hf:NAME_OR_FOLDER", "digits", "module:factory")


def open_model(model: nn.Module | Model | str) -> Model:
    """The model that a short name or a module stands for.

    Raises:
        CensusError: for an unknown name, a missing package, or a factory that does not give a module.
    """
    if isinstance(model, Model):
        return model
    if isinstance(model, nn.Module):
        return of_module(model, type(model).__name__)
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
    if kind and rest and all(part.isidentifier() for part in kind.split(".")):
        from .factory import import_factory

        return _made(import_factory(model, "model"), model)
    near = difflib.get_close_matches(model, KNOWN, n=1, cutoff=0.5)
    hint = f" Did you mean {near[0]}?" if near else ""
    raise CensusError(f"model must be one of {', '.join(KNOWN)}. Got {model!r}.{hint}")


def _made(factory: Callable[[], Any], name: str) -> Model:
    try:
        made = factory()
    except CensusError:
        raise
    except Exception as error:
        raise CensusError(f"The factory {name} failed: {type(error).__name__}: {error}") from error
    if isinstance(made, Model):
        return made
    if not isinstance(made, nn.Module):
        raise CensusError(f"{name} must return an nn.Module. Got {type(made).__name__}.")
    return of_module(made, name)


def of_module(net: nn.Module, name: str) -> Model:
    """A module of the user's; one of transformers is known to re-initialise itself from its configuration."""
    config = getattr(net, "config", None)
    if config is not None and any(base.__name__ == "PreTrainedModel" for base in type(net).__mro__):
        return Model(net, name, fresh=seeded(lambda: type(net)(config)))
    return Model(net, name)


def seeded(make: Callable[[], nn.Module]) -> Callable[[int], nn.Module]:
    """The same maker with a seed of its own, leaving the global random state alone."""

    def fresh(seed: int) -> nn.Module:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            return make()

    return fresh
