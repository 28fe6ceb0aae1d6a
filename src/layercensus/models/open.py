"""A model from a short name or a module: one table of openers, which is also the help text."""

from __future__ import annotations

import copy
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from torch import nn

from ..errors import CensusError, first_line
from ..layers.net import unwrap
from ..layers.torch_state import as_called
from .equal import same_numbers
from .factory import import_factory
from .mistaken import of_a_file, of_a_library, of_no_module
from .model import Model
from .openers import find, near, usages
from .randomness import seeded
from .state import load_state
from .table import OPENERS

OTHER_SEED = 20261  # by no user's choice


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
        found: Model = entry[0](*filter(None, entry[1:]))
        return found
    kind, _, rest = model.partition(":")
    known = usages(OPENERS, kind)
    if rest and all(part.isidentifier() for part in kind.split(".")):
        named, at, file = model.partition("@")
        factory = import_factory(named, "model", known)
        opened = _of_factory(factory, named)
        return with_weights(opened, factory, Path(file), model) if at else opened
    instead = of_a_file(model) or ("" if near(OPENERS, kind) else of_a_library(model))
    raise CensusError(f"{what} must be one of {', '.join(known)}.{instead} Got {model!r}.")


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


def with_weights(model: Model, factory: Callable[[], object], file: Path, name: str) -> Model:
    """The model of a factory with the weights of a file or folder, of which no code runs.

    Its twin is what the factory gives at another seed, where that is another net.

    Raises:
        CensusError: there is no such file, or its weights do not fit: which, in one line.
    """
    net = unwrap(model.net)
    fresh = model.fresh or _random(net, factory, model.name)
    load_state(net, file, model.name)
    about = dict(model.about) | {"weights from": f"the file {file.name}"}
    return replace(model, name=name, fresh=fresh, about=about)


def _random(net: nn.Module, factory: Callable[[], object], name: str) -> Callable[[int], nn.Module] | None:
    """The factory with a seed, where every weight that it gives follows the seed; it may load trained ones itself."""
    fresh = seeded(lambda: _of_factory(factory, name).net)
    other = dict(unwrap(fresh(OTHER_SEED)).named_parameters())
    weights = [(p, other[n]) for n, p in net.named_parameters() if p.ndim > 1 and n in other]
    return fresh if weights and not any(same_numbers(p, q) for p, q in weights) else None


def of_module(net: nn.Module, name: str) -> Model:
    """A user-supplied module; one of transformers is known to re-initialise itself from its configuration."""
    plain = unwrap(net)
    config = getattr(plain, "config", None)
    if config is not None and any(base.__name__ == "PreTrainedModel" for base in type(plain).__mro__):
        return Model(net, name, fresh=seeded(lambda: type(plain)(copy.deepcopy(config))))
    return Model(net, name)
