"""Every family of nets that people have, one small member each with random weights: counted, and with right numbers?

python benchmarks/zoo.py > docs/zoo.md              # all that is installed; in an environment of its own (below)
python benchmarks/zoo.py --only timm --third 1      # a third of one library
python benchmarks/zoo.py --rows rows.txt            # a row is added as it comes; those there are kept
python benchmarks/zoo.py --only none --rows rows.txt   # the page of the rows there are
python benchmarks/zoo.py --needed --only "transformers: gpt2"   # with the directions that the answers need
"""

from __future__ import annotations

import argparse
import signal
import sys
import time
import traceback
import warnings
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from unittest.mock import patch
from zlib import crc32

import torch
from torch import Tensor, nn

import layercensus as lc
from layercensus.count import plan

sys.path.insert(0, str(Path(__file__).parent))
from zoo_nets import Family, families

LAST, FIRST = (nn.Linear, nn.LayerNorm, nn.Embedding), (
    nn.Conv1d, nn.Conv2d, nn.Conv3d, nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d, nn.GroupNorm,
)  # fmt: skip
PACKAGES = ("torch", "torchvision", "timm", "transformers", "diffusers", "torch_geometric")
SECONDS = 150  # of the processor's time that a family may take
CLOSE = 1e-3  # relative, of a unit's mean from one-example runs

HEAD = """# The zoo

One small member of every family of nets, with random weights and small inputs, eight examples each, counted beside its
twin: printed by `python benchmarks/zoo.py --rows FILE` in an environment of its own ({versions}).
Rows are kept from run to run, and what a file has is not run again.

{families} families: {sums}. Not run yet: {missing}.

axes: layers whose class fixes where their units lie, as surveyed / all of them. means: counted layers whose units have
the means that plain hooks find when every example is passed alone / all that could be compared so. WRONG would be a row
where the two differ. Seconds are of a machine that did other things as well.

| library | family | state | layers | counted | axes | means | twin | needed | seconds | line |
|---|---|---|---|---|---|---|---|---|---|---|
"""


@dataclass(frozen=True)
class Result:
    """What came of a family."""

    library: str
    name: str
    state: str  # counted, refused, WRONG, TRACEBACK, not built, too slow
    layers: int = 0
    counted: int = 0
    axes: str = "-"  # surveyed layers whose unit axis their class fixes: right / all
    means: str = "-"  # counted layers whose units' means equal those of one-example runs: right / all
    twin: str = "-"
    needed: str = "-"
    seconds: float = 0.0
    line: str = ""


class Late(BaseException):
    """The time of a family is over; no Exception, which a census takes for a word of the net."""


def run(family: Family, needed: bool) -> Result:
    """Count a family's member and check it."""
    start = time.time()
    try:
        with _limit(SECONDS), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            torch.manual_seed(0)
            net, inputs = family.make()
            _passed(net, inputs)  # what a net does not take by itself says nothing of a census
    except (Exception, Late) as error:
        return Result(family.library, family.name, "not built", line=_line(error))
    result = Result(family.library, family.name, "counted")
    try:
        with _limit(SECONDS), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            result = _counted(family, net, inputs, needed)
    except lc.CensusError as error:
        result = Result(family.library, family.name, "refused", line=_line(error))
    except Late:
        result = Result(family.library, family.name, "too slow", line=f"more than {SECONDS} s of the processor's time")
    except Exception as error:
        traceback.print_exc(file=sys.stderr)
        result = Result(family.library, family.name, "TRACEBACK", line=f"{type(error).__name__}: {_line(error)}")
    return Result(**{**vars(result), "seconds": time.time() - start})


def _passed(net: nn.Module, inputs: Any) -> None:
    with torch.no_grad():
        net(**inputs) if isinstance(inputs, dict) else net(inputs)


def _counted(family: Family, net: nn.Module, inputs: Any, needed: bool) -> Result:
    settings = lc.Settings(
        progress=False, needed="some" if needed else False, twins=1, pictures=0, batch=6, resamples=20
    )
    with _survey_kept() as kept:
        census = lc.take(net, {"inputs": inputs} if isinstance(inputs, dict) else inputs, settings=settings)
    surveyed = kept[0]
    axes = [
        (own, {"first": 1, "last": len(layer.shape)}[rule]) for layer in surveyed for own, rule in _ruled(net, layer)
    ]
    means = _means(net, inputs, census, surveyed)
    right = sum(own == rule for own, rule in axes), sum(means)
    twin = any(name.startswith("twin_") for name in census.layers.columns)
    wrong = right[0] < len(axes) or right[1] < len(means)
    rows = census.layers
    asked = f"{int(rows['needed'].notna().sum())} of {len(rows)}" if needed else "-"
    return Result(
        family.library, family.name, "WRONG" if wrong else "counted", len(surveyed), len(rows),
        f"{right[0]} / {len(axes)}", f"{right[1]} / {len(means)}", "yes" if twin else "no", asked,
    )  # fmt: skip


@contextmanager
def _survey_kept() -> Iterator[list[tuple[Any, ...]]]:
    """The layers that a count surveys meanwhile; a census keeps a table of them alone."""
    kept: list[tuple[Any, ...]] = []
    own = plan.survey

    def survey(*given: Any, **named: Any) -> tuple[Any, ...]:
        kept.append(own(*given, **named))
        return kept[-1]

    with patch.object(plan, "survey", survey):
        yield kept


def _ruled(net: nn.Module, layer: Any) -> Iterator[tuple[int, str]]:
    rule = _fixed(net, layer)
    if rule and layer.problem is None and not layer.view.fold and not layer.view.batch_axis:
        yield layer.unit_axis, rule


