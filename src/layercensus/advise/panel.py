"""The net, and the panel's examples in three parts: one calibrates, one chooses, and one verifies what is then said."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..census.record import CensusRecord
from ..count.fit import suited
from ..count.nets import TRAINED, Net
from ..count.probe import choose_probe
from ..data.batch import Batch
from ..data.keys import key
from ..data.open import open_data
from ..data.source import Source
from ..data.unique import Unique
from ..errors import CensusError
from ..intervene.answers import Answers, Choice, named
from ..intervene.examples import BATCH, Keys, groups_of
from ..intervene.passes import passed
from ..layers.layer import Layer
from ..layers.net import unwrap
from ..layers.survey import survey
from ..layers.tap import tap
from ..models.fingerprint import weights
from ..models.model import Model
from ..tally.groups import halves

LEAST = 16  # examples in each part, below which nothing is advised
FEWEST_SCORES = 3  # columns of an answer that are taken as scores of classes


@dataclass(frozen=True)
class Parts:
    """Keys of the panel's examples; examples of one source are in one part."""

    fitting: Keys  # half of the panel
    judging: Keys  # the other half
    calibration: Keys  # of the first half
    choosing: Keys  # of the second half
    verifying: Keys  # of the second half, others


@dataclass(frozen=True)
class Panel:
    """A net with the layers that a census counted, and the examples by what they are for."""

    model: Model
    net: Net
    surveyed: tuple[Layer, ...]  # every layer that can be read, also those that were not counted
    source: Source
    answers: Answers
    parts: Parts
    calibration: Sequence[Batch]
    choosing: Sequence[Batch]
    verifying: Sequence[Batch]

    @property
    def example(self) -> Batch:
        """One batch, for what is timed and traced."""
        return self.choosing[0]


def open_panel(
    census: CensusRecord, opened: Model, data: Any, *, labels: Any = None, output: Choice = None, verify: int = 256
) -> Panel:
    """The panel of a census once more, with the net that it counted.

    verify: at most so many examples verify. As many as the census's `held_out` choose, and `calibration` calibrate.

    Raises:
        CensusError: it is another net, or the data can be read only once or are too few.
    """
    net = unwrap(opened.net)
    if weights(net) != census.provenance.weights[TRAINED]:
        raise CensusError("model must be the one that was counted. Got one with other weights: count it first.")
    source = Unique(suited(opened, open_data(data, prepare=opened.prepare, labels=labels)))
    if not source.reusable:
        raise CensusError("Advice needs data that can be read twice. Got an iterator.")
    settings = census.provenance.settings
    surveyed = survey(net, choose_probe(net, source).for_net(net), unit_axis=settings.get("unit_axis"))
    counted = set(census.layers["layer"])
    trained = Net(TRAINED, net, tuple(layer for layer in surveyed if layer.name in counted))
    parts = _parts(source, settings, verify)
    read = [_read(source, keys) for keys in (parts.calibration, parts.choosing, parts.verifying)]
    answers = _answers(census, trained, read[0][0], output)
    whole = tuple(layer for layer in surveyed if layer.problem is None)
    return Panel(opened, trained, whole, source, answers, parts, *read)


def _parts(source: Source, settings: Any, verify: int) -> Parts:
    ids = source.ids
    if ids is None:
        ids = [id for batch in source.batches(BATCH) for id in batch.ids]
    panel: Keys = np.sort(np.array([key(id) for id in ids], dtype=np.int64))[: settings["panel"]]
    group = groups_of(source, panel, BATCH)
    first = (halves(group) == 0).numpy()
    second, inner = panel[~first], (halves(group[~first]) == 0).numpy()
    parts = Parts(
        panel[first], second, panel[first][: settings["calibration"]], second[inner][: settings["held_out"]],
        second[~inner][:verify],
    )  # fmt: skip
    fewest = min(map(len, (parts.calibration, parts.choosing, parts.verifying)))
    if fewest < LEAST:
        raise CensusError(
            f"Advice must be chosen and verified on at least {LEAST} examples each. Got {fewest}: give at least "
            f"{4 * LEAST} examples, and a panel of as many."
        )
    return parts


def read_keys(source: Source, keys: Keys) -> Any:
    """The examples with these keys, batch by batch."""
    wanted = set(keys.tolist())
    return source.batches(BATCH, skip=lambda id: key(id) not in wanted)


def _read(source: Source, keys: Keys) -> list[Batch]:
    return list(read_keys(source, keys))


def _answers(census: CensusRecord, net: Net, batch: Batch, output: Choice) -> Answers:
    """What the census was asked about, or the same by the same rule where it was not."""
    asked = census.provenance.needs
    if asked and asked["output"] != named(output):
        raise CensusError(f"output must be the one of the census, {asked['output']}. Got {named(output)}.")
    seed = census.provenance.seed
    if asked:
        return Answers(output, bool(asked["centred"]), seed)
    with tap(net.net, ()):
        some = batch.first(1)
        y = Answers(output).of(passed(net, some), len(some.ids), some.mask)
    return Answers(output, not callable(output) and y.shape[1] >= FEWEST_SCORES, seed)
