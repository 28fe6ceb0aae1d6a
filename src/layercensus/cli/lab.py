"""The command that runs the two experiments: lab identity, lab cdbn."""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import CensusError

if TYPE_CHECKING:  # heavy to import: each command does so itself
    from ..labs.identity.options import Options


def arguments(p: argparse.ArgumentParser) -> None:
    """layercensus lab identity | cdbn ..."""
    labs = p.add_subparsers(dest="lab", required=True, metavar="LAB")
    _identity(labs.add_parser("identity", help="nets that see one picture and must return it (Zhang et al. 2020)"))
    _cdbn(labs.add_parser("cdbn", help="the convolutional deep belief network (Lee et al. 2009)"))


def _identity(p: argparse.ArgumentParser) -> None:
    p.add_argument("--out", default="layercensus-identity", metavar="DIR", help="results folder (default %(default)s)")
    p.add_argument("--full", action="store_true", help="the paper's width and depths: hours of one GPU")
    p.add_argument("--depths", metavar="N,N,...", help="layers of the convolutional nets")
    p.add_argument("--fc", metavar="N,N,...", help="layers of the fully connected nets; none for no such nets")
    p.add_argument("--channels", type=int, metavar="N", help="of every hidden layer (default 24; with --full 128)")
    p.add_argument("--kernel", type=int, default=5, metavar="N", help="side of the kernels (default %(default)s)")
    p.add_argument("--padding", default="zeros", metavar="KIND", help="zeros | circular | reflect | replicate")
    p.add_argument("--no-bias", action="store_true", help="layers without a bias")
    p.add_argument("--activation", default="relu", metavar="KIND", help="relu | tanh | gelu | linear")
    p.add_argument("--seeds", type=int, default=3, metavar="N", help="training runs of every depth (default 3)")
    p.add_argument("--steps", type=int, metavar="N", help="of training, at most (default 1500)")
    p.add_argument("--image", metavar="FILE", help="the picture to be learned (default: the first 7 of MNIST)")
    p.add_argument("--clothing", metavar="FOLDER", help="Fashion-MNIST (default: where Debian's package puts it)")
    p.add_argument("--counted", type=int, default=4, metavar="N", help="depths that get a census (default 4; 0: none)")
    p.add_argument("--no-paper-width", action="store_true", help="leave out the untrained nets of the paper's width")
    p.add_argument("--device", default="cpu", metavar="NAME", help="cpu | cuda, where the nets are trained")
    p.add_argument("--workers", type=int, default=2, metavar="N", help="nets trained at a time on the CPU (default 2)")
    _common(p)
    p.set_defaults(run=run_identity)


def _cdbn(p: argparse.ArgumentParser) -> None:
    p.add_argument("--out", default="layercensus-cdbn", metavar="DIR", help="results folder (default %(default)s)")
    p.add_argument("--images", metavar="FOLDER", help="photographs for the first experiment (default: scikit-image's)")
    p.add_argument("--objects", metavar="FOLDER", help="a folder of images for each class of objects")
    p.add_argument("--clothing", metavar="FOLDER", help="Fashion-MNIST (default: where Debian's package puts it)")
    p.add_argument("--effort", type=float, default=1.0, metavar="X", help="factor on all training steps (default 1)")
    p.add_argument("--no-census", action="store_true", help="measure without counting the nets")
    p.add_argument("--device", default="cpu", metavar="NAME", help="cpu | cuda, where the nets are trained")
    _common(p)
    p.set_defaults(run=run_cdbn)


def _common(p: argparse.ArgumentParser) -> None:
    p.add_argument("--overwrite", action="store_true", help="replace what DIR already holds")
    p.add_argument("--resume", action="store_true", help="go on with an interrupted run in DIR")
    p.add_argument("--seed", type=int, default=0)
    p.add_argument("--quiet", action="store_true", help="no progress bars")


def run_identity(args: argparse.Namespace) -> None:
    """layercensus lab identity."""
    from ..labs.identity.lab import run
    from ..labs.identity.page import summary, write_identity

    options, out = _options(args), Path(args.out)
    results = run(out, options, resume=args.resume, overwrite=args.overwrite)
    page = write_identity(results, options, out)
    for line in summary(results, options):
        print(line)
    print(f"\nreport: {page}")


def run_cdbn(args: argparse.Namespace) -> None:
    """layercensus lab cdbn."""
    from ..labs.cdbn.claims import claims
    from ..labs.cdbn.lab import run
    from ..labs.cdbn.options import Options

    options = Options(
        seed=args.seed, device=device(args.device), images=args.images, objects=args.objects, clothing=args.clothing,
        effort=args.effort, census=not args.no_census, progress=not args.quiet,
    )  # fmt: skip
    results = run(Path(args.out), options, resume=args.resume, overwrite=args.overwrite)
    for claim in claims(results):
        print(f"{'holds' if claim.holds else 'DOES NOT HOLD'}: {claim.statement} ({claim.evidence})")
    for line in results["missing"]:
        print(line)
    print(f"\nreport: {Path(args.out) / 'index.html'}")


def _options(args: argparse.Namespace) -> Options:
    from ..labs.identity.options import Options, paper

    options = paper(Options()) if args.full else Options()
    shape = replace(
        options.shape, kernel=args.kernel, padding=args.padding, bias=not args.no_bias, activation=args.activation,
        channels=options.shape.channels if args.channels is None else args.channels,
    )  # fmt: skip
    return replace(
        options, shape=shape, seeds=args.seeds, seed=args.seed, device=device(args.device), workers=args.workers,
        depths=options.depths if args.depths is None else _numbers("--depths", args.depths),
        full=options.full if args.fc is None else () if args.fc == "none" else _numbers("--fc", args.fc),
        recipe=options.recipe if args.steps is None else replace(options.recipe, steps=args.steps),
        image=args.image, clothing=args.clothing, counted=args.counted, paper_width=not args.no_paper_width,
        progress=not args.quiet,
    )  # fmt: skip


def _numbers(name: str, text: str) -> tuple[int, ...]:
    if not all(part.strip().isdigit() and int(part) > 0 for part in text.split(",")):
        raise CensusError(f"{name} must be numbers from 1 with commas between, such as 1,5,20. Got {text!r}.")
    return tuple(int(part) for part in text.split(","))


def device(name: str) -> str:
    """The name of a device that is there.

    Raises:
        CensusError: torch knows no such device, or it is not on this machine.
    """
    import torch

    try:
        torch.zeros(1, device=name)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        raise CensusError(f"--device must be cpu, or a GPU that torch can use, such as cuda. Got {name!r}.") from error
    return name
