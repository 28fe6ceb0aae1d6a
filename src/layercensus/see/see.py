"""From a model and objectives to pictures with scores: the whole way in one function."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from tqdm import tqdm

from ..data.batch import Batch, tensors
from ..data.open import open_data
from ..data.source import Source
from ..errors import CensusError
from ..models.fingerprint import weights
from ..models.layers import survey, unwrap
from ..models.open import Model, open_model
from .looking import Looking
from .names import objectives_of
from .natural import Natural, chosen_ids, places_of, read, respond
from .objectives import Objective, diversity
from .optimise import optimise
from .palette import palette_of, palette_without, refusal
from .pictures import Pictures, Sight
from .presets import DEFAULT, Preset, preset_of
from .priors import Prior, load_prior
from .score import Match, Score, score
from .tops import tops_of
from .watch import bound

CONTRAST = 1.0  # share of the range that a picture takes where its objective is read at one place
AUTO = "auto"
PIXELS = 8 * 224 * 224  # of all pictures that are made at a time
MOST = 64  # pictures at a time, however small
EXAMPLES = 512
TOP = 5
SEVERAL = "Pictures can be made for nets that take one image. This one takes several tensors."
Keep = Callable[[Sequence[Sight]], None]


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
    prior: what `layercensus prior` made, for the presets "nguyen2016" and "nguyen2016b".
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


@dataclass(frozen=True)
class How:
    """How pictures are made; see `see` for each."""

    preset: Preset
    asked: bool = False  # the preset was named by the user
    steps: int | None = None
    size: int | tuple[int, int] | None = None
    contrast: float | str | None = AUTO
    shared: bool = False
    prior: Prior | None = None
    examples: int = EXAMPLES
    top: int = TOP
    seed: int = 0
    batch: int | None = None
    progress: bool = True

    def __post_init__(self) -> None:
        for name, least in (("steps", 1), ("examples", 2), ("top", 0), ("batch", 1)):
            value = getattr(self, name)
            if value is not None and value < least:
                raise CensusError(f"{name} must be at least {least}. Got {value}.")
        if isinstance(self.contrast, str) and self.contrast != AUTO:
            raise CensusError(f"contrast must be a number, None or 'auto'. Got {self.contrast!r}.")
        if isinstance(self.contrast, (int, float)) and not 0 < self.contrast <= 1:
            raise CensusError(f"contrast must be above 0 and at most 1. Got {self.contrast}.")
        sides = (self.size,) if isinstance(self.size, int) else self.size or ()
        if any(side < 4 for side in sides):
            raise CensusError(f"size must be at least 4 pixels. Got {self.size}.")

    @property
    def count(self) -> int:
        """Steps."""
        return self.preset.steps if self.steps is None else self.steps


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
    raise CensusError(f"{model.name} needs data to be looked at. Name some: --data DATA, or data= in Python.")


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
    natural = _natural(
        looking, list(bound(wanted, looking.net, looking.layers)), replace(How(preset_of(DEFAULT)), progress=False)
    )
    tops = [1.0] * len(wanted) if natural is None else [float(values.max()) for values in natural.value]
    return [
        (one + max(abs(top), 1e-6) * diversity(one.terms[0].layer)).named(one.name).with_faces(faces)
        for one, top in zip(wanted, tops, strict=True)
    ]


def make(looking: Looking, wanted: Sequence[Objective], how: How, keep: Keep = lambda sights: None) -> Pictures:
    """The pictures of these objectives. keep: is handed those of each batch as soon as they are scored."""
    check(how, looking, wanted)
    about = about_of(how, looking)
    natural = _natural(looking, wanted, how)
    done: list[Sight] = []
    interrupted = False
    start = _start(looking, natural, how)
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
        raise CensusError(f"{preset.name} needs images to take its spectrum from. Name data: --data DATA.")
    if preset.needs == "prior" and prior is None:
        raise CensusError(f"{preset.name} needs a prior: `layercensus prior DATA --out FILE`, then --prior FILE.")
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


def _natural(looking: Looking, wanted: Sequence[Objective], how: How) -> Natural | None:
    if not looking.batches:
        return None
    total = sum(len(batch.ids) for batch in looking.batches)
    with tqdm(total=total, desc="looking at examples", unit="ex", disable=not how.progress) as bar:
        return respond(looking.net, looking.layers, wanted, looking.batches, bar.update)


def _start(looking: Looking, natural: Natural | None, how: How) -> Tensor | None:
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


def _content(source: Source) -> dict[str, Any]:
    return {name: value for name, value in source.about.items() if name != "skipped"}


def about_of(how: How, looking: Looking) -> dict[str, Any]:
    """How pictures are made, as JSON."""
    return {
        "preset": how.preset.name, "paper": how.preset.paper, "regulariser": how.preset.regulariser,
        "steps": how.count, "size": list(looking.palette.shape[1:]) if looking.palette else None,
        "contrast": how.contrast, "shared": how.shared, "seed": how.seed, "top": how.top,
        "prior": None if how.prior is None else dict(how.prior.about),
        "palette": looking.palette.source if looking.palette else None,
        "examples": sum(len(batch.ids) for batch in looking.batches),
        "data": None if looking.source is None else looking.source.name,
        "weights": weights(looking.net), "replicas": [weights(net) for net, _ in looking.replicas],
        "source": None if looking.source is None else _content(looking.source),
    }  # fmt: skip
