"""One reading of a net on the fixed panel: what each layer's units do, how many say something, what the net needs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from torch import nn

from ..count.nets import TRAINED, Net, Nets
from ..count.probe import choose_probe
from ..data.batch import Batch
from ..data.user_code import user_code_in
from ..intervene.answers import Answers, Choice
from ..intervene.ask import FEWEST_SCORES
from ..intervene.chosen import chosen_layers
from ..intervene.needs import needs_of
from ..intervene.passes import passed
from ..layers.chance import kept_chance
from ..layers.layer import Layer
from ..layers.select import select
from ..layers.state import kept_state
from ..layers.survey import survey
from ..layers.tap import tap
from ..layers.torch_state import as_called, neutral
from ..measures.distinct import distinct
from ..measures.live import live
from ..measures.measure import Evidence, measure
from ..measures.needed import STATUS, needed
from ..measures.reliability import reliability
from ..settings import Settings
from .activity import activity
from .gathered import Gathered, gathered, with_views
from .options import WatchOptions
from .panel import FixedPanel, choose_panel

Row = dict[str, Any]  # columns of one layer in one reading
GIGABYTE = 1e9
REHEARSED = 16  # examples


@dataclass(frozen=True)
class Recorder:
    """A net, the layers that are read of it, and the panel."""

    net: Net
    panel: FixedPanel
    answers: Answers
    settings: Settings
    asked: tuple[Layer, ...]  # of which `needed` is counted
    rarefied: int

    @property
    def layers(self) -> tuple[Layer, ...]:
        """In forward order."""
        return self.net.layers

    def rehearse(self) -> float:
        """One pass of a few examples; what they are of all that a reading passes."""
        with tap(self.net.net, ()):
            passed(self.net, self.panel.batches[0].first(REHEARSED))
        return REHEARSED / len(self.panel.keys)


@contextmanager
def untouched(net: nn.Module) -> Iterator[None]:
    """Torch in its own state for what is computed here; the net, generators and settings are as before afterwards."""
    with neutral(), user_code_in(as_called), kept_chance(), kept_state(net):
        yield


def recorder_of(net: nn.Module, data: Any, options: WatchOptions) -> Recorder:
    """Choose the panel and survey the net. Cost: a few passes of four examples.

    Raises:
        CensusError: as for `lc.take`.
    """
    panel = choose_panel(net, data, options)
    probe = choose_probe(net, panel.source, options.layers)
    settings = Settings(
        panel=max(4, options.panel), spots=options.spots, resamples=options.resamples, batch=options.batch,
        progress=False,
    )  # fmt: skip
    chosen = select(net, survey(net, probe.for_net(net)), options.layers)
    read = Net(TRAINED, net, chosen)
    scores = not callable(options.output) and _scores(read, probe, options.output)
    answers = Answers(options.output, scores, options.seed)
    return Recorder(read, panel, answers, settings, chosen_layers(chosen, "some"), Nets(read).narrowest)


def _scores(net: Net, probe: Batch, output: Choice) -> bool:
    """Whether the answers are taken as scores of classes, as `lc.take` does without labels."""
    one = probe.first(1)
    with tap(net.net, ()):
        return Answers(output).of(passed(net, one), 1, one.mask).shape[1] >= FEWEST_SCORES


def read_activity(recorder: Recorder) -> tuple[dict[str, Row], Gathered]:
    """Columns of each layer from one pass over the panel, and what was read in it."""
    read = gathered(recorder.net, recorder.panel, recorder.settings.spots)
    rows: dict[str, Row] = {}
    for layer in recorder.layers:
        panel = read.panels[layer.name]
        alive = live.compute(_evidence(recorder, layer, read)).units["live"]
        rows[layer.name] = activity(panel, alive, read.magnitude[layer.name])
    return rows, read


def read_units(recorder: Recorder, read: Gathered) -> dict[str, Row]:
    """How many units of each layer are reliable and distinct, from two perturbed views of the panel."""
    read = with_views(recorder.net, recorder.panel, read)
    rows: dict[str, Row] = {}
    for layer in recorder.layers:
        known = measure(_evidence(recorder, layer, read), (live, reliability, distinct)).layer
        rows[layer.name] = {name: known.get(name) for name in ("reliable", "distinct", "coverage")}
        if "reliable" in known:
            rows[layer.name]["unreliable"] = known["live"] - known["reliable"]
    return rows


def read_needed(recorder: Recorder, read: Gathered) -> dict[str, Row]:
    """On how many directions of each layer the answers rest, judged on the half of the panel that chose none."""
    memory = recorder.settings.memory * GIGABYTE
    rows: dict[str, Row] = {}
    for layer, needs in needs_of(
        recorder.net, recorder.asked, recorder.panel.examples(), recorder.answers, memory=memory, units=False
    ):
        known = needed.compute(replace(_evidence(recorder, layer, read), needs=needs)).layer
        rows[layer.name] = {name: known.get(name) for name in ("needed", "needed_low", "needed_high")}
        rows[layer.name]["needed_status"] = STATUS[known["needed_status"]]
    return rows


def _evidence(recorder: Recorder, layer: Layer, read: Gathered) -> Evidence:
    return Evidence(
        layer.width, read.streams[layer.name], read.panels[layer.name], recorder.settings, recorder.rarefied,
        seed=recorder.panel.seed,
    )  # fmt: skip
