"""Library errors speak Python; this says the same in the flags of the command."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import fields

from ..settings import Settings, about_setting

PHRASES = (  # as the library says it -> as one types it
    (r"Pass twin=a module of yours, or twin=False\.", "Count without it: --no-twin."),
    (r"or remove the folder to count it again", "or --overwrite"),
    (r"overwrite and resume exclude", "--overwrite and --resume exclude"),
    (r"\b(resume|overwrite)=True\b", r"--\1"),
    (r"^needed must be 'some', 'all' or False\.", "needed must be some, all or none."),
    (r"\bneeded=False\b", "--needed none"),
    (r"\bengine='(\w+)'", r"--engine \1"),
    (r"\banother out\b", "another --out"),
    (r"^The strength of the views must\b", "--strength must"),
    (r"\blimit_bad=(\d+)", r"--skip-bad \1"),
    (r"or the model must have a Prepare\(size=\(height, width\)\)", "or be given one: --size PIXELS"),
    (r"\bdata=\.\.\.", "--data DATA"),
    (r"\b(size=PIXELS|clothing=FOLDER|prior=FILE)\b", lambda said: "--" + said[1].replace("=", " ")),
    (r"\b(?:layercensus\.visualise\.)?train_prior\(data\)\.save\(FILE\)", "`layercensus prior DATA --out FILE`"),
    (r"\b(?:lc\.)?layers_of\(model\)", "`layercensus layers MODEL`"),
    (r"\b(?:lc\.)?layers_of\(model, data\)", "`layercensus layers MODEL DATA`"),
    (r"\btake\(\.\.\., settings=Settings\(shard=\((\d+), (\d+)\), out=FOLDER\)\)",
     r"`layercensus run ... --shard \1/\2 --out FOLDER`"),
)  # fmt: skip


def in_flags(message: str, flags: Collection[str]) -> str:
    """The library's message as the command says it; `flags` are those of the command that was called.

    >>> in_flags("limit_bad must be at least 0. Got -1.", ["--skip-bad"])
    '--skip-bad must be at least 0. Got -1.'
    >>> in_flags("data must hold at least one example.", ["--out"])
    'data must hold at least one example.'
    """
    for python, typed in PHRASES:
        message = re.sub(python, typed, message)
    return re.sub(r"^(\w+)(?= must\b)", lambda found: _flag(found[1], flags), message)


def _flag(word: str, flags: Collection[str]) -> str:
    flag = SETTING_FLAGS.get(word, f"--{word.replace('_', '-')}")
    return flag if flag in flags else word


SETTING_FLAGS = {
    one.name: flag.partition(" ")[0]
    for one in fields(Settings)
    if (flag := about_setting(one).flag) is not None and not isinstance(one.default, bool)
}
