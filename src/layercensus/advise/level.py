"""How far several layers can be cut at the same time, so that their losses together stay below a bound."""

from __future__ import annotations

from collections.abc import Callable

MOST_TRIES = 14
FINER = 2  # halvings, of the logarithm, between the last level that holds and the first that does not
Lost = Callable[[float], float]


def highest_level(lost: Lost, bound: float, layers: int) -> float | None:
    """The loss that each layer by itself may have, so that all of them together lose at most `bound`; None: none does.

    lost: what they lose together at a level, as measured. Losses need not add up, so levels are tried: first an equal
    share of the bound, then twice or half as much, then between.
    """
    level, known = bound / max(1, layers), dict[float, bool]()
    while len(known) < MOST_TRIES:
        known[level] = lost(level) <= bound
        good, bad = [k for k, held in known.items() if held], [k for k, held in known.items() if not held]
        if good and (bad or max(good) >= bound):
            break
        level = min(2 * level, bound) if good else level / 4
    return _finer(lost, bound, known)


def _finer(lost: Lost, bound: float, known: dict[float, bool]) -> float | None:
    good = max((k for k, held in known.items() if held), default=None)
    bad = min((k for k, held in known.items() if not held), default=None)
    for _ in range(FINER if good is not None and bad is not None else 0):
        assert good is not None
        assert bad is not None
        middle = (good * bad) ** 0.5
        good, bad = (middle, bad) if lost(middle) <= bound else (good, middle)
    return good
