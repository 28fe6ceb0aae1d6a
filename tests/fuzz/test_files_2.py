"""Part 2 of the damaged files: each is read or refused in one line, in little memory and time. See files/."""

from pathlib import Path

from .files.battery import INPUTS, PARTS, check_part


def test_damaged_files(tmp_path: Path) -> None:
    outcomes = check_part(2, tmp_path)
    assert len(outcomes) == INPUTS // PARTS
    refused = sum(outcome.end == "refused" for outcome in outcomes)
    assert 0.3 < refused / len(outcomes) < 0.95  # else the damage does nothing, or whole files are refused
