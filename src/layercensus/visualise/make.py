"""Pictures of objectives with their scores, a batch at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from tqdm import tqdm

from ..data.batch import tensors
from ..errors import CensusError
from .natural import Natural, places_of, respond
from .objectives import Objective
from .optimise import optimise
from .options import AUTO, How, about_of
from .score import Match, Score, score
from .subject import Looking
from .top_examples import tops_of
from .visualisations import Pictures, Sight

CONTRAST = 1.0  # share of the range that a picture takes where its objective is read at one place
PIXELS = 8 * 224 * 224  # of all pictures that are made at a time
MOST = 64  # pictures at a time, however small
Keep = Callable[[Sequence[Sight]], None]


def make(looking: Looking, wanted: Sequence[Objective], how: How, keep: Keep = lambda sights: None) -> Pictures:
    """The pictures of these objectives. keep: is handed those of each batch as soon as they are scored."""
    check(how, looking, wanted)
    about = about_of(how, looking)
    natural = natural_of(looking, wanted, how)
    done: list[Sight] = []
    interrupted = False
    start = _start(looking, how)
    with tqdm(
        total=sum(objective.faces for objective in wanted), desc="making", unit="picture", disable=not how.progress
    ) as bar:
        try:
            for group in _groups(wanted, how, looking):
                sights = _batch(looking, wanted, group, natural, how, start, bar)
                keep(sights)
                done += sights
        except KeyboardInterrupt:
            if not done:
                raise
            interrupted = True
    return Pictures(tuple(done), looking.palette, about, looking.missing, interrupted)


def check(how: How, looking: Looking, wanted: Sequence[Objective]) -> None:
    """Whether the preset has what it needs, and replicas the layers; CensusError else."""
    preset, prior = how.preset, how.prior
    read = {term.layer for objective in wanted for term in objective.terms}
    for _, layers in looking.replicas:
        missing = read - {layer.name for layer in layers}
        if missing:
            raise CensusError(f"A replica must have the model's layers. Got one without {min(missing)!r}.")
    if looking.palette is None:
        return
    if preset.needs == "images" and looking.palette.magnitude is None:
        raise CensusError(f"{preset.name} needs images to take its spectrum from. Pass data=DATA.")
    if preset.needs == "prior" and prior is None:
        raise CensusError(f"{preset.name} needs a prior. Pass prior=FILE, which train_prior(data).save(FILE) makes.")
    if preset.needs == "prior" and prior is not None and prior.channels != looking.palette.shape[0]:
        raise CensusError(
            f"The prior must be of images with {looking.palette.shape[0]} channels. Got one with {prior.channels}."
        )


def _batch(
    looking: Looking, wanted: Sequence[Objective], group: Sequence[int], natural: Natural | None, how: How,
    start: Tensor | None, bar: Any,
) -> list[Sight]:  # fmt: skip
    some = [wanted[number] for number in group]
    owner = [number for number in group for _ in range(wanted[number].faces)]
    made = (
        None if looking.palette is None else _made(looking, some, _rows(looking, natural, some, owner), how, start, bar)
    )
    if made is None:
        bar.update(len(owner))
    windows = [] if made is None else _windows(looking, some, torch.stack([picture for picture, _, _ in made]))
    sights: list[Sight] = []
    for at, number in enumerate(owner):
        objective, face = wanted[number], at - owner.index(number)
        tops = tops_of(looking, natural, number, objective, how.top) if natural is not None and face == 0 else ()
        picture, scored, contrast = (None, None, None) if made is None else made[at]
        window = () if made is None else windows[at]
        sights.append(
            Sight(
                objective.name, objective.alone()[face].name, objective.layer, _unit(objective), face, objective.faces,
                picture, scored, window, contrast, tops,
            )
        )  # fmt: skip
    return sights


def _unit(objective: Objective) -> int | None:
    return None if objective.lone is None else objective.lone[0].unit


Window = tuple[tuple[int, int], ...]


def _windows(looking: Looking, some: Sequence[Objective], pictures: Tensor) -> list[Window]:
    """What the position at which each picture's unit peaks sees of it; () for what is read of a whole map."""
    assert looking.palette is not None
    alone = [one for objective in some for one in objective.alone()]
    if not any(objective.local and objective.lone for objective in some):
        return [()] * len(alone)
    places = places_of(looking.net, looking.layers, alone, looking.palette.to_net(pictures))
    side = looking.palette.shape[1:]
    found: list[Window] = []
    for one, place in zip(alone, places, strict=True):
        field = looking.field(one.layer) if one.local and place >= 0 else None
        found.append(() if field is None else field.window(place, side))
    return found


Made = tuple[Tensor, Score, float | None]  # a picture, its score and contrast


def _made(
    looking: Looking, some: Sequence[Objective], own: Natural | None, how: How, start: Tensor | None, bar: Any
) -> list[Made]:
    """The pictures of some objectives. Where limited contrast is tried and fails, free contrast is tried as well."""
    auto = how.contrast == AUTO and how.preset.over == "fourier"
    contrast = how.contrast if not isinstance(how.contrast, str) else None
    if auto and all(objective.local and looking.adds_up(objective.layer) for objective in some):
        contrast = CONTRAST
    made = _scored(looking, some, own, how, start, contrast, bar)
    weak = [at for at, (_, found, _) in enumerate(made) if found.status and not found.fragile]
    again = weak if auto and contrast is not None else []
    if again and all(objective.faces == 1 for objective in some):
        rest = None if own is None else own.take(again)
        bar.total += len(again)
        for at, other in zip(
            again, _scored(looking, [some[at] for at in again], rest, how, start, None, bar), strict=True
        ):
            if not other[1].status or other[1].activation > made[at][1].activation:
                made[at] = other
    return made


