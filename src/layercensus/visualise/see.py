"""From a model and objectives to pictures with scores: the whole way in one function."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import nn

from ..data.batch import Batch, tensors
from ..data.open import open_data
from ..data.source import Source
from ..errors import CensusError
from ..layers.net import unwrap
from ..layers.survey import survey
from ..models.model import Model
from ..models.open import open_model
from .input_space import palette_of, palette_without, refusal
from .make import make, natural_of
from .names import objectives_of
from .natural import chosen_ids, read
from .objective_values import bound
from .objectives import Objective, diversity
from .options import AUTO, EXAMPLES, TOP, How
from .presets import DEFAULT, preset_of
from .priors import Prior, load_prior
from .subject import Looking
from .visualisations import Pictures

SEVERAL = "Pictures can be made for nets that take one image. This one takes several tensors."


def see(
    model: nn.Module | Model | str,
    objective: str | Objective | Sequence[str | Objective],
    data: Any = None,
    *,
    preset: str | None = None,
    faces: int = 1,
    steps: int | None = None,
    size: int | tuple[int, int] | None = None,
    contrast: float | str | None = AUTO,
    shared: bool = False,
    replicas: Sequence[nn.Module | Model | str] = (),
    prior: Prior | str | Path | None = None,
    examples: int = EXAMPLES,
    top: int = TOP,
    seed: int = 0,
    batch: int | None = None,
    progress: bool = True,
) -> Pictures:
    """Pictures of what units respond to, each with a score, beside the examples that they respond to most.

    model: an nn.Module or a short name. objective: "LAYER:UNIT" ("LAYER:3,5,8-11", "LAYER" for its first units), or
        objectives from `layercensus.see` (neuron, channel, layer, logit, probability, direction, mean_of, diversity,
        interpolation, alignment, joint), which add, subtract and are scaled; or several of either.
    data: the user's own, as for `take`: colours, spectrum and every comparison with real examples come from it.
    preset: a method of the literature ("olah2017" by default; see `layercensus.see.PRESETS`).
    faces: pictures of each objective, made together; add `diversity(layer)` for them to differ.
    steps: of the optimiser; None for the preset's own.
    size: (height, width) of the pictures in pixels; None for that of the net's input.
    contrast: of the default preset: the share of the range that a picture takes, its contrast being limited; None for
        as much as it takes; "auto" limits it where an objective is read at one place of a map, and not where a whole
        map counts.
    shared: the pictures of each objective share what can be alike (interpolation).
    replicas: other training runs of the model, for the transfer score.
    prior: of `train_prior`, or the file that it was saved in, for the presets "nguyen2016" and "nguyen2016b".
    examples: of the data that are read. top: of them shown for each objective. seed: same seed, same picture.
    batch: pictures at a time.

    An interrupt (Ctrl-C) returns what is finished, marked as interrupted. For a net that takes tokens or rows of
    numbers there are no pictures but the top examples, with the tokens or columns that the response hangs on, unless a
    preset was named.

    Cost: one forward pass over `examples` examples, and one forward and backward pass a step and picture as far as the
    last layer that is read; 17 forward passes a picture for its score.

    Raises:
        CensusError: one line that says what must be changed.
    """
    opened = open_model(model)
    source = None if data is None else open_data(data, prepare=opened.prepare)
    wanted: list[Any] = list(objective) if isinstance(objective, (list, tuple)) else [objective]
    how = How(
        preset=preset_of(preset or DEFAULT), asked=preset is not None, steps=steps, size=size, contrast=contrast,
        shared=shared, examples=examples, top=top, seed=seed, batch=batch, progress=progress,
        prior=load_prior(prior) if isinstance(prior, (str, Path)) else prior,
    )  # fmt: skip
    looking = look_at(opened, source, how, [open_model(r) for r in replicas])
    return make(looking, objectives(looking, wanted, faces), how)


def look_at(model: Model, source: Source | None, how: How, replicas: Sequence[Model] = ()) -> Looking:
    """Everything that does not depend on the objectives: layers, examples, palette.

    Raises:
        CensusError: nothing to look at the layers with; the net takes no images, and a preset was asked for.
    """
    net = unwrap(model.net)
    if source is None and model.name == "digits":
        source = open_data("digits")
    probe = source.first(3) if source is not None else Batch(_example(model, how), ("example",))
    inputs = probe.for_net(net)
    layers = survey(net, inputs)
    first = tensors(inputs)[0]
    pictured = len(tensors(inputs)) == 1 and first.ndim == 4 and first.is_floating_point()
    kind = source.kind if source is not None else "images" if pictured else "arrays"
    why = SEVERAL if kind == "images" else refusal(kind)
    if not pictured and how.asked:
        raise CensusError(why)
    missing = "" if pictured else f"{why} Shown are the examples that units respond to most."
    ids = None if source is None else chosen_ids(source, how.examples)
    batches = [] if source is None else read(source, ids, how.examples)
    palette = None
    if pictured:
        palette = (
            palette_without(tuple(first.shape[1:]), model.prepare) if source is None else palette_of(source, batches)
        )
        if how.size is not None:
            palette = palette.resized((how.size, how.size) if isinstance(how.size, int) else how.size)
    others = [unwrap(replica.net) for replica in replicas]
    surveyed = [survey(other, probe.for_net(other)) for other in others]
    return Looking(net, layers, source, batches, palette, tuple(zip(others, surveyed, strict=True)), missing)


def _example(model: Model, how: How) -> Any:
    if model.example is not None:
        return model.example()
    if model.prepare is not None and model.prepare.size is not None:
        return torch.zeros(2, model.prepare.channels or 3, *model.prepare.size)
    raise CensusError(f"{model.name} needs data to be looked at. Pass data=DATA.")


def objectives(looking: Looking, wanted: Sequence[str | Objective], faces: int = 1) -> list[Objective]:
    """The objectives that the user named, with the layers' full names.

    Raises:
        CensusError: there is no such layer or unit.
    """
    found: list[Objective] = []
    for one in wanted:
        if isinstance(one, str):
            found += objectives_of(one, looking.net, looking.layers)
        elif isinstance(one, Objective):
            found.append(one)
        else:
            raise CensusError(f"objective must be 'LAYER:UNIT' or an Objective. Got {type(one).__name__}.")
    if not found:
        raise CensusError("objective must name at least one. Got none.")
    alone = next((o for o in found if all(term.couples for term in o.terms)), None)
    if alone is not None:
        raise CensusError(f"{alone.name} only says how pictures differ. Add what they are for, such as a channel.")
    if faces < 1:
        raise CensusError(f"faces must be at least 1. Got {faces}.")
    return list(bound([o if faces == 1 else o.with_faces(faces) for o in found], looking.net, looking.layers))


def diverse(looking: Looking, wanted: Sequence[Objective], faces: int) -> list[Objective]:
    """The objectives for several faces that differ: diversity weighs as much as the data's own maximum."""
    natural = natural_of(
        looking, list(bound(wanted, looking.net, looking.layers)), replace(How(preset_of(DEFAULT)), progress=False)
    )
    tops = [1.0] * len(wanted) if natural is None else [float(values.max()) for values in natural.value]
    return [
        (one + max(abs(top), 1e-6) * diversity(one.terms[0].layer)).named(one.name).with_faces(faces)
        for one, top in zip(wanted, tops, strict=True)
    ]
