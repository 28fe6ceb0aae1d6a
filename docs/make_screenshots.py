"""Screenshots of a report for the documents, by the system's Chromium.

python docs/make_screenshots.py REPORT_FOLDER docs/pictures/NAME      # index.html and the page of one layer
python docs/make_screenshots.py REPORT_FOLDER docs/pictures/NAME --gallery  # index.html as phones and desks show it
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from PIL import Image

WIDTH, HEIGHT = 1200, 1500
SIZES = {390: 1300, 1440: 1300}  # width and height in pixels of what the gallery shows
LARGEST = 150_000  # bytes of such a picture


def shot(page: Path, file: Path, size: tuple[int, int] = (WIDTH, HEIGHT), dark: bool = False) -> None:
    """The top of a page as a PNG."""
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None:
        sys.exit("A screenshot needs Chromium. Got a system without it.")
    scheme = ["--blink-settings=preferredColorScheme=0"] if dark else []
    subprocess.run(
        [chromium, "--headless", "--no-sandbox", "--hide-scrollbars", f"--window-size={size[0]},{size[1]}", *scheme,
         "--virtual-time-budget=6000", f"--screenshot={file.resolve()}", page.resolve().as_uri()],
        check=True, capture_output=True,
    )  # fmt: skip
    Image.open(file).convert("RGB").save(file, optimize=True)


def framed(page: Path, file: Path, width: int, *, dark: bool) -> None:
    """The top of a page in a window so wide as a WebP; browsers open no window of a phone's width."""
    with tempfile.TemporaryDirectory() as folder:
        outer, whole = Path(folder) / "outer.html", Path(folder) / "shot.png"
        style = f"border:0;width:{width}px;height:{SIZES[width]}px"
        outer.write_text(f'<body style="margin:0"><iframe style="{style}" src="{page.resolve().as_uri()}"></iframe>')
        shot(outer, whole, (max(width, 600), SIZES[width]), dark)
        image = Image.open(whole).crop((0, 0, width, SIZES[width]))
        for quality in (85, 75, 65, 55, 45):
            image.save(file, quality=quality, method=6)
            if file.stat().st_size < LARGEST:
                break


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("report", type=Path)
    parser.add_argument("name")
    parser.add_argument("--gallery", action="store_true")
    given = parser.parse_args()
    if given.gallery:
        for width in SIZES:
            for dark in (False, True):
                file = Path(f"{given.name}-{width}-{'dark' if dark else 'light'}.webp")
                framed(given.report / "index.html", file, width, dark=dark)
    else:
        layers = sorted((given.report / "layers").glob("layer-*.html"))
        shot(given.report / "index.html", Path(f"{given.name}-report.png"))
        shot(layers[len(layers) // 3], Path(f"{given.name}-layer.png"))
