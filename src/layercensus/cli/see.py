"""The commands that make pictures: see, prior."""

from __future__ import annotations

import argparse
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import CensusError

if TYPE_CHECKING:  # heavy to import: each command does so itself
    from ..census.census import Census
    from ..visualise.objective import Objective
    from ..visualise.options import SeeOptions
    from ..visualise.subject import Subject

ALL = "all"


def arguments(p: argparse.ArgumentParser) -> None:
    """layercensus see MODEL LAYER[:UNIT] ..."""
    p.add_argument("model", metavar="MODEL", help="as for `layercensus run`")
    p.add_argument("targets", metavar="LAYER[:UNIT]", nargs="*", help="LAYER:3, LAYER:3,5,8-11, LAYER:all; or LAYER")
    p.add_argument("--data", metavar="DATA", help="your own images: colours, examples and scores come from them")
    p.add_argument("--census", metavar="DIR", help="a census of this model: pictures of its concepts, into its report")
    p.add_argument("--each", type=int, default=6, metavar="N", help="with --census: concepts a layer (default 6)")
    p.add_argument("--out", default="layercensus-see", metavar="DIR", help="results folder (default %(default)s)")
    p.add_argument("--objective", default="neuron", metavar="KIND", help="neuron | channel | layer (default neuron)")
    p.add_argument("--preset", default=None, metavar="NAME", help="a published method, or all (default olah2017)")
    p.add_argument("--prior", metavar="FILE", help="from `layercensus prior`, for the presets that need one")
    p.add_argument("--faces", type=int, default=1, metavar="N", help="different pictures of each unit (default 1)")
    p.add_argument("--steps", type=int, metavar="N", help="steps of the optimiser (default: the preset's own)")
    p.add_argument("--size", type=int, metavar="PIXELS", help="side of the pictures (default: of the net's input)")
    p.add_argument("--contrast", metavar="X", help="share of the range that a picture takes, or free (default: auto)")
    p.add_argument("--replica", action="append", default=[], metavar="MODEL", help="another training run of the model")
    p.add_argument("--examples", type=int, default=512, metavar="N", help="of the data, read (default %(default)s)")
    p.add_argument("--top", type=int, default=5, metavar="N", help="examples shown for each unit (default %(default)s)")
    p.add_argument("--batch", type=int, metavar="N", help="pictures made at a time")
    p.add_argument("--overwrite", action="store_true", help="replace the pictures that DIR already holds")
    p.add_argument("--resume", action="store_true", help="go on with an interrupted run in DIR")
    p.add_argument("--skip-bad", type=int, default=0, metavar="N", help="unreadable files to skip before giving up")
    p.add_argument("--seed", type=int, default=0)
    p.add_argument("--quiet", action="store_true", help="no progress bars")
    p.set_defaults(run=run_see)


def prior_arguments(p: argparse.ArgumentParser) -> None:
    """layercensus prior DATA --out FILE."""
    p.add_argument("data", metavar="DATA", help="your own images")
    p.add_argument("--model", metavar="MODEL", help="the model that the pictures will be for: how it wants its inputs")
    p.add_argument("--size", type=int, metavar="PIXELS", help="side to which images are resized and cropped")
    p.add_argument("--out", default="prior.safetensors", metavar="FILE", help="(default %(default)s)")
    p.add_argument("--steps", type=int, default=1500, metavar="N", help="of training (default %(default)s)")
    p.add_argument("--skip-bad", type=int, default=0, metavar="N", help="unreadable files to skip before giving up")
    p.add_argument("--seed", type=int, default=0)
    p.add_argument("--quiet", action="store_true", help="no progress bars")
    p.set_defaults(run=run_prior)


def run_see(args: argparse.Namespace) -> None:
    """layercensus see."""
    from ..data.open import open_data
    from ..models.open import open_model
    from ..report.visualisations_page import write_see
    from ..visualise.images import check, visualise
    from ..visualise.record import Folder
    from ..visualise.see import subject_of

    if args.census:
        _see_census(args)
        return
    if not args.targets:
        raise CensusError("Name what to look at: LAYER:UNIT. List the layers with `layercensus layers MODEL`.")
    model = open_model(args.model)
    source = None if args.data is None else open_data(args.data, prepare=model.prepare, limit_bad=args.skip_bad)
    runs = [_options(args, preset) for preset in _presets(args)]
    subject = subject_of(model, source, runs[0], [open_model(name) for name in args.replica])
    wanted = _objectives(args, subject)
    for options in runs:
        check(options, subject, wanted)
    out = Path(args.out)
    about = _about(args, model.name, subject, runs)
    folder = Folder(out, about, resume=args.resume, overwrite=args.overwrite)
    try:
        for options in runs:
            left = [one for one in wanted if not folder.has(one.name, options.method.name)]
            keep = partial(folder.keep, options.method, options.count)
            if left and visualise(subject, left, options, keep).interrupted:
                raise KeyboardInterrupt
    finally:
        order = {one.name: place for place, one in enumerate(wanted)}
        records = sorted(folder.records.values(), key=lambda record: order.get(record["target"], len(order)))
        if records:
            page = write_see(records, about, subject.missing, out)
            _show(records, subject.missing)
            print(f"\nreport: {page}")


