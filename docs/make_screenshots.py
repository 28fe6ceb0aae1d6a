"""Screenshots of a report for the documents, by the system's Chromium.

python docs/make_screenshots.py REPORT_FOLDER docs/pictures/NAME      # index.html and the page of one layer
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

from PIL import Image

WIDTH, HEIGHT = 1200, 1500


def shot(page: Path, file: Path) -> None:
    """The top of a page as a PNG."""
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None:
        sys.exit("A screenshot needs Chromium. Got a system without it.")
    subprocess.run(
        [chromium, "--headless", "--no-sandbox", "--hide-scrollbars", f"--window-size={WIDTH},{HEIGHT}",
         "--virtual-time-budget=6000", f"--screenshot={file.resolve()}", page.resolve().as_uri()],
        check=True, capture_output=True,
    )  # fmt: skip
    Image.open(file).convert("RGB").save(file, optimize=True)


if __name__ == "__main__":
    report, name = Path(sys.argv[1]), sys.argv[2]
    layers = sorted((report / "layers").glob("layer-*.html"))
    shot(report / "index.html", Path(f"{name}-report.png"))
    shot(layers[len(layers) // 3], Path(f"{name}-layer.png"))
