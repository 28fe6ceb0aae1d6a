"""A model from a short name or a module: one table of openers, which is also the help text."""

from __future__ import annotations

import copy
import os
from collections.abc import Callable

from torch import nn

from ..errors import CensusError, first_line
from ..layers.net import unwrap
from ..layers.torch_state import as_called
from .factory import import_factory
from .mistaken import of_a_file, of_no_module
from .model import Model
from .openers import find, usages
from .randomness import seeded
from .table import OPENERS


def open_model(model: nn.Module | Model | str, what: str = "model") -> Model:
    """The model that a short name or a module stands for. what: how an error calls it.

    >>> open_model("layercensus.models.digits:factory").name
    'layercensus.models.digits:factory'

    Raises:
        CensusError: for an unknown name, a missing package, or a factory that does not give a module.
    """
    if isinstance(model, Model):
        return model
    if isinstance(model, nn.Module):
        return of_module(model, type(unwrap(model)).__name__)
    if isinstance(model, os.PathLike):
        model = os.fspath(model)
    if not isinstance(model, str):
        raise CensusError(of_no_module(model, what))
    entry = find(OPENERS, model)
    if entry is not None:
        opened: Model = entry[0](*filter(None, entry[1:]))
        return opened
    kind, _, rest = model.partition(":")
    known = usages(OPENERS, kind)
    if rest and all(part.isidentifier() for part in kind.split(".")):
        return _of_factory(import_factory(model, "model", known), model)
    raise CensusError(f"{what} must be one of {', '.join(known)}.{of_a_file(model)} Got {model!r}.")


def _of_factory(factory: Callable[[], object], name: str) -> Model:
    if isinstance(factory, nn.Module):
        raise CensusError(
            f"{name} must be a function that returns the net. Got the net itself ({type(factory).__name__})."
        )
    try:
        with as_called():
            result = factory()
    except CensusError:
        raise
    except (Exception, SystemExit) as error:
        raise CensusError(f"The factory {name} failed: {first_line(error)}") from error
    if isinstance(result, Model):
        return result
    if not isinstance(result, nn.Module):
        raise CensusError(f"{name} must return an nn.Module. Got {type(result).__name__}.")
    return of_module(result, name)


def of_module(net: nn.Module, name: str) -> Model:
    """A user-supplied module; one of transformers is known to re-initialise itself from its configuration."""
    plain = unwrap(net)
    config = getattr(plain, "config", None)
    if config is not None and any(base.__name__ == "PreTrainedModel" for base in type(plain).__mro__):
        return Model(net, name, fresh=seeded(lambda: type(plain)(copy.deepcopy(config))))
    return Model(net, name)
