"""A random net's census beside what its examples answer alone; every difference in words."""

from __future__ import annotations

import tempfile
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.data import Dataset

import layercensus as lc
from layercensus.count.count import count
from layercensus.count.nets import LayerKey
from layercensus.count.plan import Asked, make_plan
from layercensus.count.store import Store
from layercensus.data.keys import key
from layercensus.data.open import open_data
from layercensus.models.open import open_model

from .grammar.net import Random, random_net
from .reference import Reference, Rows, build, data_of, reference

# Functions that a net also calls in lines without a tape, so that their calls have other numbers; and inner layers.
UNSAID = {"add", "mul", "sub", "rsub", "rmul", "truediv", "div", "where", "iadd", "isub", "imul", "radd", "neg", "l0"}
ROWS = {
    "reorder",
    "switch",
    "experts",
    "copies",
    "packed",
    "ragged",
    "cut_to_longest",
    "mixed",
    "drawn",
    "remembering",
    "exit_of_all",
    "exit_of_rows",
}  # operations after which row i may not be example i alone
ROUNDING = {True: 2e-6, False: 1e-4}  # of the layer's largest value, in float64 and float32


Listed = tuple[str, ...]  # layers that are not counted, some with the reason


@dataclass(frozen=True)
class Found:
    """What the library says of one layer."""

    axis_from: str
    width: int
    examples: int
    mean: Tensor  # (units,)
    std: Tensor
    rate: Tensor
    top: list[list[int]]  # of each unit, the examples with the highest peaks
    rows: Mapping[int, Tensor] = field(default_factory=dict)  # example -> (units,), of the panel


@dataclass(frozen=True)
class Result:
    """How one net fared."""

    seed: int
    refused: str = ""  # the library's one line
    wrong: tuple[str, ...] = ()
    compared: int = 0  # layers
    declared: int = 0  # of them those whose units are others than the first that come to mind, as the census says
    skipped: int = 0  # layers into which chance went, or whose number the source does not say


class Items(Dataset[Any]):
    """Examples of several inputs."""

    def __init__(self, inputs: Mapping[str, Tensor]) -> None:
        self.inputs = inputs

    def __len__(self) -> int:
        return len(self.inputs["x"])

    def __getitem__(self, row: int) -> Any:
        return {"inputs": {name: x[row] for name, x in self.inputs.items()}}


def check(seed: int, whole: bool | None = None) -> Result:
    """Count the net of a seed and compare; `whole`: by `lc.take`, else by the count below it."""
    random = random_net(seed)
    whole = seed % 5 == 0 if whole is None else whole
    inputs = data_of(random)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        truth = reference(random, inputs)
        net = build(random.plain, random, lambda *_: None)
        try:
            given = {name: x.clone() for name, x in inputs.items()}
            found, listed = (_taken if whole else _counted)(random, net, given)
        except lc.CensusError as error:
            line = str(error)
            return Result(seed, refused=line, wrong=() if "\n" not in line else (f"more than one line: {line!r}",))
        except Exception as error:
            return Result(seed, wrong=(f"traceback: {_last_frame(error)} {type(error).__name__}: {error}",))
    return _all_told(random, truth, found, listed, _compared(random, truth, found))


def _last_frame(error: BaseException) -> str:
    trace, where = error.__traceback__, ""
    while trace is not None:
        if "layercensus" in trace.tb_frame.f_code.co_filename:
            where = f"{Path(trace.tb_frame.f_code.co_filename).name}:{trace.tb_lineno}"
        trace = trace.tb_next
    return where


def _settings(random: Random, **more: Any) -> lc.Settings:
    return lc.Settings(
        progress=False, pictures=0, resamples=20, panel=random.panel, batch=random.batch, twins=1,
        memory_format="contiguous", other_views=False, **more,
    )  # fmt: skip


def _data(random: Random, inputs: Mapping[str, Tensor]) -> Any:
    return Items(inputs) if random.data == "lengths" else inputs["x"]


def _counted(random: Random, net: nn.Module, inputs: Mapping[str, Tensor]) -> tuple[dict[str, Found], Listed]:
    source, settings = open_data(_data(random, inputs)), _settings(random)
    plan = make_plan(open_model(net), source, Asked("*" if random.everything else None, False), settings)
    with tempfile.TemporaryDirectory() as folder:
        store = Store.start(Path(folder) / "counting", plan.identity, False)
        count(plan, store)
        example = {key(str(row)): row for row in range(random.examples)}
        found = {}
        for layer in plan.nets.trained.layers:
            at = LayerKey("trained", layer.name)
            streams, panel = store.streams(at), store.panel(at, settings.panel, settings.spots)
            if streams is None:
                continue
            m = streams.moments
            tops = [[example[k] for k in column if k in example] for column in streams.top.peak_key.T.tolist()]
            rows = {example[k]: row for k, row in zip(panel.key.tolist(), panel.mean.double(), strict=True)}
            n = max(1, int(m.count))
            found[layer.name] = Found(
                layer.axis_from, layer.width, int(m.count), m.mean, (m.m2 / n).sqrt(), m.fired / n, tops, rows
            )
    return found, plan.provenance.not_counted


