"""Speckle addresses as people paste them."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from speckle2pg.errors import ConfigurationError

_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
# /projects/ID[/models/...] of the new front end, /streams/ID[/branches/...] of the old one.
_PATH = re.compile(r"/(?:projects|streams)/(?P<id>[A-Za-z0-9_-]{1,64})(?:/|$)")


def project_id(text: str) -> str:
    """The project id in an id or a pasted address.

    Raises:
        ConfigurationError: It is neither.
    """
    text = text.strip()
    if _ID.fullmatch(text):
        return text
    found = _PATH.search(urlsplit(text).path)
    if found is None:
        raise ConfigurationError(
            f"{text!r} is neither a project id nor an address such as https://app.speckle.systems/projects/abc123"
        )
    return found["id"]


def origin(text: str) -> str | None:
    """Scheme and host of a pasted address, None for a mere id."""
    parts = urlsplit(text.strip())
    return f"{parts.scheme}://{parts.netloc}" if parts.scheme in ("http", "https") and parts.netloc else None
