"""Every net of a count asked what it needs of its layers, and what untrained nets hold there, kept beside the panel."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
from torch import Tensor

from ..count.calibration import calibration
from ..count.enough_memory import enough_memory
from ..count.nets import Net
from ..count.plan import Plan
from ..count.side_files import read_needs, save_needs
from ..count.store import Store
from ..count.untrained import another_untrained
from ..data.keys import key
from ..errors import CensusError, some_of
from ..layers.chance import kept_chance
from ..layers.layer import Layer
from ..layers.memory_format import memory_format
from ..layers.state import kept_state
from ..layers.tap import tap
from ..models.model import Model
from ..progress import tqdm
from .answers import Answers, Choice, named
from .beyond import PAIR, another_shuffled, in_words, keep_rows, known, shuffled_ones, untrained_ones
from .chosen import chosen_layers
from .examples import LEAST, Examples, Keys, groups_of, read_examples, that_fit
from .needs import needs_of
from .passes import passed

GIGABYTE = 1e9
FEWEST_SCORES = 3  # columns of an output that are taken as scores of classes where there are no labels


@dataclass(frozen=True)
class Question:
    """What is asked of the nets: of which layers, about which answers, on which examples."""

    layers: tuple[Layer, ...]
    answers: Answers
    examples: Examples
    panel: Keys


def check_answers(plan: Plan, output: Choice) -> None:
    """Refuse an `output` that the net does not give.

    Raises:
        CensusError: as for `Answers.of`.
    """
    if output is not None and plan.settings.needed:
        for examples in (1, len(plan.probe.ids)):
            _probed(plan, output, 1 if plan.nets.alone else examples)


def ask_needs(
    model: Model, plan: Plan, store: Store, output: Choice, *, classes: int, format: str
) -> Mapping[str, Any]:
    """Find what each net needs of its layers, keep it in `store`, and say how it was asked, as JSON.

    Of shards the first is asked, on the panel of all the data where its ids are known. What was found before an
    interruption is not found again. Where a net cannot be asked the reason is given, and nothing else is lost.
    """
    question = question_of(plan, store, output, classes)
    if question is None:
        return {}
    examples = question.examples
    about = {
        "layers": [layer.name for layer in question.layers], "calibration": examples.calibrating,
        "held_out": examples.judging, "output": named(output), "centred": question.answers.centred,
        "beyond": in_words(model, plan),
    }  # fmt: skip
    if not examples.enough:
        return about | {
            "failed": [f"needed takes a panel of at least {2 * LEAST} examples, and more data where there are fewer."]
        }
    return about | {"failed": _asked(model, plan, store, question, format)}


def question_of(plan: Plan, store: Store, output: Choice, classes: int) -> Question | None:
    """What the nets are asked, with the examples read; None where nothing is."""
    settings = plan.settings
    layers = chosen_layers(plan.nets.trained.layers, settings.needed)
    if not layers or (settings.shard is not None and settings.shard[0] > 1):
        return None
    panel = _panel(plan, store)
    as_it_is = callable(output)  # what a function gives is not changed
    answers = Answers(output, not as_it_is and (classes > 0 or _many_columns(plan, output)), plan.seed)
    wanted = _calibration(layers, settings.calibration)
    examples = read_examples(
        plan.source, panel, _groups(plan, store, panel), calibration=wanted, held_out=settings.held_out,
        batch=settings.batch,
    )  # fmt: skip
    return Question(layers, answers, examples, panel)


def _asked(model: Model, plan: Plan, store: Store, question: Question, format: str) -> list[str]:
    """Ask every net; why some could not be asked."""
    failed: list[str] = []
    nets, others, checking = list(plan.nets), untrained_ones(plan), shuffled_ones(model, plan)
    total = len(question.layers) * (len(nets) + bool(others))
    with tqdm(total=total, desc="what the net needs", unit="layer", disable=not plan.settings.progress) as bar:
        for net in nets:
            with _noting(net.name, failed):
                _ask(net, store, question, plan, bar, units=net is plan.nets.trained)
        batches = list(calibration(plan.source)) if others else []
        for number, name in enumerate(others, 1):
            if known(store, name, question.layers, needs=number < PAIR):
                continue
            with _noting(name, failed):
                net = another_untrained(model, plan, batches, number)
                with memory_format(net.net, format):
                    keep_rows(net, question.layers, question.panel, plan, store)
                    if number < PAIR:
                        _ask(net, store, question, plan, bar, units=False)
        for number, name in enumerate(checking):
            if known(store, name, question.layers, needs=False):
                continue
            with _noting(name, failed):
                net = another_shuffled(plan, batches, number)
                with memory_format(net.net, format):
                    keep_rows(net, question.layers, question.panel, plan, store)
    return failed


def _ask(net: Net, store: Store, question: Question, plan: Plan, bar: Any, *, units: bool) -> None:
    """Keep what the net needs of each layer of which it is not known yet."""
    own = [net.layer(layer.name) for layer in question.layers]
    missing = [layer for layer in own if read_needs(store.folder, net.key(layer)) is None]
    bar.update(len(own) - len(missing))
    if not missing:
        return
    memory = plan.settings.memory * GIGABYTE

    def keep(examples: Examples) -> None:
        with enough_memory("What the net needs", "Pass a smaller batch or a smaller calibration, or needed=False"):
            found = needs_of(net, tuple(missing), examples, question.answers, memory=memory, units=units)
            for layer, needs in found:
                save_needs(store.folder, net.key(layer), needs)
                missing.remove(layer)
                bar.update()

    that_fit(question.examples, keep, said=plan.settings.progress)
    if missing:
        names = some_of([layer.name for layer in missing])
        raise CensusError(f"No calibrating example reaches {names}. Pass a larger calibration, and a larger panel.")


def _panel(plan: Plan, store: Store) -> Keys:
    """Keys of the panel: of all the data also where only a shard of it was counted, if its ids are known."""
    ids = plan.source.ids
    if plan.settings.shard is None or ids is None:
        return store.panel_members(plan.settings.panel)
    return np.sort(np.array([key(id) for id in ids], dtype=np.int64))[: plan.settings.panel]


def _groups(plan: Plan, store: Store, panel: Keys) -> Tensor:
    """Groups of the panel's examples; of a shard they are read, since another shard holds some."""
    if plan.settings.shard is None or plan.source.ids is None:
        return store.groups(plan.settings.panel)
    return groups_of(plan.source, panel, plan.settings.batch)


def _calibration(layers: Sequence[Layer], asked: int) -> int:
    """So many calibration examples that a hidden layer of one position has two rows for each unit."""
    single = [layer.width for layer in layers if len(layer.shape) == 1 and layer.role != "output"]
    return max(asked, 2 * max(single, default=0))


def _many_columns(plan: Plan, output: Choice) -> bool:
    """Without labels: whether the answers are three columns or more, which are compared as scores of classes are."""
    try:
        return _probed(plan, output).shape[1] >= FEWEST_SCORES
    except CensusError:
        return False


def _probed(plan: Plan, output: Choice, examples: int = 1) -> Tensor:
    """(examples, numbers) the net's answers; the net and the generators of random numbers stay as they were."""
    net, some = plan.nets.trained, plan.probe.first(examples)
    with tap(net.net, ()), kept_chance(), kept_state(net.net):
        return Answers(output).of(passed(net, some), len(some.ids), some.mask)


@contextmanager
def _noting(net: str, failed: list[str]) -> Iterator[None]:
    """What a net cannot be asked is noted, and the others are."""
    try:
        yield
    except CensusError as error:
        failed.append(f"{net}: {error}")
