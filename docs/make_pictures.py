"""Pictures for the documents, drawn from saved censuses.

python docs/make_pictures.py CENSUS_FOLDER docs/pictures/NAME
"""

from __future__ import annotations

import sys
from pathlib import Path

import layercensus as lc
from layercensus.report.charts import fair_draw, fates


def main(folder: str, name: str) -> None:
    """Draw the three pictures of the census in `folder` to NAME-units.svg, NAME-shares.svg and NAME-draw.svg."""
    census = lc.load(folder)
    pictures = {
        "units": fates(census, share=False),
        "shares": fates(census, share=True),
        "draw": fair_draw(census),
    }
    for suffix, svg in pictures.items():
        Path(f"{name}-{suffix}.svg").write_text(svg, "utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:3])
