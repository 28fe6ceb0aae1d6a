"""Links of the documents that lead out of their folder: on the site they are the file's name."""

from __future__ import annotations

import re
from typing import Any

OUTSIDE = re.compile(r"(?<!!)\[([^\]]*)\]\((?:\.\./)+([^)#]+)(?:#[^)]*)?\)")
ON_SITE = {"README.md": "index.md"}  # what stands for a file outside


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Called by mkdocs with the text of each page."""
    return OUTSIDE.sub(_named, markdown)


def _named(link: re.Match[str]) -> str:
    words, file = link.groups()
    if file in ON_SITE:
        return f"[{words}]({ON_SITE[file]})"
    return words if words.strip("`") in file else f"{words} (`{file}`)"
