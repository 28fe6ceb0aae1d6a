"""Help is quick because nothing heavy is imported for it."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

import layercensus

HEAVY = ("torch", "numpy", "scipy", "pandas", "altair", "sklearn", "transformers", "PIL", "tqdm", "jinja2")
SRC = os.path.dirname(os.path.dirname(layercensus.__file__))


def imported(code: str) -> set[str]:
    """The heavy packages that a fresh Python has imported after `code`."""
    end = f"import sys; print(*[name for name in {HEAVY} if name in sys.modules], file=sys.stderr)"
    env = {**os.environ, "PYTHONPATH": SRC}
    done = subprocess.run([sys.executable, "-c", f"{code}\n{end}"], env=env, capture_output=True, text=True, check=True)
    return set(done.stderr.split())


COMMANDS = ("", "demo", "run", "layers", "merge", "show", "report", "diff", "compare", "advise", "width", "see",
            "prior", "lab", "lab identity", "lab cdbn")  # fmt: skip


@pytest.mark.parametrize("command", COMMANDS)
def test_help_imports_nothing_heavy(command: str) -> None:
    words = [*command.split(), "--help"]
    assert imported(f"from layercensus.cli.app import main\nassert main({words}) == 0") == set()


def test_a_wrong_flag_imports_nothing_heavy() -> None:
    assert imported("import layercensus.cli.app as app\nprint(app.app.parse_commands(['run', '--panell']))") == set()


def test_importing_the_library_imports_nothing_at_all() -> None:
    assert imported("import layercensus\nlayercensus.Settings(), layercensus.__version__") == set()


def test_python_m_runs_the_command() -> None:
    env = {**os.environ, "PYTHONPATH": SRC}
    run = [sys.executable, "-m", "layercensus.cli", "--version"]
    done = subprocess.run(run, env=env, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == layercensus.__version__
