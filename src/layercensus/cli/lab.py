"""layercensus lab: the two experiments, identity and cdbn."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

from cyclopts import App, Group, Parameter

from ..errors import CensusError
from ..settings import check_seed
from .interrupt import kept
from .parameters import FLAT, INTEGER, RUN, Out, Overwrite, Quiet, Resume, Seed, option

if TYPE_CHECKING:  # heavy to import: each function does so itself
    from _typeshed import DataclassInstance

    from ..labs.identity.options import Options

EXAMPLES = """Examples:
  layercensus lab identity
  layercensus lab cdbn --effort 0.1 --out quick"""
IDENTITY_EXAMPLES = """Examples:
  layercensus lab identity
  layercensus lab identity --depths 1,7,20 --fc none --seeds 1 --out three
  layercensus lab identity --full"""
CDBN_EXAMPLES = """Examples:
  layercensus lab cdbn
  layercensus lab cdbn --images photographs --objects objects --out mine"""

lab = App(
    name="lab",
    help="Train two classic experiments here, and count them like any net.",
    help_epilogue=EXAMPLES,
    group_commands=Group("Labs", sort_key=1),
    group=Group("Experiments", sort_key=4),
)
HOW, SHAPE = "labs/identity/options:Options.", "labs/identity/nets:Shape."
T = TypeVar("T", bound="DataclassInstance")


Clothing = Annotated[str | None, option("FOLDER", "Fashion-MNIST; by default where Debian's package puts it")]


@Parameter(group=RUN)
@dataclass(frozen=True, kw_only=True)
class Running:
    """How a lab runs."""

    overwrite: Overwrite = False
    resume: Resume = False
    device: Annotated[str, option("NAME", "cpu | cuda, where the nets are trained")] = "cpu"
    seed: Seed = 0
    quiet: Quiet = False


@Parameter(group=Group("The nets", sort_key=2))
@dataclass(frozen=True, kw_only=True)
class Nets:
    """Which nets the identity lab trains; None: as the lab has it."""

    full: Annotated[bool, Parameter(help="the paper's width and depths: hours of one core", show_default=False)] = False
    depths: Annotated[str | None, option("N,N,...", "layers of the convolutional nets", HOW + "depths")] = None
    fc: Annotated[str | None, option("N,N,...", "layers of the fully connected nets, or none", HOW + "full")] = None
    channels: Annotated[int | None, INTEGER, option("N", "of every hidden layer")] = None
    kernel: Annotated[int | None, INTEGER, option("N", "side of the kernels", SHAPE + "kernel")] = None
    padding: Annotated[str | None, option("KIND", "zeros, circular, reflect, replicate", SHAPE + "padding")] = None
    no_bias: Annotated[bool, Parameter(help="layers without a bias", show_default=False)] = False
    activation: Annotated[str | None, option("KIND", "relu, tanh, gelu, linear", SHAPE + "activation")] = None
    no_paper_width: Annotated[bool, Parameter(help="leave out the nets of the paper's width", show_default=False)] = (
        False
    )


@Parameter(group=Group("Training and counting", sort_key=3))
@dataclass(frozen=True, kw_only=True)
class Training:
    """How the identity lab trains and counts; None: as the lab has it."""

    seeds: Annotated[int | None, INTEGER, option("N", "training runs of every depth", HOW + "seeds")] = None
    steps: Annotated[int | None, INTEGER, option("N", "of training, at most", "labs/identity/train:Recipe.steps")] = (
        None
    )
    image: Annotated[str | None, option("FILE", "the picture to be learned; by default the first 7 of MNIST")] = None
    clothing: Clothing = None
    counted: Annotated[int | None, INTEGER, option("N", "depths that get a census; 0: none", HOW + "counted")] = None
    workers: Annotated[int | None, INTEGER, option("N", "nets trained at a time on the CPU", HOW + "workers")] = None


def identity(
    *,
    out: Out = "layercensus-identity",
    nets: Annotated[Nets, FLAT] = Nets(),
    training: Annotated[Training, FLAT] = Training(),
    running: Annotated[Running, FLAT] = Running(),
) -> None:
    """Nets that see one picture and must return it (Zhang et al. 2020)."""
    from ..labs.identity.lab import run
    from ..labs.identity.page import summary, write_identity

    options, folder = _options(nets, training, running), Path(out)
    with kept("made", folder):
        results = run(folder, options, resume=running.resume, overwrite=running.overwrite)
    page = write_identity(results, options, folder)
    for line in summary(results, options):
        print(line)
    print(f"\nreport: {page}")


def _options(nets: Nets, training: Training, running: Running) -> Options:
    from ..labs.identity.options import Options, paper

    options = paper(Options()) if nets.full else Options()
    depths = None if nets.depths is None else _numbers("--depths", nets.depths)
    full = None if nets.fc is None else () if nets.fc == "none" else _numbers("--fc", nets.fc)
    shape = _changed(
        options.shape, channels=nets.channels, kernel=nets.kernel, padding=nets.padding, activation=nets.activation,
        bias=not nets.no_bias,
    )  # fmt: skip
    return _changed(
        options, depths=depths, full=full, shape=shape, recipe=_changed(options.recipe, steps=training.steps),
        seeds=training.seeds, image=training.image, clothing=training.clothing, counted=training.counted,
        workers=training.workers, paper_width=not nets.no_paper_width, **_running(running),
    )  # fmt: skip


def _changed(default: T, **given: Any) -> T:
    """The same, with what was given."""
    return replace(default, **{name: value for name, value in given.items() if value is not None})


def _running(running: Running) -> dict[str, Any]:
    return {"seed": check_seed(running.seed), "device": device(running.device), "progress": not running.quiet}


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


@Parameter(group=Group("What is learned", sort_key=2))
@dataclass(frozen=True, kw_only=True)
class Learned:
    """What the cdbn lab learns from; None: as the lab has it."""

    images: Annotated[str | None, option("FOLDER", "photographs; by default those of scikit-image")] = None
    objects: Annotated[str | None, option("FOLDER", "a folder of images for each class of objects")] = None
    clothing: Clothing = None
    effort: Annotated[float | None, option("X", "factor on training steps", "labs/cdbn/options:Options.effort")] = None
    no_census: Annotated[bool, Parameter(help="measure without counting the nets", show_default=False)] = False


def cdbn(
    *,
    out: Out = "layercensus-cdbn",
    learned: Annotated[Learned, FLAT] = Learned(),
    running: Annotated[Running, FLAT] = Running(),
) -> None:
    """The convolutional deep belief network (Lee et al. 2009)."""
    from ..labs.cdbn.claims import claims
    from ..labs.cdbn.lab import run
    from ..labs.cdbn.options import Options

    options = _changed(
        Options(census=not learned.no_census, **_running(running)), images=learned.images, objects=learned.objects,
        clothing=learned.clothing, effort=learned.effort,
    )  # fmt: skip
    with kept("made", out):
        results = run(Path(out), options, resume=running.resume, overwrite=running.overwrite)
    for claim in claims(results):
        print(f"{'holds' if claim.holds else 'DOES NOT HOLD'}: {claim.statement} ({claim.evidence})")
    for line in results["missing"]:
        print(line)
    print(f"\nreport: {Path(out) / 'index.html'}")


lab.command(identity, help_epilogue=IDENTITY_EXAMPLES)
lab.command(cdbn, help_epilogue=CDBN_EXAMPLES)
