"""How soon a report can be read and searched: seconds in headless Chromium, for a census of many layers and units.

    python benchmarks/opens.py                      # 60 layers of 334 units: 20,040
    python benchmarks/opens.py --report results/report

Each the best of five, since other work on the machine only makes it longer: `ready` until the page has been read
and can be searched, `drawn` until the largest thing of the first screen is painted (both from where the page is asked
for, without the start of the browser); `found` from a search over all units until its list stands. The goal: below 1 s.
"""

from __future__ import annotations

import argparse
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

import torch
from torch import Tensor, nn

import layercensus as lc

FLAGS = ("--headless", "--no-sandbox", "--disable-gpu", "--window-size=1440,900", "--hide-scrollbars",
         "--host-resolver-rules=MAP * ~NOTFOUND", "--enable-logging=stderr", "--remote-debugging-port=0")  # fmt: skip
ASKED = """
var shown = 0;
new PerformanceObserver(function (list) {
  list.getEntries().forEach(function (entry) { shown = entry.startTime; });
}).observe({ type: 'largest-contentful-paint', buffered: true });
addEventListener('load', function () { setTimeout(function () {
  var ready = performance.timing.domInteractive - performance.timing.navigationStart, begun = performance.now();
  var input = document.querySelector('input[data-index]');
  input.value = 'unit 7';
  input.dispatchEvent(new Event('input'));
  (function look() {
    var list = document.getElementById(input.getAttribute('aria-controls'));
    if (!list.children.length) return setTimeout(look, 2);
    var found = performance.now() - begun;
    console.log('SECONDS ready ' + ready / 1e3 + ' drawn ' + shown / 1e3 + ' found ' + found / 1e3 + ' END');
  })();
}, 300); });
"""


class Wide(nn.Module):
    """Linear layers with ReLUs, each added to what it was given, and a head."""

    def __init__(self, layers: int, width: int) -> None:
        super().__init__()
        self.first = nn.Linear(64, width)
        self.blocks = nn.ModuleList(nn.Sequential(nn.Linear(width, width), nn.ReLU()) for _ in range(layers))
        self.head = nn.Linear(width, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = self.first(x.flatten(1))
        for block in self.blocks:
            x = x + block(x) / len(self.blocks)
        return self.head(x)


def drawn_report(folder: Path, layers: int, width: int) -> Path:
    torch.manual_seed(0)
    settings = lc.Settings(needed=False, other_views=False, resamples=20, twins=1, progress=False)
    names = [f"blocks.{number}.1" for number in range(layers)]
    census = lc.take(Wide(layers, width), torch.rand(300, 1, 8, 8), layers=names, settings=settings)
    return census.report(folder).parent


def seconds(report: Path) -> dict[str, float]:
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None:
        raise SystemExit("This needs Chromium. Got a system without it.")
    page, tried = report / "index.html", report / "timed.html"
    tried.write_text(page.read_text("utf-8").replace("</body>", f"<script>{ASKED}</script></body>"), "utf-8")
    every = [told(chromium, tried) for _ in range(5)]
    tried.unlink()
    return {name: min(one[name] for one in every) for name in every[0]}


def told(chromium: str, page: Path) -> dict[str, float]:
    """What the page writes to the console of a browser that has just been started."""
    with tempfile.TemporaryDirectory() as own:
        browser = subprocess.Popen(
            [chromium, *FLAGS, f"--user-data-dir={own}", page.as_uri()], stderr=subprocess.PIPE, text=True
        )
        assert browser.stderr is not None
        try:
            for line in browser.stderr:
                if found := re.search(r"SECONDS (.*) END", line):
                    words = found[1].split()
                    return {name: float(value) for name, value in zip(words[::2], words[1::2], strict=True)}
        finally:
            browser.kill()
            browser.wait()
    raise SystemExit("The page told no times.")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--layers", type=int, default=60)
    parser.add_argument("--width", type=int, default=334)
    parser.add_argument("--report", type=Path, help="a report that is there already")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        report = given.report or drawn_report(Path(folder), given.layers, given.width)
        size = (report / "index.html").stat().st_size
        times = ", ".join(f"{name} {value:.2f} s" for name, value in seconds(report).items())
        print(f"{times}; index.html {size / 1e6:.1f} MB")


if __name__ == "__main__":
    main()