def _taken(random: Random, net: nn.Module, inputs: Mapping[str, Tensor]) -> tuple[dict[str, Found], Listed]:
    layers = "*" if random.everything else None
    asked = "some" if random.seed // 7 % 5 == 0 else False  # what the net needs: of every fifth
    settings = _settings(random, top=50, needed=asked)
    census = lc.take(net, _data(random, inputs), layers=layers, twin=False, settings=settings)
    read = {each["layer"]: each["axis_from"] for each in census.about["layers"]}
    examples = dict(zip(census.layers["layer"], census.layers["examples"], strict=True))
    found = {}
    for name, units in census.units.groupby("layer", sort=False):
        mean, std, rate = (
            torch.from_numpy(units[column].to_numpy(dtype=np.float64, na_value=np.nan))
            for column in ("mean", "std", "firing_rate")
        )
        tops = [[int(id) for id in top] for top in units["top"]]
        found[str(name)] = Found(read[name], len(units), int(examples[name]), mean, std, rate, tops)
    return found, census.provenance.not_counted


def _all_told(random: Random, truth: Reference, found: Mapping[str, Found], listed: Listed, result: Result) -> Result:
    """The result, wrong as well where a module is neither counted nor listed."""
    known = set(found) | {entry.partition(" (")[0] for entry in listed}
    modules = {name for name, _ in build(random.plain, random, lambda *_: None).named_modules()}
    silent = [name for name in truth.layers if name not in known and name.partition("@")[0] in modules]
    return replace(result, wrong=(*result.wrong, *(f"{name}: neither counted nor listed" for name in silent)))


def _compared(random: Random, truth: Reference, found: Mapping[str, Found]) -> Result:
    result = Result(random.seed)
    for name, layer in found.items():
        alone = truth.layers.get(name)
        unsaid = _is_unsaid(name, random)
        if alone is None and unsaid:
            result = replace(result, skipped=result.skipped + 1)
        elif alone is None:
            why = f" (alone: {next(iter(truth.errors.values()))})" if truth.errors else ""
            result = replace(result, wrong=(*result.wrong, f"{name}: counted, and no example reaches it alone{why}"))
        elif alone.drawn or unsaid:
            result = replace(result, skipped=result.skipped + 1)
        else:
            allowed = [reading for reading in alone.readings if _declared(reading, layer.axis_from)]
            answers = ["; ".join(_differences(layer, alone.readings[r], ROUNDING[random.double])) for r in allowed]
            if answers and all(answers):
                result = replace(result, wrong=(*result.wrong, f"{name} ({layer.axis_from}): {answers[0]}"))
            elif answers:
                result = replace(result, compared=result.compared + 1, declared=result.declared + bool(answers[0]))
    return result


def _is_unsaid(name: str, random: Random) -> bool:
    """Whether the source calls this function also in lines without a tape, so that its calls have other numbers."""
    function = name.rpartition(".")[2].partition("@")[0]
    return function in UNSAID or (function == "square" and "torch.exp(-" in random.plain)


def _declared(reading: str, axis_from: str) -> bool:
    """Whether a layer may be read so: as it should, or otherwise where the census says so."""
    if reading == "units":
        return True
    if reading == "flattened":
        return axis_from.endswith("flattened)")
    return any(words in axis_from for words in ("guess", "read by"))


def _differences(layer: Found, rows: Rows, rounding: float) -> Iterator[str]:
    present = sorted(rows.mean)
    if layer.examples != len(present):
        yield f"examples {layer.examples}, alone {len(present)}"
    if not present:
        return
    mean, peak = (torch.stack([part[row] for row in present]) for part in (rows.mean, rows.peak))
    if layer.width != mean.shape[1]:
        yield f"width {layer.width}, alone {mean.shape[1]}"
        return
    near = rounding * max(rows.scale, 1e-3)
    yield from _apart("mean", layer.mean, mean.mean(0), near)
    if len(present) > 1:  # of one example there is none
        yield from _apart("std", layer.std, mean.std(0, unbiased=False), near)
    low, high = ((peak > limit).double().mean(0) for limit in (near, -near))
    yield from _apart("firing rate", layer.rate.clamp(min=low, max=high), layer.rate, 1e-6)
    for row, values in layer.rows.items():
        if row not in rows.mean:
            yield f"example {row} has a row, alone it reaches the layer not"
        else:
            yield from _apart(f"row of example {row}", values, rows.mean[row], near)
    yield from _top_apart(layer.top, rows, near)


def _top_apart(tops: list[list[int]], rows: Rows, near: float) -> Iterator[str]:
    for unit, top in enumerate(tops):
        if any(row not in rows.peak for row in top):
            yield f"unit {unit}: a top example does not reach the layer alone"
            return
        peaks = torch.stack([rows.peak[row][unit] for row in top]) if top else torch.zeros(0)
        best = torch.stack([peak[unit] for peak in rows.peak.values()]).sort(descending=True).values[: len(top)]
        if len(set(top)) < len(top) or bool(((peaks - best).abs() > near).any()):
            found, highest = ([round(v, 6) for v in values[:4].tolist()] for values in (peaks, best))
            yield f"unit {unit}: top examples {top[:4]} peak at {found}, the highest are {highest}"
            return


def _apart(what: str, one: Tensor, two: Tensor, near: float) -> Iterator[str]:
    apart = (one.double() - two.double()).abs()
    if not bool((apart <= near).all()):
        unit = int(apart.nan_to_num(torch.inf).argmax())
        yield f"{what} of unit {unit} is {float(one[unit]):.6g}, alone {float(two[unit]):.6g}"
