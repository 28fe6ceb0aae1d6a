"""The command `layercensus`: its table of commands, its exit codes, and one clear line for every error."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from importlib.metadata import version

from cyclopts import App, CycloptsError, Group, Parameter

from ..errors import CensusError, out_of_memory
from . import advise, atlas, compare, demo, diff, lab, layers, merge, prior, report, run, see, show, timeline, width
from .flags import in_flags
from .interrupt import Terminated, terminable
from .usage import flags_of, usage_line

REFUSED, INTERRUPTED, TERMINATED = 2, 130, 143  # exit codes beside 0; the last two as every shell has them
COUNT = Group("Count", sort_key=1)
RESULTS = Group("Results", sort_key=2)
PICTURES = Group("Pictures of what units respond to", sort_key=3)
EPILOGUE = """Begin with: layercensus demo
Each command has its examples: layercensus run --help
Commands and flags by the tab key: layercensus --install-completion"""


app = App(
    name="layercensus",
    help="How many concepts has each layer of a neural network learned?",
    help_epilogue=EPILOGUE,
    help_format="plaintext",
    version=lambda: version("layercensus"),
    group_commands=Group("Other", sort_key=9),
    default_parameter=Parameter(negative=()),
    result_action="return_value",
    suppress_keyboard_interrupt=False,
)
for group, files in (
    (COUNT, (demo, run, layers, merge, timeline)),
    (RESULTS, (show, report, diff, compare, advise, width)),
    (PICTURES, (see, atlas, prior)),
):
    for order, file in enumerate(files):
        command = getattr(file, file.__name__.rpartition(".")[2])
        app.command(command, group=group, help_epilogue=file.EXAMPLES, sort_key=order)
app.command(lab.lab)
app.register_install_completion_command(help="Install completion for this shell (bash, zsh or fish).")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code: 0, 2 for what the user can mend, 130 or 143 when interrupted."""
    words = list(sys.argv[1:] if argv is None else argv)
    _speak()
    try:
        with terminable():
            app(words, exit_on_error=False, print_error=False)
            sys.stdout.flush()
    except CycloptsError as error:
        return _end(usage_line(app, error), REFUSED)
    except CensusError as error:
        return _end(in_flags(str(error), flags_of(app, words)), REFUSED)
    except KeyboardInterrupt as stop:
        kept = "".join(f"; {note}" for note in getattr(stop, "__notes__", ()))
        return _end(f"interrupted{kept}", TERMINATED if isinstance(stop, Terminated) else INTERRUPTED)
    except SystemExit as end:  # how rich ends where the reader of a pipe has left
        if not isinstance(end.__context__, BrokenPipeError):
            raise
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # so that Python's last flush has where to go
    except (MemoryError, RuntimeError, OSError, ValueError, OverflowError) as error:
        line = _system(error)
        if line is None:
            raise
        return _end(line, REFUSED)
    return 0


def _speak() -> None:
    """Let both streams take any text, in whatever encoding they are; a closed one swallows it."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115
        elif hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace" if name == "stderr" else "replace")


def _system(error: Exception) -> str | None:
    """What the machine refused, in one line; None where that is not what an error is about."""
    says = " ".join(str(error).split())
    if out_of_memory(error):
        return "This needs more memory than there is. Ask for less: a smaller --size, --batch or --panel."
    if isinstance(error, OverflowError) or "Overflow" in says:
        return "A number must be one that the machine can hold. Got a larger one: ask for less."
    if "embedded null" in says or isinstance(error, UnicodeEncodeError):
        return "A file or folder must have a name that the system can write. Got one with a NUL or half a character."
    if isinstance(error, OSError):
        return f"A file or folder must be one that the system can use. Got: {error.strerror or says}"
    return None


def _end(line: str, code: int) -> int:
    print(f"layercensus: {line}", file=sys.stderr)
    return code
