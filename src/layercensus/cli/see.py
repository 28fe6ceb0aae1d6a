"""layercensus see: pictures of what units respond to."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from ..errors import CensusError
from ..settings import check_seed
from .interrupt import kept
from .open import model_of
from .parameters import FLAT, ModelName
from .see_flags import AUTO, Compared, Made, Running, Wanted
from .see_words import parted

if TYPE_CHECKING:  # heavy to import: each function does so itself
    from ..census.census import Census
    from ..data.source import Source
    from ..models.model import Model
    from ..visualise.objective import Objective
    from ..visualise.options import SeeOptions
    from ..visualise.subject import Subject

ALL = "all"
EXAMPLES = """Examples:
  layercensus see my_package.nets:make images:photographs conv2:7
  layercensus see digits digits act.1:3,5,8-11 act.5:all --preset all
  layercensus see digits digits --census results --each 12"""


@dataclass(frozen=True)
class Asked:
    """Everything that was asked for."""

    model: str
    targets: tuple[str, ...]
    wanted: Wanted
    made: Made
    compared: Compared
    running: Running


def see(
    model: ModelName,
    images: Annotated[
        str | None,
        Parameter(name="DATA", help="your images, named as for `run`; without them nothing is compared"),
    ] = None,
    /,
    *targets: Annotated[
        str, Parameter(metavar="LAYER[:UNIT]", help="LAYER:3, LAYER:3,5,8-11, LAYER:all; or LAYER for its first units")
    ],
    wanted: Annotated[Wanted, FLAT] = Wanted(),  # noqa: B008 - frozen
    made: Annotated[Made, FLAT] = Made(),  # noqa: B008 - frozen
    compared: Annotated[Compared, FLAT] = Compared(),  # noqa: B008 - frozen
    running: Annotated[Running, FLAT] = Running(),  # noqa: B008 - frozen
) -> None:
    """Make pictures of what units respond to."""
    check_seed(running.seed)
    data, targets = parted([word for word in (images, *targets) if word is not None], compared.data)
    asked = Asked(model, targets, wanted, made, replace(compared, data=data), running)
    if wanted.census:
        with kept("made", wanted.census, again="the same command"):
            _see_census(asked, Path(wanted.census))
        return
    if not targets:
        raise CensusError("Name what to look at: LAYER:UNIT. List the layers with `layercensus layers MODEL`.")
    with kept("made", running.out):
        _see(asked, Path(running.out))


def _see(asked: Asked, out: Path) -> None:
    from ..layers.device import asked_device, on_device
    from ..layers.net import unwrap

    there = asked_device(asked.running.device)
    model, replicas = model_of(asked.model), [model_of(name) for name in asked.compared.replica]
    with on_device([unwrap(each.net) for each in (model, *replicas)], there):
        _see_there(asked, model, replicas, out)


def _see_there(asked: Asked, model: Model, replicas: list[Model], out: Path) -> None:
    from ..report.visualisations_page import write_see
    from ..visualise.images import check, visualise
    from ..visualise.normalised import normalisation_finding
    from ..visualise.record import Folder
    from ..visualise.see import subject_of

    runs = [_options(asked, preset) for preset in _presets(asked)]
    subject = subject_of(model, _source(asked, model), runs[0], replicas)
    wanted = _objectives(asked, subject)
    for options in runs:
        check(options, subject, wanted)
    about = _about(asked, model.name, subject, runs)
    told = normalisation_finding(subject)
    print(told, end="\n" if told else "")  # before the work, which it may be in vain
    findings: list[str] = []
    folder = Folder(out, about, resume=asked.running.resume, overwrite=asked.running.overwrite)
    try:
        for options in runs:
            left = [one for one in wanted if not folder.has(one.name, options.method.name)]
            keep = partial(folder.keep, options.method, options.count)
            result = visualise(subject, left, options, keep) if left else None
            if result is not None:
                findings += [line for line in result.findings if line not in (told, *findings)]
            if result is not None and result.interrupted:
                raise KeyboardInterrupt
    finally:
        order = {one.name: index for index, one in enumerate(wanted)}
        records = sorted(folder.records.values(), key=lambda record: order.get(record["target"], len(order)))
        if records:
            page = write_see(records, about, subject.missing, out)
            _show(records, subject.missing)
            print("\n".join(findings), end="\n" if findings else "")
            print(f"\nreport: {page}")


def _source(asked: Asked, model: Model) -> Source | None:
    from ..data.open import open_data

    if asked.compared.data is None:
        return None
    return open_data(asked.compared.data, prepare=model.prepare, limit_bad=asked.running.skip_bad)


def _presets(asked: Asked) -> list[str | None]:
    """The presets that were asked for; of "all" those for which there is what they need. None: the default."""
    from ..visualise.presets import PRESETS, preset_of

    prior, data = asked.made.prior, asked.compared.data
    if asked.made.preset is None:
        return [None]
    if asked.made.preset != ALL:
        chosen = preset_of(asked.made.preset)
        if chosen.needs == "prior" and not prior:
            raise CensusError(f"{chosen.name} needs a prior: `layercensus prior DATA --out FILE`, then --prior FILE.")
        return [chosen.name]
    have = {"": True, "images": data is not None or asked.model == "digits", "prior": prior is not None}
    for preset in PRESETS.values():
        if not have[preset.needs]:
            print(f"{preset.name} is left out: it needs {'--data' if preset.needs == 'images' else '--prior'}")
    return [preset.name for preset in PRESETS.values() if have[preset.needs]]


def _options(asked: Asked, preset: str | None) -> SeeOptions:
    from ..visualise.options import SeeOptions

    made, compared, running = asked.made, asked.compared, asked.running
    given = {
        "starts": asked.wanted.starts,
        "preset": preset, "steps": made.steps, "size": made.size, "prior": made.prior, "examples": compared.examples,
        "top": compared.top, "batch": running.batch,
    }  # fmt: skip
    more: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
    if made.contrast is not None:
        more["contrast"] = _contrast(made.contrast)
    return SeeOptions(seed=running.seed, progress=not running.quiet, **more)


def _contrast(text: str) -> float | str | None:
    if text in ("free", "natural", "auto"):
        return None if text == "free" else text
    try:
        return float(text)
    except ValueError:
        raise CensusError(f"--contrast must be a number, natural or free. Got {text!r}.") from None


def _objectives(asked: Asked, subject: Subject) -> list[Objective]:
    from ..visualise.names import objectives_of
    from ..visualise.see import diverse_objectives, objectives_for

    kind, faces = asked.wanted.objective, asked.wanted.faces
    named = [
        one for text in asked.targets for one in objectives_of(text, subject.net, subject.layers, kind, subject.mapped)
    ]
    named = list({objective.name: objective for objective in named}.values())
    if faces > 1:
        named = diverse_objectives(subject, named, faces)
    return objectives_for(subject, named, faces=faces)


def _about(asked: Asked, name: str, subject: Subject, runs: list[SeeOptions]) -> dict[str, Any]:
    from ..visualise.options import about_of

    wanted = asked.wanted
    about = about_of(runs[0], subject) | {"model": name, "objective": wanted.objective, "faces": wanted.faces}
    if len(runs) > 1:
        about |= {"preset": [options.method.name for options in runs], "steps": asked.made.steps}
    return about


def _show(records: list[dict[str, Any]], missing: str) -> None:
    if missing:
        print(missing)
    failed = [record for record in records if (record["score"] or {}).get("status")]
    for record in failed:
        print(f"{record['objective']} ({record['preset']}) {record['score']['status']}")
    if not missing:
        print(f"{len(records)} pictures, {len(failed)} of them marked as failed")


def _see_census(asked: Asked, folder: Path) -> None:
    from ..census.census import load
    from ..layers.device import asked_device, on_device
    from ..layers.net import unwrap
    from ..visualise.of_census import see_census

    wanted = asked.wanted
    if wanted.faces != 1 or asked.compared.replica or wanted.objective != AUTO or asked.made.preset == ALL:
        raise CensusError(
            "--census makes one picture of each concept: leave out --faces, --replica, --objective and --preset all."
        )
    census, there = load(folder), asked_device(asked.running.device)
    model = model_of(asked.model)
    options, source = _options(asked, _presets(asked)[0]), _source(asked, model)
    with on_device([unwrap(model.net)], there):
        census, interrupted = see_census(
            census, model, source, options=options, each=wanted.each, layers=asked.targets, keep=partial(_save, folder)
        )
    print(f"report: {census.report(folder / 'report', progress=not asked.running.quiet)}")
    if interrupted:
        raise KeyboardInterrupt


def _save(folder: Path, census: Census) -> None:
    census.save(folder)