def _scored(
    looking: Looking, some: Sequence[Objective], own: Natural | None, how: How, start: Tensor | None,
    contrast: float | None, bar: Any,
) -> list[Made]:  # fmt: skip
    assert looking.palette is not None
    alone = [one for objective in some for one in objective.alone()]
    shown = 0.0

    def tick(step: int) -> None:
        nonlocal shown
        bar.update(len(alone) * step / how.count - shown)
        shown = len(alone) * step / how.count

    pictures = optimise(
        looking.net, looking.layers, some, how.preset, looking.palette, steps=how.count, seed=how.seed,
        contrast=contrast, shared=how.shared, start=start, prior=how.prior, tick=tick,
    ).cpu()  # fmt: skip
    matches = [_match(looking, one) for one in alone] if looking.replicas else None
    best = None if own is None else looking.best([own.top(row, 1)[0] for row in range(len(alone))])
    scores = score(looking.net, looking.layers, alone, pictures, looking.palette, own, matches, best)
    limited = contrast if how.preset.over == "fourier" else None
    return [(picture, found, limited) for picture, found in zip(pictures, scores, strict=True)]


def _rows(looking: Looking, natural: Natural | None, some: Sequence[Objective], owner: Sequence[int]) -> Natural | None:
    """What the objectives of single faces say of the data."""
    if natural is None:
        return None
    if all(objective.faces == 1 for objective in some):
        return natural.take(owner)
    return respond(looking.net, looking.layers, [one for o in some for one in o.alone()], looking.batches)


def _groups(wanted: Sequence[Objective], how: How, looking: Looking) -> Iterator[list[int]]:
    """Which objectives are made at a time: of one last layer, as many as fit, and of one kind of contrast."""
    side = 1 if looking.palette is None else looking.palette.shape[1] * looking.palette.shape[2]
    most = how.batch or max(1, min(MOST, PIXELS // side))
    group: list[int] = []
    pictures = 0
    for number, objective in enumerate(wanted):
        same = not group or _like(wanted[group[0]]) == _like(objective)
        if group and (not same or how.shared or pictures + objective.faces > most):
            yield group
            group, pictures = [], 0
        group.append(number)
        pictures += objective.faces
    if group:
        yield group


def _like(objective: Objective) -> tuple[bool, str]:
    return objective.local, objective.terms[-1].layer


def natural_of(looking: Looking, wanted: Sequence[Objective], how: How) -> Natural | None:
    """What the objectives say of the examples; asked again for the same objectives nothing is computed."""
    if not looking.batches:
        return None
    if tuple(wanted) in looking.naturals:
        return looking.naturals[tuple(wanted)]
    total = sum(len(batch.ids) for batch in looking.batches)
    with tqdm(total=total, desc="looking at examples", unit="ex", disable=not how.progress) as bar:
        looking.naturals[tuple(wanted)] = respond(looking.net, looking.layers, wanted, looking.batches, bar.update)
    return looking.naturals[tuple(wanted)]


def _start(looking: Looking, how: How) -> Tensor | None:
    """An image of the data for presets that begin with one: the first that was read."""
    if how.preset.start != "image" or not looking.batches or looking.palette is None:
        return None
    image = tensors(looking.batches[0].inputs)[0][0].float()
    x = looking.palette.from_net(image).clamp(0, 1)
    side = looking.palette.shape[1:]
    if x.shape[1:] == side:
        return x
    return torch.nn.functional.interpolate(x[None], size=side, mode="bilinear", align_corners=False)[0]


def _match(looking: Looking, objective: Objective) -> Match | None:
    """The unit of the replica that responds to the data's examples most like the objective's unit."""
    if objective.lone is None or not looking.batches:
        return None
    term, _ = objective.lone
    assert term.unit is not None
    own = looking.means(term.layer, 0)
    best: Match | None = None
    for number, (net, layers) in enumerate(looking.replicas, 1):
        other = looking.means(term.layer, number)
        r = _correlations(own[:, term.unit], other)
        unit = int(r.argmax())
        if r[unit] <= 0:
            return None
        if best is None or r[unit] < best.correlation:  # of several replicas the one that is least like it
            theirs = replace(objective, terms=(term.of(unit),), weights=(objective.lone[1],))
            data = respond(net, layers, [theirs], looking.batches).value[0]
            best = Match(net, layers, theirs, float(r[unit]), data)
    return best


def _correlations(one: NDArray[np.float32], many: NDArray[np.float32]) -> NDArray[np.float64]:
    """(units,) correlation of one unit with each of others over examples; 0 where either never varies."""
    a, b = one.astype(np.float64) - one.mean(dtype=np.float64), many.astype(np.float64) - many.mean(0, dtype=np.float64)
    scale = np.sqrt((a @ a) * (b * b).sum(0))
    found: NDArray[np.float64] = np.divide(a @ b, scale, out=np.zeros(len(scale)), where=scale > 1e-12)
    return found
