"""A census as text: a table with small bars, the answer in one sentence, and findings by kind."""

from __future__ import annotations

import io

from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from ..census.findings import number_of
from ..census.record import CensusRecord
from ..data.done import in_words as done_to_inputs
from ..errors import some_of
from ..layers.memory_format import in_words
from ..verdict.verdict import Verdict
from ..verdict.words import words_of
from .finding_groups import Group, grouped
from .terminal_bars import DIRECTIONS, fates, legend
from .terminal_table import NEEDED, WIDTH, declared, long_table, short_table, starred

KINDS = 4  # of findings, where not all are wanted
STAR = "* less than a count: bound by the data, or too few examples; the column status says which"


def show(census: CensusRecord, verdict: Verdict, *, long: bool = False) -> None:
    """Print the census. long: with every interval and twin, all lines of the answer and each finding."""
    _print(Console(width=None if Console().is_terminal else WIDTH, highlight=False), census, verdict, long)


def as_text(census: CensusRecord, verdict: Verdict, *, long: bool = False) -> str:
    """The same without colours."""
    console = Console(file=io.StringIO(), width=WIDTH, highlight=False, color_system=None)
    _print(console, census, verdict, long)
    return console.file.getvalue()  # type: ignore[attr-defined,no-any-return]


def _print(console: Console, census: CensusRecord, verdict: Verdict, long: bool) -> None:
    console.print(long_table(census) if long else short_table(census))
    console.print(_long_legend(census) if long else _legend(census))
    if starred(census):
        console.print(Text(STAR))
    console.print(Text(f"inputs: {done_to_inputs(census.provenance.data)}"))
    console.print()
    answer, _, rest = str(verdict).partition("\n")
    console.print(Text(answer, style="bold"))
    if long and rest:
        console.print(Text(rest))
    elif words := words_of(answer):
        console.print(Text(words, style="dim"))
    _print_findings(console, census, long)
    if long:
        _print_run(console, census, verdict)


def _legend(census: CensusRecord) -> Text:
    """What the bars and the two brackets mean."""
    asked = declared(census)
    directions = {name: mark for name, mark in DIRECTIONS.items() if name in asked or name == "shared" in census.layers}
    text = Text()
    if NEEDED in asked:
        text.append_text(legend({name: directions[name] for name in reversed(directions)}))
        text.append("| ")
    return text.append_text(legend(fates())).append("| [95 % interval]")


def _long_legend(census: CensusRecord) -> Text:
    rarefied = number_of(census.provenance.rarefied_to, "unit")
    return legend(fates()).append(f"| [95 % interval] | rarefied to {rarefied} | views: {census.provenance.views}")


def _print_findings(console: Console, census: CensusRecord, long: bool) -> None:
    """Kinds of findings with their layers, or each of them."""
    groups = grouped(census)
    if not groups:
        return
    console.print()
    if long:
        lines = [finding.sentence for group in groups for finding in group.findings]
    else:
        lines = [_line(group) for group in groups[:KINDS]]
        more = len(groups) - KINDS
        lines += [f"and {number_of(more, 'more kind')} of findings"] if more > 0 else []
    for line in lines:
        console.print(Padding(Text("- " + line), (0, 0, 0, 1)))


def _line(group: Group) -> str:
    """A kind of findings in one sentence, with where it was found."""
    layers = [finding.layer for finding in group.findings if finding.layer is not None]
    if not group.act and len(group.findings) == 1:
        return group.title
    return f"{group.title} ({some_of(list(dict.fromkeys(layers)))}). {group.act}".rstrip()


def _print_run(console: Console, census: CensusRecord, verdict: Verdict) -> None:
    """What else a reader may ask: what stands behind the answer, and how the nets ran."""
    console.print()
    for sentence in verdict.details:
        console.print(Padding(Text("- " + sentence), (0, 0, 0, 1)))
    console.print(Text("memory format: " + in_words(**census.provenance.memory_format)))