def _fixed(net: nn.Module, layer: Any) -> str:
    """Where the class of a module says that its units lie, in what it hands on; "" where it does not."""
    if layer.function is not None:
        return ""
    module = net.get_submodule(layer.module)
    return "last" if type(module) in LAST else "first" if type(module) in FIRST else ""


def _means(net: nn.Module, inputs: Any, census: lc.Census, surveyed: Sequence[Any]) -> list[bool]:
    """For each counted output of a module: whether the means are those of the examples passed alone, by plain hooks."""
    layers = {layer.name: layer for layer in surveyed}
    examples = int(census.about["examples"])
    own = [layers[name] for name in census.layers["layer"] if name in layers and layers[name].function is None]
    own = [layer for layer in own if not layer.view.fold and not layer.view.batch_axis and not layer.view.join]
    own = [layer for layer in own if not layer.view.split]
    sums: dict[str, Tensor] = {}
    for row in range(examples):
        for layer, out in _alone(net, _row(inputs, row), own):
            axes = [axis for axis in range(out.ndim) if axis != layer.unit_axis % out.ndim]
            sums[layer.name] = sums.get(layer.name, 0) + out.double().mean(axes)
    table = census.units.groupby("layer")["mean"]
    answers = []
    for layer in own:
        told = torch.tensor(table.get_group(layer.name).to_numpy(dtype=float))
        found = sums[layer.name] / examples
        scale = max(float(found.abs().max()), float(told.abs().max()), 1e-6)
        answers.append(found.shape == told.shape and float((found - told).abs().max()) < CLOSE * scale)
    return answers


def _alone(net: nn.Module, inputs: Any, layers: list[Any]) -> list[tuple[Any, Tensor]]:
    """Each layer with its output for one example."""
    calls: dict[str, list[Tensor]] = {}
    handles = []
    for name in {layer.module for layer in layers}:

        def hook(module: nn.Module, given: Any, out: Any, name: str = name) -> None:
            calls.setdefault(name, []).append(_tensor(out).detach().clone())

        handles.append(net.get_submodule(name).register_forward_hook(hook))
    try:
        _passed(net, inputs)
    finally:
        for handle in handles:
            handle.remove()
    return [(layer, calls[layer.module][layer.call]) for layer in layers]


def _tensor(out: Any) -> Tensor:
    """The first floating-point tensor of an output."""
    if isinstance(out, Tensor):
        return out
    parts = out.values() if hasattr(out, "values") else out if isinstance(out, (tuple, list)) else ()
    return next(
        t for part in parts if part is not None and isinstance(t := _tensor(part), Tensor) and t.is_floating_point()
    )


def _row(inputs: Any, row: int) -> Any:
    return {n: v[row : row + 1] for n, v in inputs.items()} if isinstance(inputs, dict) else inputs[row : row + 1]


def _line(error: BaseException) -> str:
    return " ".join(str(error).split())[:300].replace("|", "\\|") or type(error).__name__


@contextmanager
def _limit(seconds: int) -> Iterator[None]:
    def stop(*_: object) -> None:
        raise Late

    signal.signal(signal.SIGPROF, stop)
    signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)


def chosen(only: str, third: int, commit: str) -> list[Family]:
    """The families whose "library: name" begins with `only`; third: 1 to 3, the part, by a commit's hash."""
    every = [f for f in families() if f"{f.library}: {f.name}".startswith(only)]
    if not third:
        return every
    shift = crc32(commit.encode())
    return [f for n, f in enumerate(every) if (n + shift) % 3 == third - 1]


def row_of(result: Result) -> str:
    """A line of the table."""
    return (
        f"| {result.library} | {result.name} | {result.state} | {result.layers} | {result.counted} | {result.axes} "
        f"| {result.means} | {result.twin} | {result.needed} | {result.seconds:.1f} | {result.line} |"
    )


def page(rows: list[str]) -> str:
    """The document: what was run, with which versions, the sums, and every family; of several rows of one the last."""
    last = {_family_of(row): row for row in rows}
    states = Counter(row.split(" | ")[2] for row in last.values())
    known = [f"{name} {version(name)}" for name in PACKAGES if find_spec(name)]
    left = Counter(f.library for f in families() if (f.library, f.name) not in last)
    missing = ", ".join(f"{number} of {library}" for library, number in left.items()) or "none"
    sums = ", ".join(f"{number} {state}" for state, number in states.most_common())
    head = HEAD.format(versions=", ".join(known), families=len(last), sums=sums, missing=missing)
    return head + "\n".join(last.values())


def _family_of(row: str) -> tuple[str, ...]:
    """The library and the name that a row begins with."""
    return tuple(part.strip("| ") for part in row.split(" | ")[:2])


def main() -> None:
    """Run the families that the arguments choose, a row each as it comes, and the sums."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="", help='families whose "library: name" begins so')
    parser.add_argument("--third", type=int, default=0, help="1 to 3: a third of them; 0: all")
    parser.add_argument("--commit", default="", help="the hash that says which third is which")
    parser.add_argument("--rows", type=Path, help="a file that keeps the rows, so that an interrupted run is resumed")
    parser.add_argument("--needed", action="store_true", help="also what the answers need")
    asked = parser.parse_args()
    torch.set_num_threads(1)
    rows = asked.rows.read_text("utf-8").splitlines() if asked.rows and asked.rows.exists() else []
    known = {_family_of(row) for row in rows}
    for family in chosen(asked.only, asked.third, asked.commit):
        if (family.library, family.name) in known:
            continue
        rows.append(row_of(run(family, asked.needed)))
        print(rows[-1], file=sys.stderr, flush=True)
        if asked.rows:
            asked.rows.write_text("\n".join(rows) + "\n", "utf-8")
    print(page(rows))


if __name__ == "__main__":
    main()
