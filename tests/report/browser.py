"""The system's own Chromium, headless and without a network, for pages on disk."""

from __future__ import annotations

import re
import shutil
import subprocess
import time
from pathlib import Path

CHROMIUM = next(
    (found for name in ("chromium", "chromium-browser", "google-chrome") if (found := shutil.which(name))), None
)
FLAGS = ("--headless", "--no-sandbox", "--disable-gpu", "--virtual-time-budget=8000", "--enable-logging=stderr",
         "--host-resolver-rules=MAP * ~NOTFOUND")  # fmt: skip


def opened(page: Path, script: str = "", width: int = 1280) -> tuple[str, list[str]]:
    """The document after its scripts and `script` have run, and what the console said.

    script: JavaScript put at the end of a copy of the page beside it.
    """
    assert CHROMIUM is not None
    tried = page.with_name(f"tried-{page.name}")
    tried.write_text(page.read_text("utf-8").replace("</body>", f"<script>{script}</script></body>"), "utf-8")
    run = subprocess.run(
        [CHROMIUM, *FLAGS, f"--window-size={width},900", "--dump-dom", tried.as_uri()],
        capture_output=True, text=True, check=True, timeout=120,
    )  # fmt: skip
    tried.unlink()
    return run.stdout, re.findall(r"CONSOLE.*", run.stderr)


def seconds_to_open(page: Path, blank: Path) -> float:
    """Wall-clock seconds from the start of a browser until the page is loaded, less those for an empty page.

    The best of three, since other work on the machine only makes it longer.
    """

    def once(shown: Path) -> float:
        assert CHROMIUM is not None
        start = time.perf_counter()
        flags = [flag for flag in FLAGS if "virtual-time" not in flag]
        subprocess.run([CHROMIUM, *flags, "--dump-dom", shown.as_uri()], capture_output=True, check=True, timeout=120)
        return time.perf_counter() - start

    blank.write_text("<!doctype html><title>nothing</title>", "utf-8")
    return min(once(page) for _ in range(3)) - min(once(blank) for _ in range(3))
