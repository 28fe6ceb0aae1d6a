"""From a model and targets to optimised images with scores: the whole way in one function."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import nn

from ..data.batch import Batch, tensors
from ..data.open import open_data
from ..data.source import Source
from ..data.user_code import user_code_in
from ..errors import CensusError
from ..layers.device import asked_device, on_device
from ..layers.net import unwrap
from ..layers.survey import survey
from ..layers.torch_state import as_called, neutral
from ..models.model import Model
from ..models.open import open_model
from .images import responses_of, visualise
from .input_space import input_space_of, input_space_without_data, refusal
from .names import AUTO, objectives_of
from .objective import Objective
from .objective_values import resolved
from .objectives import diversity
from .options import SeeOptions
from .responses import chosen_ids, read_examples
from .subject import Subject
from .visualisations import Visualisations

SEVERAL = "Images can be optimised for nets that take one image. This one takes several tensors."
PROBE = 3  # examples by which the layers are found


@neutral()
@user_code_in(as_called)
def see(
    model: nn.Module | Model | str,
    targets: str | Objective | Sequence[str | Objective],
    data: Any = None,
    *,
    preset: str | None = None,
    replicas: Sequence[nn.Module | Model | str] = (),
    objective: str = AUTO,
    device: str | None = None,
    options: SeeOptions | None = None,
) -> Visualisations:
    """Optimised images of what units respond to, each with a score, beside the examples that they respond to most.

    model: an nn.Module or a short name.
    targets: "LAYER:UNIT" ("LAYER:3,5,8-11", "LAYER:all", "LAYER" for its first units), or objectives from
        `layercensus.objectives` (neuron, channel, layer, logit, probability, direction, mean_of, diversity,
        interpolation, alignment, joint), which add, subtract and are scaled; or several of either.
    data: as for `take`: colours, spectrum and every comparison with real examples come from it.
    preset: a method of the literature, short for `SeeOptions(preset=...)`.
    replicas: other training runs of the model, for the transfer score.
    objective: what a target given as text stands for: "neuron" (one position), "channel" (the mean over a map) or
        "layer"; "auto" is the channel for maps whose positions see much of an image, else the neuron.
    device: where the nets run: None where they are, "auto", "cuda", "mps" or "cpu".
    options: steps, size, faces, seed and all else (`SeeOptions`).

    An interrupt (Ctrl-C) returns what is finished, marked as interrupted. For a net that takes tokens or rows of
    numbers there are no images but the top examples, with the tokens or columns that the response hangs on, unless a
    preset was named.

    Cost: one forward pass over `options.examples` examples, and one forward and backward pass a step and image as far
    as the last layer that is read; 17 forward passes an image for its score.

    Raises:
        CensusError: one line that says what must be changed.

    >>> import layercensus as lc
    >>> quick = lc.SeeOptions(steps=4, examples=32, top=2, progress=False)
    >>> result = lc.see("layercensus.models.digits:factory", "act.0:0-1", "digits", options=quick)
    >>> result.images.shape  # (images, channels, height, width) in 0..1
    torch.Size([2, 1, 8, 8])
    >>> result.scores[["layer", "unit", "examples"]].values.tolist()
    [['act.0', 0, 32], ['act.0', 1, 32]]
    >>> len(result.entries[0].top_examples) >= 2
    True
    """
    options = options or SeeOptions()
    options = options if preset is None else replace(options, preset=preset)
    there, opened = asked_device(device), open_model(model)
    source = None if data is None else open_data(data, prepare=opened.prepare)
    runs = [open_model(run, "replica") for run in replicas]
    several: list[Any] = list(targets) if isinstance(targets, (list, tuple)) else [targets]
    with on_device([unwrap(each.net) for each in (opened, *runs)], there):
        subject = subject_of(opened, source, options, runs)
        return visualise(subject, objectives_for(subject, several, objective, options.faces), options)


def subject_of(model: Model, source: Source | None, options: SeeOptions, replicas: Sequence[Model] = ()) -> Subject:
    """Everything that does not depend on the objectives: layers, examples, input space.

    Raises:
        CensusError: nothing to find the layers with; the net takes no images, and a preset was asked for.
    """
    net = unwrap(model.net)
    if source is None and model.name == "digits":
        source = open_data("digits")
    probe = source.first(PROBE) if source is not None else Batch(_example(model), ("example",))
    inputs = probe.for_net(net)
    missing = _missing(inputs, source)
    if missing and options.preset is not None:
        raise CensusError(missing)
    batches = []
    if source is not None:
        batches = read_examples(source, chosen_ids(source, options.examples), options.examples)
    space = None
    if not missing:
        shape = tuple(tensors(inputs)[0].shape[1:])
        space = input_space_without_data(shape, model.prepare) if source is None else input_space_of(source, batches)
        space = space if options.sides is None else space.resized(options.sides)
    nets = [unwrap(replica.net) for replica in replicas]
    runs = tuple((other, survey(other, probe.for_net(other))) for other in nets)
    shown = f"{missing} Shown are the examples that units respond to most." if missing else ""
    return Subject(net, survey(net, inputs), source, batches, space, runs, shown)


def _missing(inputs: Any, source: Source | None) -> str:
    """Why there are no images; "" where there are."""
    first = tensors(inputs)[0]
    if len(tensors(inputs)) == 1 and first.ndim == 4 and first.is_floating_point():
        return ""
    kind = "arrays" if source is None else source.kind
    return SEVERAL if kind == "images" else refusal(kind)


def _example(model: Model) -> Any:
    if model.example is not None:
        return model.example()
    if model.prepare is not None and model.prepare.size is not None:
        return torch.zeros(2, model.prepare.channels or 3, *model.prepare.size)
    raise CensusError(f"{model.name} needs data to find its layers with. Pass data=....")


def objectives_for(
    subject: Subject, targets: Sequence[str | Objective], kind: str = AUTO, faces: int = 1
) -> list[Objective]:
    """The objectives that the targets name, with the layers' full names.

    kind: what a text stands for: "auto", "neuron", "channel" or "layer".

    Raises:
        CensusError: there is no such layer, unit or kind; or a target only says how images differ.
    """
    objectives: list[Objective] = []
    for target in targets:
        if isinstance(target, str):
            objectives += objectives_of(target, subject.net, subject.layers, kind, subject.mapped)
        elif isinstance(target, Objective):
            objectives.append(target)
        else:
            raise CensusError(f"targets must be 'LAYER:UNIT' or objectives. Got {type(target).__name__}.")
    if not objectives:
        raise CensusError("targets must name at least one objective. Got none.")
    coupling = next((o for o in objectives if all(term.couples for term in o.terms)), None)
    if coupling is not None:
        raise CensusError(f"{coupling.name} only says how images differ. Add what they are for, such as a channel.")
    objectives = [o if faces == 1 else o.with_faces(faces) for o in objectives]
    return list(resolved(objectives, subject.net, subject.layers))


def diverse_objectives(subject: Subject, objectives: Sequence[Objective], faces: int) -> list[Objective]:
    """The objectives for several faces that differ: diversity weighs as much as the data's own maximum."""
    named = list(resolved(objectives, subject.net, subject.layers))
    responses = responses_of(subject, named, SeeOptions(progress=False))
    highest = [1.0] * len(objectives) if responses is None else [float(values.max()) for values in responses.value]
    return [
        (objective + max(abs(top), 1e-6) * diversity(objective.terms[0].layer)).named(objective.name).with_faces(faces)
        for objective, top in zip(objectives, highest, strict=True)
    ]
