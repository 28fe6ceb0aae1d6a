"""What the lab set out to show, and whether every training run showed it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .options import PAPER_TURN, Options

Results = Mapping[str, Any]
SLOPE = 0.1  # with which a net that does not copy may follow its input
BLANK = 1e-5  # of a response's power over positions: rounding
NEAR = 1  # layers by which training runs may differ
UNTRAINED = "untrained"
YES, NO, SPLIT = "held", "not held", "runs differ"


@dataclass(frozen=True)
class Claim:
    """A statement, its outcome (`YES` in every training run, `NO` in none, or `SPLIT`), and the numbers that say so."""

    statement: str
    outcome: str
    evidence: str


def claims(results: Results, options: Options) -> list[Claim]:
    """Every claim that the nets of this run can answer."""
    return [
        *_ends(results, options), *_turn(results), *_wide(results), *_full(results, options),
        *_control(results, options), *_lost(results, options),
    ]  # fmt: skip


def outcome(held: Sequence[bool]) -> str:
    """In words.

    >>> outcome([True, True]), outcome([False, False]), outcome([True, False])
    ('held', 'not held', 'runs differ')
    """
    return YES if all(held) else SPLIT if any(held) else NO


def _conv(results: Results, options: Options) -> list[Results]:
    return [net for net in results["nets"] if net["kind"] == options.shape.kind
            and (net["padding"], net["channels"]) == (options.shape.padding, options.shape.channels)]  # fmt: skip


def _ends(results: Results, options: Options) -> Iterator[Claim]:
    nets, deepest = _conv(results, options), max(options.depths)
    shallow = [net for net in nets if net["depth"] <= 5]
    if shallow:
        yield Claim(
            "Nets of at most five layers copy every kind of test picture",
            outcome([net["kinds_copied"] == net["kinds"] for net in shallow]), _copied(shallow),
        )  # fmt: skip
    deep = [net for net in nets if net["depth"] == deepest]
    yield Claim(
        f"The deepest nets, of {deepest} layers, recite the training image for every kind",
        outcome([net["kinds_copied"] == 0 for net in deep]), _copied(deep),
    )  # fmt: skip


def _copied(nets: Sequence[Results]) -> str:
    """Kinds copied, run by run, of each depth."""
    depths = dict.fromkeys(net["depth"] for net in nets)
    words = (
        f"{depth} layer{'' if depth == 1 else 's'}: "
        + ", ".join(str(net["kinds_copied"]) for net in nets if net["depth"] == depth)
        for depth in sorted(depths)
    )
    return f"kinds copied of {nets[0]['kinds']}, a number a run: {'; '.join(words)}"


def _turn(results: Results) -> Iterator[Claim]:
    depths, (low, high) = results["crossing"]["depths"], PAPER_TURN
    words = ", ".join("never" if depth is None else f"{depth:.1f}" for depth in depths)
    yield Claim(
        f"The nets turn from copying to reciting between {low} and {high} layers, as the paper's do to the eye",
        outcome([depth is not None and low <= depth <= high for depth in depths]), words,
    )  # fmt: skip


def _wide(results: Results) -> Iterator[Claim]:
    nets = [net for net in results["nets"] if net["net"].endswith("-channels")]
    if nets:
        shallow, deep = min(net["depth"] for net in nets), max(net["depth"] for net in nets)
        held = [
            net["kinds_copied"] == (net["kinds"] if net["depth"] == shallow else 0)
            for net in nets if net["depth"] in (shallow, deep)
        ]  # fmt: skip
        yield Claim(
            f"At the paper's width, {nets[0]['channels']} channels, {shallow} layers copy every kind and {deep} recite",
            outcome(held), _copied(nets),
        )  # fmt: skip


def _full(results: Results, options: Options) -> Iterator[Claim]:
    nets = [net for net in results["nets"] if net["kind"] == "fc"]
    if nets and options.shape.kind != "fc":
        words = ", ".join(f"{net['depth']} layers {net['off_slope']:.2f}" for net in nets)
        yield Claim(
            "Fully connected nets never copy: what they return does not follow what a picture has beside the training"
            f" image (slope below {SLOPE})",
            outcome([net["off_slope"] < SLOPE for net in nets]), f"largest slope, one run each: {words}",
        )  # fmt: skip


def _control(results: Results, options: Options) -> Iterator[Claim]:
    nets = [net for net in results["nets"] if net["padding"] == "circular" != options.shape.padding]
    if nets:
        words = ", ".join(f"{net['depth']} layers {net['blank']:.1g}" for net in nets)
        yield Claim(
            "With circular padding nothing can be drawn on a blank picture",
            outcome([net["blank"] < BLANK for net in nets]),
            f"of the response's power, varies over positions, one run each: {words}",
        )  # fmt: skip


def _lost(results: Results, options: Options) -> Iterator[Claim]:
    name = options.shape.at(max(options.depths)).name
    for net, words in ((name, "trained"), (f"{UNTRAINED}-{name}", UNTRAINED)):
        rows = [row for row in results["lost"] if row["net"] == net and not row["eye"]]
        seen = [row["seen"] for row in rows]
        if len(rows) > 1:
            told = [layer for layer in seen if layer is not None]
            near = len(told) == len(seen) and max(told) - min(told) <= NEAR
            yield Claim(
                f"In the deepest {words} nets the input is gone to the eye from one layer on (within {NEAR} over the"
                " training runs)",
                YES if near else SPLIT, ", ".join("never" if layer is None else str(layer) for layer in seen),
            )  # fmt: skip
    rows = [row for row in results["lost"] if row["net"] == name and not row["eye"]]
    yield Claim(
        "Where the deepest trained nets' input is gone to the eye, most of it is still readable, up to the output",
        outcome([row["read"] is None and row["untold"] is None for row in rows]),
        "unreadable from layer " + ", ".join(_read(row) for row in rows),
    )


def _read(row: Results) -> str:
    if row["read"] is not None:
        return str(row["read"])
    return "none on" if row["untold"] is None else f"(not told from {row['untold']} on)"
