"""Where a report will stand on the web: pages that are sent on show the picture that lies there."""

from __future__ import annotations

from urllib.parse import urlsplit, urlunsplit

from ..errors import CensusError


def folder_of(address: str | None) -> str | None:
    """The address of the folder that holds index.html, with a slash at its end; None stays None.

    >>> folder_of("https://example.org/digits"), folder_of("https://example.org/digits/index.html")
    ('https://example.org/digits/', 'https://example.org/digits/')

    Raises:
        CensusError: no address of the web.
    """
    if address is None:
        return None
    parts = urlsplit(address) if isinstance(address, str) else None
    if parts is None or parts.scheme not in ("http", "https") or not parts.hostname or any(map(str.isspace, address)):
        raise CensusError(
            f"address must be that of a folder on the web, such as https://example.org/digits/. Got {address!r}."
        )
    path = parts.path.removesuffix("index.html").rstrip("/") + "/"
    return urlunsplit((parts.scheme, parts.netloc, path, "", ""))
