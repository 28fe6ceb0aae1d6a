"""Optimised images of objectives with their scores, a batch at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..data.batch import tensors
from ..errors import CensusError
from ..progress import tqdm
from .agreement import agreements
from .inside import edge_findings, places_of
from .matches import match_of
from .normalised import normalisation_finding
from .objective import Objective
from .optimise import optimise
from .options import AUTO, SeeOptions, about_of
from .parameters import NATURAL
from .responses import Responses, own_activations, peak_positions, respond
from .score import Score, score
from .subject import Subject
from .top_examples import top_examples_of
from .visualisations import TopExample, Visualisation, Visualisations

CONTRAST = 1.0  # fraction of the range that an image takes where its objective is read at one position
LOST = 0.5  # of the strongest face's response: a face with less was given up
SEEDS = 1_000_003  # between the seeds of an image's starts
PIXELS = 8 * 224 * 224  # of all images that are optimised at a time
MOST, MOST_GPU = 64, 512  # images at a time, however small
BYTES = 6_000  # of a GPU's memory that a pixel takes on its way through a net and back, for nets that take much
Window = tuple[tuple[int, int], ...]
Keep = Callable[[Sequence[Visualisation]], None]


def visualise(
    subject: Subject, objectives: Sequence[Objective], options: SeeOptions, keep: Keep = lambda entries: None
) -> Visualisations:
    """The optimised images of these objectives. keep: is handed those of each batch as soon as they are scored."""
    check(options, subject, objectives)
    run = _Run(subject, objectives, options, responses_of(subject, objectives, options), _start(subject, options))
    entries: list[Visualisation] = []
    interrupted = False
    total = sum(objective.faces for objective in objectives)
    with tqdm(total=total, desc="optimising", unit="image", disable=not options.progress) as bar:
        try:
            for group in run.groups():
                batch = run.batch(group, bar)
                entries += batch
                keep(batch)
        except KeyboardInterrupt:
            if not entries:
                raise
            interrupted = True
    told = normalisation_finding(subject)
    findings = (*([told] if told else []), *edge_findings(subject, objectives, run.responses))
    about = about_of(options, subject)
    return Visualisations(tuple(entries), subject.space, about, subject.missing, interrupted, findings)


def check(options: SeeOptions, subject: Subject, objectives: Sequence[Objective]) -> None:
    """Whether the preset has what it needs, and replicas the layers; CensusError else."""
    method, prior, space = options.method, options.learned_prior, subject.space
    read = {term.layer for objective in objectives for term in objective.terms}
    for _, layers in subject.replicas:
        missing = read - {layer.name for layer in layers}
        if missing:
            raise CensusError(f"A replica must have the model's layers. Got one without {min(missing)!r}.")
    if space is None:
        return
    if method.needs == "images" and space.magnitude is None:
        raise CensusError(f"{method.name} needs images to take its spectrum from. Pass data=....")
    if method.needs == "prior" and prior is None:
        raise CensusError(
            f"{method.name} needs a prior: layercensus.visualise.train_prior(data).save(FILE), then prior=FILE."
        )
    if method.needs == "prior" and prior is not None and prior.channels != space.shape[0]:
        raise CensusError(f"The prior must be of images with {space.shape[0]} channels. Got one with {prior.channels}.")


def responses_of(subject: Subject, objectives: Sequence[Objective], options: SeeOptions) -> Responses | None:
    """What the objectives say of the examples; asked again for the same objectives nothing is computed."""
    if not subject.batches:
        return None
    key = tuple(objectives)
    if key not in subject.responses:
        total = sum(len(batch.ids) for batch in subject.batches)
        with tqdm(total=total, desc="reading examples", unit="ex", disable=not options.progress) as bar:
            subject.responses[key] = respond(
                subject.net, subject.layers, objectives, subject.batches, bar.update, places_of(subject)
            )  # fmt: skip
    return subject.responses[key]


def _start(subject: Subject, options: SeeOptions) -> Tensor | None:
    """An image of the data for presets that begin with one: the first that was read."""
    if options.method.start != "image" or not subject.batches or subject.space is None:
        return None
    image = tensors(subject.batches[0].inputs)[0][0].float()
    x = subject.space.from_net(image).clamp(0, 1)
    side = subject.space.shape[1:]
    if x.shape[1:] == side:
        return x
    return torch.nn.functional.interpolate(x[None], size=side, mode="bilinear", align_corners=False)[0]


@dataclass(frozen=True)
class _Scored:
    """An optimised image with its score, and the contrast that it was limited to."""

    image: Tensor
    score: Score
    contrast: float | str | None


@dataclass(frozen=True)
class _Run:
    """What one call optimises: the objectives, what they say of the data, and an image to start with."""

    subject: Subject
    objectives: Sequence[Objective]
    options: SeeOptions
    responses: Responses | None
    start: Tensor | None

    def groups(self) -> Iterator[list[int]]:
        """Which objectives are optimised at a time: as many as fit, neighbours of one kind.

        Those of several layers go together only where images are small: each runs as far as the last of them.
        """
        most = self.options.batch or most_images(self.subject)
        group: list[int] = []
        images = 0
        for number, objective in enumerate(self.objectives):
            same = not group or self._kind(self.objectives[group[0]]) == self._kind(objective)
            if group and (not same or self.options.shared or images + objective.faces > most):
                yield group
                group, images = [], 0
            group.append(number)
            images += objective.faces
        if group:
            yield group

    def _kind(self, objective: Objective) -> tuple[bool, str]:
        return self._limited(objective), "" if small(self.subject) else objective.terms[-1].layer

    def _limited(self, objective: Objective) -> bool:
        """Whether an image of limited contrast is tried first."""
        return self.subject.space is not None and objective.local and self.subject.adds_up(objective.layer)

    def batch(self, group: Sequence[int], bar: Any) -> list[Visualisation]:
        """The visualisations of a group of objectives, one for each face."""
        owners = [number for number in group for _ in range(self.objectives[number].faces)]
        if self.subject.space is None:
            bar.update(len(owners))
            return [self._entry(number, row - owners.index(number), None, ()) for row, number in enumerate(owners)]
        objectives = [self.objectives[number] for number in group]
        scored = self._scored_with_contrast(objectives, self._responses(objectives, owners), bar)
        windows = _windows(self.subject, objectives, torch.stack([one.image for one in scored]))
        return [
            self._entry(number, row - owners.index(number), scored[row], windows[row])
            for row, number in enumerate(owners)
        ]

    def _entry(self, number: int, face: int, scored: _Scored | None, window: Window) -> Visualisation:
        objective, responses = self.objectives[number], self.responses
        examples: tuple[TopExample, ...] = ()
        if responses is not None and face == 0:
            examples = top_examples_of(self.subject, responses, number, objective, self.options.top)
        unit = None if objective.only_term is None else objective.only_term[0].unit
        name = objective.single_faces()[face].name
        image, verdict, contrast = (
            (None, None, None) if scored is None else (scored.image, scored.score, scored.contrast)
        )
        return Visualisation(
            objective.name,
            name,
            objective.layer,
            unit,
            face,
            objective.faces,
            image,
            verdict,
            window,
            contrast,
            examples,
        )

    def _responses(self, objectives: Sequence[Objective], owners: Sequence[int]) -> Responses | None:
        """What the objectives of single faces say of the data."""
        if self.responses is None:
            return None
        if all(objective.faces == 1 for objective in objectives):
            return self.responses.select(owners)
        faces = [face for objective in objectives for face in objective.single_faces()]
        return respond(self.subject.net, self.subject.layers, faces, self.subject.batches)

    def _scored_with_contrast(
        self, objectives: Sequence[Objective], responses: Responses | None, bar: Any
    ) -> list[_Scored]:
        """Where limited contrast fails, the data's is tried, and where that fails free contrast."""
        auto = self.options.contrast == AUTO and self.options.method.over == "fourier"
        contrast = NATURAL if auto else self.options.contrast
        if auto and all(self._limited(objective) for objective in objectives):
            contrast = CONTRAST
        scored = self._scored(objectives, responses, contrast, bar)
        if not auto or any(objective.faces > 1 for objective in objectives):
            return scored
        for other in (NATURAL, None) if contrast == CONTRAST else (None,):
            self._mended(scored, objectives, responses, other, bar)
        return scored

    def _mended(
        self, scored: list[_Scored], objectives: Sequence[Objective], responses: Responses | None,
        contrast: str | None, bar: Any,
    ) -> None:  # fmt: skip
        """Make those that failed once more with another contrast, and keep what is better."""
        weak = [row for row, one in enumerate(scored) if one.score.status and not one.score.fragile]
        if not weak:
            return
        bar.total += len(weak)
        rest = None if responses is None else responses.select(weak)
        again = self._scored([objectives[row] for row in weak], rest, contrast, bar)
        for row, other in zip(weak, again, strict=True):
            if not other.score.status or other.score.activation > scored[row].score.activation:
                scored[row] = other

    def _scored(
        self, objectives: Sequence[Objective], responses: Responses | None, contrast: float | str | None, bar: Any
    ) -> list[_Scored]:
        subject, options = self.subject, self.options
        faces = [face for objective in objectives for face in objective.single_faces()]
        done = 0.0

        def tick(step: int) -> None:
            nonlocal done
            bar.update(len(faces) * step / options.count - done)
            done = len(faces) * step / options.count

        images = optimise(subject, objectives, options, contrast=contrast, start=self.start, tick=tick).cpu()
        if any(objective.faces > 1 for objective in objectives):
            images = self._none_lost(objectives, images, contrast)
        matches = [match_of(subject, face) for face in faces] if subject.replicas else None
        best = None if responses is None else subject.best([responses.top(row, 1)[0] for row in range(len(faces))])
        scores = score(subject, faces, images, responses=responses, matches=matches, best=best)
        if options.starts > 1:
            others = self._other_starts(faces, contrast)
            agree = agreements(subject, [face.layer for face in faces], images, others)
            scores = [replace(one, agreement=value) for one, value in zip(scores, agree, strict=True)]
        limited = contrast if options.method.over == "fourier" else None
        return [_Scored(image, one, limited) for image, one in zip(images, scores, strict=True)]

    def _none_lost(self, objectives: Sequence[Objective], images: Tensor, contrast: float | str | None) -> Tensor:
        """The images with every face that its unit hardly responds to made once more, for itself alone."""
        subject, first, lost = self.subject, 0, []
        faces = [face for objective in objectives for face in objective.single_faces()]
        own = own_activations(subject.net, subject.layers, faces, subject.input_space.to_net(images))
        for objective in objectives:
            alike = not any(isinstance(weight, tuple) for weight in objective.weights)  # else the faces differ by aim
            values = own[first : first + objective.faces]
            if alike and objective.faces > 1:
                lost += [first + int(row) for row in np.flatnonzero(values < LOST * values.max())]
            first += objective.faces
        if lost:
            alone = [faces[row] for row in lost]
            images[lost] = optimise(subject, alone, self.options, contrast=contrast, start=self.start).cpu()
        return images

    def _other_starts(self, faces: Sequence[Objective], contrast: float | str | None) -> list[Tensor]:
        """For every further start, an image of each objective."""
        seeds = [self.options.seed + SEEDS * number for number in range(1, self.options.starts)]
        return [
            optimise(self.subject, faces, replace(self.options, seed=seed), contrast=contrast, start=self.start).cpu()
            for seed in seeds
        ]


