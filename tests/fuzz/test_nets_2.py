"""Part 2 of the random nets beside their examples one at a time; docs/robustness.md says what they cannot cover."""

from .nets import NETS, check_part


def test_nets_that_leave_their_rows_alone() -> None:
    results = check_part(2, rows_move=False)
    assert sum(result.compared for result in results) > 0.25 * NETS
    assert sum(bool(result.refused) for result in results) < 0.1 * len(results)


def test_nets_that_move_their_rows() -> None:
    results = check_part(2, rows_move=True)
    assert sum(result.compared for result in results) > NETS
    assert sum(bool(result.refused) for result in results) < 0.1 * len(results)
