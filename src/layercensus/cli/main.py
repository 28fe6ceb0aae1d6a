"""The command: a thin shell over the library."""

from __future__ import annotations

import argparse
import shutil
import signal
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, NoReturn

from ..errors import CensusError
from . import lab, see

if TYPE_CHECKING:  # heavy to import: each command does so itself
    from ..census.census import Census
    from ..models.model import Model
    from ..settings import Settings


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code: 0, 2 for what the user can mend, 130 or 143 when interrupted."""
    args = _parsed(argv)
    signal.signal(signal.SIGTERM, _terminate)
    try:
        args.run(args)
    except CensusError as error:
        print(f"layercensus: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt as stop:
        where = _how_to_go_on(args)
        print(f"layercensus: interrupted{where}", file=sys.stderr)
        return 143 if isinstance(stop, Terminated) else 130
    except BrokenPipeError:
        return 0
    return 0


def _how_to_go_on(args: argparse.Namespace) -> str:
    if args.command == "see" and args.census:
        return f"; what is made is kept, go on with the same command (in {args.census})"
    what = {"run": "counted", "see": "made", "lab": "made"}.get(args.command)
    return f"; what is {what} is kept, go on with the same command and --resume (in {args.out})" if what else ""


def _parsed(argv: Sequence[str] | None) -> argparse.Namespace:
    """The command line; what stands behind options may still be a layer to look at."""
    top = parser()
    args, rest = top.parse_known_args(argv)
    if rest and (args.command != "see" or any(word.startswith("-") for word in rest)):
        top.error(f"unrecognized arguments: {' '.join(rest)}")
    if rest:
        args.targets += rest
    return args


class Terminated(KeyboardInterrupt):
    """SIGTERM, treated like Ctrl-C."""


def _terminate(number: int, frame: FrameType | None) -> NoReturn:
    raise Terminated


def parser() -> argparse.ArgumentParser:
    """The command line."""
    top = argparse.ArgumentParser(
        prog="layercensus", description="How many concepts has each layer of a network learned?"
    )
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")
    _demo(commands.add_parser("demo", help="train a small net on handwritten digits, count it, write the report"))
    _run(commands.add_parser("run", help="count a model on data"))
    _merge(commands.add_parser("merge", help="make one census of the counted shares of a data set"))
    _layers(commands.add_parser("layers", help="list a model's layers, and which are counted by default"))
    _report(commands.add_parser("report", help="draw the page of a saved census again"))
    _diff(commands.add_parser("diff", help="what changed between two saved censuses"))
    see.arguments(commands.add_parser("see", help="pictures of what units respond to"))
    see.prior_arguments(commands.add_parser("prior", help="train the learned prior that two ways of seeing need"))
    lab.arguments(commands.add_parser("lab", help="two classic experiments, trained here and counted like any net"))
    return top


def _demo(p: argparse.ArgumentParser) -> None:
    p.add_argument("--out", default="layercensus-demo", metavar="DIR", help="results folder (default %(default)s)")
    p.add_argument("--seed", type=int, default=0)
    p.add_argument("--quiet", action="store_true", help="no progress bars")
    p.set_defaults(run=run_demo)


def _run(p: argparse.ArgumentParser) -> None:
    p.add_argument(
        "model", metavar="MODEL", help="module:factory | efficientnet-lite:0 | hf:NAME_OR_FOLDER | lab:FILE | digits"
    )
    p.add_argument(
        "data", metavar="DATA", help="digits | mnist | images:FOLDER | npz:FILE | text:FILE | module:factory"
    )
    p.add_argument("--out", required=True, metavar="DIR", help="results folder")
    p.add_argument("--overwrite", action="store_true", help="replace a census that DIR already holds")
    p.add_argument("--resume", action="store_true", help="go on with an interrupted count in DIR")
    p.add_argument("--share", metavar="I/N", help="count only share I of N of the data, to be merged later")
    p.add_argument("--layers", action="append", metavar="GLOB", help="layers to count (several times: several globs)")
    p.add_argument("--unit-axis", action="append", default=[], metavar="GLOB=AXIS", help="where a layer's units are")
    p.add_argument("--no-twin", action="store_true", help="count without the untrained twin")
    p.add_argument("--twins", type=int, metavar="N", help="untrained nets, all but one on few examples (default 5)")
    p.add_argument("--dimension", action="store_true", help="also the linear and nonlinear dimension of each layer")
    p.add_argument("--replica", action="append", default=[], metavar="MODEL", help="another training run of the model")
    p.add_argument("--size", type=int, metavar="PIXELS", help="side to which images are resized and cropped")
    p.add_argument("--strength", type=float, metavar="X", help="strength of the perturbed views (default 1)")
    p.add_argument("--panel", type=int, metavar="N", help="examples for tests between units (default 2048)")
    p.add_argument("--reliability", type=float, metavar="R", help="cut below which a unit is noise (default .5)")
    p.add_argument("--tau", type=float, metavar="T", help="correlation from which units are duplicates (default .9)")
    p.add_argument("--signed", action="store_true", help="a unit and its negative are two concepts")
    p.add_argument("--batch", type=int, metavar="N", help="examples a forward pass (default 32)")
    p.add_argument("--checkpoint", type=float, metavar="SECONDS", help="time between checkpoints (default 30)")
    p.add_argument("--pictures", type=int, metavar="N", help="examples kept to be shown in the report (default 1000)")
    p.add_argument("--see", type=int, metavar="N", help="also make a picture of N concepts of each layer (default 0)")
    p.add_argument("--skip-bad", type=int, default=0, metavar="N", help="unreadable files to skip before giving up")
    p.add_argument("--seed", type=int, default=0)
    p.add_argument("--quiet", action="store_true", help="no progress bars")
    p.set_defaults(run=run_run)


def _merge(p: argparse.ArgumentParser) -> None:
    p.add_argument("folders", nargs="+", metavar="SHARE", help="results folder of each share")
    p.add_argument("--out", required=True, metavar="DIR", help="results folder of the whole")
    p.add_argument("--quiet", action="store_true", help="no progress bars")
    p.set_defaults(run=run_merge)


def _layers(p: argparse.ArgumentParser) -> None:
    p.add_argument("model", metavar="MODEL")
    p.add_argument("data", metavar="DATA", nargs="?", help="data to look at the layers with, where the model needs it")
    p.add_argument("--size", type=int, metavar="PIXELS")
    p.set_defaults(run=run_layers)


def _report(p: argparse.ArgumentParser) -> None:
    p.add_argument("folder", metavar="DIR")
    p.add_argument("--quiet", action="store_true", help="no progress bars")
    p.set_defaults(run=run_report)


def _diff(p: argparse.ArgumentParser) -> None:
    p.add_argument("a", metavar="A")
    p.add_argument("b", metavar="B")
    p.add_argument("--report", metavar="DIR", help="also draw both side by side into DIR")
    p.set_defaults(run=run_diff)


def run_demo(args: argparse.Namespace) -> None:
    """layercensus demo."""
    from ..demo import demo

    census = demo(Path(args.out), seed=args.seed, progress=not args.quiet)
    _show(census, Path(args.out), args.quiet)


def run_run(args: argparse.Namespace) -> None:
    """layercensus run MODEL DATA --out DIR."""
    from ..models.open import open_model
    from ..take import take

    out = Path(args.out)
    if (out / "census.json").exists() and not (args.overwrite or (args.resume and (out / "counting").exists())):
        raise CensusError(f"{out} already holds a census. Name another --out, or replace it with --overwrite.")
    if args.overwrite and (out / "counting" / "shard.json").exists():
        shutil.rmtree(out / "counting")
    model = _sized(open_model(args.model), args.size)
    if model.prepare:
        print(f"inputs: {model.prepare.describe()}")
    views = args.strength
    census = take(
        model, args.data, layers=args.layers, twin=not args.no_twin, replicas=args.replica, views=views, seed=args.seed,
        settings=_settings(args),
    )  # fmt: skip
    if args.share:
        print(f"share {args.share} is counted: {census.about['examples']:,} examples, kept in {out}")
        print("when all shares are: layercensus merge SHARE ... --out DIR")
        return
    _show(census, out, args.quiet)


def _sized(model: Model, size: int | None) -> Model:
    from ..models.prepare import Prepare

    return model if size is None else replace(model, prepare=replace(model.prepare or Prepare(), size=(size, size)))


def _settings(args: argparse.Namespace) -> Settings:
    from ..settings import Settings

    given = {
        name: getattr(args, name)
        for name in ("panel", "reliability", "tau", "batch", "checkpoint", "twins", "pictures", "see")
        if getattr(args, name) is not None
    }
    return Settings(
        **given,
        sign_blind=not args.signed,
        dimension=args.dimension,
        unit_axis=dict(map(_axis, args.unit_axis)),
        shard=_share(args.share),
        out=args.out,
        resume=args.resume,
        limit_bad=args.skip_bad,
        progress=not args.quiet,
    )


def _share(text: str | None) -> tuple[int, int] | None:
    if text is None:
        return None
    number, _, shares = text.partition("/")
    if not (number.isdigit() and shares.isdigit()):
        raise CensusError(f"--share must be I/N, such as 2/4. Got {text!r}.")
    return int(number), int(shares)


def _axis(text: str) -> tuple[str, int]:
    glob, _, axis = text.rpartition("=")
    if not glob or not axis.lstrip("-").isdigit():
        raise CensusError(f"--unit-axis must be GLOB=AXIS, such as 'blocks.*=2'. Got {text!r}.")
    return glob, int(axis)


def _show(census: Census, out: Path, quiet: bool) -> None:
    from ..report.terminal import show

    page = census.report(out / "report", progress=not quiet)
    show(census, census.verdict)
    print(f"\nreport: {page}")


def run_merge(args: argparse.Namespace) -> None:
    """layercensus merge SHARE ... --out DIR."""
    from ..census.merge import merge

    out = Path(args.out)
    if (out / "census.json").exists():
        raise CensusError(f"{out} already holds a census. Name another --out.")
    _show(merge(args.folders, out=out, progress=not args.quiet), out, args.quiet)


def run_layers(args: argparse.Namespace) -> None:
    """layercensus layers MODEL [DATA]."""
    from ..models.open import open_model
    from ..report.terminal import show_layers
    from ..take import layers_of

    show_layers(layers_of(_sized(open_model(args.model), args.size), args.data))


def run_report(args: argparse.Namespace) -> None:
    """layercensus report DIR."""
    from ..census.census import load

    print(load(args.folder).report(Path(args.folder) / "report", progress=not args.quiet))


def run_diff(args: argparse.Namespace) -> None:
    """layercensus diff A B [--report DIR]."""
    from ..census.census import load
    from ..report.terminal import show_difference
    from ..report.two import write_two
    from ..verdict.diff import differences

    a, b = load(args.a), load(args.b)
    show_difference(differences(a, b))
    if args.report:
        print(f"\nreport: {write_two(a, b, Path(args.report))}")


if __name__ == "__main__":
    sys.exit(main())