def _windows(subject: Subject, objectives: Sequence[Objective], images: Tensor) -> list[Window]:
    """What the position at which each image's unit peaks sees of it; () for what is read of a whole map."""
    faces = [face for objective in objectives for face in objective.single_faces()]
    if not any(objective.local and objective.only_term for objective in objectives):
        return [()] * len(faces)
    positions = peak_positions(subject.net, subject.layers, faces, subject.input_space.to_net(images))
    side = subject.input_space.shape[1:]
    windows: list[Window] = []
    for face, position in zip(faces, positions, strict=True):
        field = subject.field(face.layer) if face.local and position >= 0 else None
        windows.append(() if field is None else field.window(position, side))
    return windows


def small(subject: Subject) -> bool:
    """Whether images are so small that a step costs the same for one as for many, all but."""
    return subject.space is not None and MOST * subject.space.shape[1] * subject.space.shape[2] <= PIXELS


def most_images(subject: Subject) -> int:
    """Images at a time where the caller does not say: on a GPU as many as fit half of what is free."""
    pixels = 1 if subject.space is None else subject.space.shape[1] * subject.space.shape[2]
    parameter = next(subject.net.parameters(), None)
    if parameter is None or parameter.device.type != "cuda":
        return max(1, min(MOST, PIXELS // pixels))
    free, _ = torch.cuda.mem_get_info(parameter.device)
    return max(1, min(MOST_GPU, free // 2 // (BYTES * pixels)))
