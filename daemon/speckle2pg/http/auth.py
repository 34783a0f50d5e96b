"""Who may ask for what: bearer tokens, compared in constant time."""

from __future__ import annotations

import hmac
from typing import TYPE_CHECKING

from speckle2pg.http.problems import problem_error

if TYPE_CHECKING:
    from aiohttp import web
    from pydantic import SecretStr

    from speckle2pg.settings import Settings


class Guard:
    """Checks `Authorization: Bearer` against ADMIN_TOKEN, or for reading READ_TOKEN too.

    Without ADMIN_TOKEN these routes answer 503 and name the setting: nothing is open by accident.
    """

    def __init__(self, settings: Settings) -> None:
        self._admin = _bytes(settings.admin_token)
        self._read = _bytes(settings.read_token)

    def admin(self, request: web.Request) -> None:
        """Raises unless the request may change something."""
        is_admin, is_reader = self._check(request)
        if not is_admin and is_reader:
            raise problem_error(403, "READ_TOKEN may only read: this route needs ADMIN_TOKEN")

    def reader(self, request: web.Request) -> None:
        """Raises unless the request may read."""
        self._check(request)

    def _check(self, request: web.Request) -> tuple[bool, bool]:
        """Whether the token is ADMIN_TOKEN, and whether it is READ_TOKEN; raises if it is neither."""
        if self._admin is None:
            raise problem_error(503, "this route needs ADMIN_TOKEN, which is not set: set it and restart the daemon")
        scheme, _, text = request.headers.get("Authorization", "").partition(" ")
        # Bytes of a header that are not UTF-8 arrive as surrogates.
        given = text.strip().encode("utf-8", "surrogateescape")
        # Both are compared, so that the time tells nothing.
        is_admin, is_reader = (
            expected is not None and hmac.compare_digest(given, expected) for expected in (self._admin, self._read)
        )
        if scheme.lower() != "bearer" or not (is_admin or is_reader):
            raise problem_error(
                401,
                "send a valid token as `Authorization: Bearer TOKEN`",
                headers={"WWW-Authenticate": "Bearer"},
            )
        return is_admin, is_reader


def _bytes(secret: SecretStr | None) -> bytes | None:
    """The token, or None where there is none: an empty one, as of an empty file, would let everybody in."""
    text = secret.get_secret_value().strip() if secret is not None else ""
    return text.encode() or None
