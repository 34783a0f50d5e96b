"""The current Speckle token: it may be replaced in its file while the daemon runs."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import structlog
from dotenv import dotenv_values

from speckle2pg.logs import keep_secret

if TYPE_CHECKING:
    from speckle2pg.settings import Settings

log = structlog.get_logger()


class TokenSource:
    """Gives the token; `reload` reads SPECKLE_TOKEN_FILE again, on SIGHUP and when the token is refused."""

    def __init__(self, settings: Settings) -> None:
        secret = settings.speckle_token
        self._token = secret.get_secret_value() if secret is not None else None

    def current(self) -> str | None:
        """The token, or None."""
        return self._token

    def reload(self) -> None:
        """Reads the file again, if the token came from one; an unreadable file keeps the token."""
        path = os.environ.get("SPECKLE_TOKEN_FILE") or dotenv_values(".env").get("SPECKLE_TOKEN_FILE")
        if not path:
            return
        try:
            token = Path(path).read_text(encoding="utf-8").strip("\r\n")
        except (OSError, UnicodeDecodeError) as error:
            log.warning("SPECKLE_TOKEN_FILE cannot be read; the old token stays", reason=str(error))
            return
        if token and token != self._token:
            keep_secret(token)
            self._token = token
            log.info("token reread")
