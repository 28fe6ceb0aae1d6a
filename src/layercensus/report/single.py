"""The first page of a report as one file that needs no other, to be sent to someone."""

from __future__ import annotations

import base64
import re
from pathlib import Path

from ..data.files import write_bytes

LARGEST = 3_000_000  # bytes
KINDS = {".svg": "image/svg+xml", ".webp": "image/webp", ".png": "image/png"}


def write_single(report: Path, file: Path) -> Path:
    """Write the first page of the report in the folder `report` into `file`, with its pictures inside.

    The pages of the layers are no part of it, and names there lead nowhere. The sliders are left out where they would
    make it larger than LARGEST.

    Raises:
        CensusError: when the file cannot be written.
    """
    page = _without_links((report / "index.html").read_text("utf-8"))
    whole = _with_pictures(_with_scripts(page, report), report)
    if len(whole.encode("utf-8")) > LARGEST:
        whole = _with_pictures(_without_sliders(page, report), report)
    write_bytes(file, whole.encode("utf-8"), durable=False)
    return file


def _without_links(page: str) -> str:
    """Without what leads into the folder."""
    page = re.sub(r' href="(layers|concepts)/[^"]*"', "", page)
    page = re.sub(r'<p class="files">.*?</p>', "", page)
    page = re.sub(r"<search>.*?</search>", "", page, flags=re.DOTALL)
    page = re.sub(r'<a href="#find">[^<]*</a>', "", page)
    return re.sub(r'<meta property="og:image" content="pictures/[^>]*>', "", page)


def _with_scripts(page: str, report: Path) -> str:
    def inside(match: re.Match[str]) -> str:
        return "<script>" + (report / match[1]).read_text("utf-8").replace("</script", "<\\/script") + "</script>"

    return re.sub(r'<script(?: defer)? src="(assets/[^"]*)"></script>', inside, page)


def _without_sliders(page: str, report: Path) -> str:
    page = re.sub(r'<script defer src="assets/vega.js"></script>', "", page)
    return _with_scripts(
        page.replace("The picture needs JavaScript; the table does not.", "Sliders: see the folder."), report
    )


def _with_pictures(page: str, report: Path) -> str:
    """Each chart where it stands; a sheet of crops, which many show a part of, once in the page's style."""
    sheets = dict.fromkeys(re.findall(r'src="(sprites/[^"]*)"', page))
    style = "".join(f'img[data-sheet="{Path(name).stem}"]{{content:url({_data(report / name)})}}' for name in sheets)
    page = re.sub(r'src="sprites/([^"]*)\.webp"', r'data-sheet="\1"', page)
    page = re.sub(r'(src|srcset)="(pictures/[^"]*)"', lambda m: f'{m[1]}="{_data(report / m[2])}"', page)
    return page.replace("</style>", f"{style}</style>", 1)


def _data(file: Path) -> str:
    return f"data:{KINDS[file.suffix]};base64,{base64.b64encode(file.read_bytes()).decode('ascii')}"