def _presets(args: argparse.Namespace) -> list[str | None]:
    """The presets that were asked for; of "all" those for which there is what they need. None: the default."""
    from ..visualise.presets import PRESETS, preset_of

    if args.preset is None:
        return [None]
    if args.preset != ALL:
        chosen = preset_of(args.preset)
        if chosen.needs == "prior" and not args.prior:
            raise CensusError(f"{chosen.name} needs a prior: `layercensus prior DATA --out FILE`, then --prior FILE.")
        return [chosen.name]
    have = {"": True, "images": args.data is not None or args.model == "digits", "prior": args.prior is not None}
    for preset in PRESETS.values():
        if not have[preset.needs]:
            print(f"{preset.name} is left out: it needs {'--data' if preset.needs == 'images' else '--prior'}")
    return [preset.name for preset in PRESETS.values() if have[preset.needs]]


def _options(args: argparse.Namespace, preset: str | None) -> SeeOptions:
    from ..visualise.options import AUTO, SeeOptions

    contrast: Any = AUTO if args.contrast is None else None if args.contrast == "free" else _number(args.contrast)
    return SeeOptions(
        preset=preset, steps=args.steps, size=args.size, contrast=contrast, prior=args.prior or None,
        examples=args.examples, top=args.top, seed=args.seed, batch=args.batch, progress=not args.quiet,
    )  # fmt: skip


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise CensusError(f"--contrast must be a number or free. Got {text!r}.") from None


def _objectives(args: argparse.Namespace, subject: Subject) -> list[Objective]:
    from ..visualise.names import objectives_of
    from ..visualise.see import diverse_objectives, objectives_for

    named = [o for text in args.targets for o in objectives_of(text, subject.net, subject.layers, args.objective)]
    named = list({objective.name: objective for objective in named}.values())
    if args.faces > 1:
        named = diverse_objectives(subject, named, args.faces)
    return objectives_for(subject, named, faces=args.faces)


def _about(args: argparse.Namespace, name: str, subject: Subject, runs: list[SeeOptions]) -> dict[str, Any]:
    from ..visualise.options import about_of

    about = about_of(runs[0], subject) | {"model": name, "objective": args.objective, "faces": args.faces}
    if len(runs) > 1:
        about |= {"preset": [options.method.name for options in runs], "steps": args.steps}
    return about


def _show(records: list[dict[str, Any]], missing: str) -> None:
    if missing:
        print(missing)
    failed = [record for record in records if (record["score"] or {}).get("status")]
    for record in failed:
        print(f"{record['objective']} ({record['preset']}) {record['score']['status']}")
    if not missing:
        print(f"{len(records)} pictures, {len(failed)} of them marked as failed")


def _see_census(args: argparse.Namespace) -> None:
    from ..census.census import load
    from ..data.open import open_data
    from ..models.open import open_model
    from ..visualise.of_census import see_census

    if args.faces != 1 or args.replica or args.objective != "neuron" or args.preset == ALL:
        raise CensusError(
            "--census makes one picture of each concept: leave out --faces, --replica, --objective and --preset all."
        )
    census = load(args.census)
    model = open_model(args.model)
    source = None if args.data is None else open_data(args.data, prepare=model.prepare, limit_bad=args.skip_bad)
    options, folder = _options(args, _presets(args)[0]), Path(args.census)
    census, interrupted = see_census(census, model, source, options, args.each, args.targets, partial(_save, folder))
    print(f"report: {census.report(Path(args.census) / 'report', progress=not args.quiet)}")
    if interrupted:
        raise KeyboardInterrupt


def _save(folder: Path, census: Census) -> None:
    census.save(folder)


def run_prior(args: argparse.Namespace) -> None:
    """layercensus prior."""
    from ..data.open import open_data
    from ..models.open import open_model
    from ..models.prepare import Prepare
    from ..visualise.priors import train_prior

    prepare = open_model(args.model).prepare if args.model else None
    if args.size is not None:
        from dataclasses import replace

        prepare = replace(prepare or Prepare(), size=(args.size, args.size))
    if args.steps < 1:
        raise CensusError(f"--steps must be at least 1. Got {args.steps}.")
    source = open_data(args.data, prepare=prepare, limit_bad=args.skip_bad)
    prior = train_prior(source, seed=args.seed, steps=args.steps, progress=not args.quiet)
    prior.save(args.out)
    print(f"{args.out}: {prior.about['unexplained']:.0%} of the images' variance is not in the prior's pictures")
