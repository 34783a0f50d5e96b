"""What a failure of Speckle means for us: pure functions that say retryable, gone, unreadable or fatal.

The forms were observed on the open-source server 2.5 and read in its code: GraphQL errors come with HTTP 200 or 400
and `errors[].extensions.{code, statusCode}`; a token that is not valid is HTTP 403 with
`{"error": "Your token is not valid."}`; object routes answer 401 with an empty body, 403 with JSON, or 404.
"""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

import aiohttp

from speckle2pg.errors import (
    FatalError,
    GoneError,
    RetryableError,
    Speckle2pgError,
    TokenRefusedError,
    UnreadableError,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

_LONGEST_WAIT = 3600.0


def retry_after(value: str | None, *, now: datetime | None = None) -> float | None:
    """Reads a Retry-After header: seconds, which may be fractional, or a date.

    Returns:
        Seconds from now, between 0 and an hour; None when there is none or it cannot be read.
    """
    if value is None:
        return None
    try:
        seconds = float(value)
    except ValueError:
        try:
            date = parsedate_to_datetime(value)
        except ValueError:
            return None
        if date.tzinfo is None:
            date = date.replace(tzinfo=UTC)
        seconds = (date - (now or datetime.now(UTC))).total_seconds()
    return min(max(seconds, 0.0), _LONGEST_WAIT) if seconds == seconds else None  # noqa: PLR0124  (NaN)


def from_graphql_status(status: int, body: str, headers: Mapping[str, str], what: str) -> Speckle2pgError:
    """The error that an HTTP status of `/graphql` stands for.

    Speckle says there what it does not know in GraphQL, with status 200. A 404 or a redirection comes from something
    that stands before it, or from no Speckle at all, and must never read as "the model is gone".
    """
    if status == 404:
        return RetryableError(f"{what}: nothing answers GraphQL there (HTTP 404); is it a Speckle server?")
    return from_status(status, body, headers, what)


def from_status(status: int, body: str, headers: Mapping[str, str], what: str) -> Speckle2pgError:
    """The error that an HTTP status stands for.

    Args:
        status: 300 or above.
        body: Beginning of the body.
        headers: Response headers.
        what: What was asked for, as in "reading objects of project P".
    """
    wait = retry_after(headers.get("Retry-After"))
    if status in (401, 403):
        return _refused(status, body, what)
    if status == 404:
        return GoneError(f"{what}: the server does not know it (HTTP 404)")
    if status == 429:
        return RetryableError(f"{what}: the server's rate limit is reached (HTTP 429)", retry_after=wait)
    if status in (408, 425) or status >= 500:
        return RetryableError(f"{what}: the server failed (HTTP {status})", retry_after=wait)
    if status < 400:
        address = headers.get("Location", "somewhere else")
        return RetryableError(f"{what}: the server redirects to {address}; SPECKLE_SERVER_URL must be its own address")
    return FatalError(f"{what}: the server refused the request (HTTP {status}): {body[:200]}")


def _refused(status: int, body: str, what: str) -> Speckle2pgError:
    if "token is not valid" in body:
        return TokenRefusedError(f"{what}: Speckle does not accept the token: set a valid SPECKLE_TOKEN")
    return UnreadableError(f"{what}: the token may not read it (HTTP {status})")


def from_graphql(errors: list[Any], what: str) -> Speckle2pgError:
    """The error that a GraphQL `errors` list stands for."""
    first = errors[0] if errors and isinstance(errors[0], dict) else {}
    extensions = first.get("extensions")
    extensions = extensions if isinstance(extensions, dict) else {}
    code, status = str(extensions.get("code") or ""), extensions.get("statusCode")
    message = str(first.get("message") or "the server gave no reason")
    if status == 404 or code.endswith("NOT_FOUND") or code == "NOT_FOUND_ERROR":
        return GoneError(f"{what}: {message}")
    if status in (401, 403) or code in ("FORBIDDEN", "UNAUTHORIZED", "UNAUTHENTICATED"):
        return UnreadableError(f"{what}: {message}")
    if status == 429 or "RATE_LIMIT" in code:
        return RetryableError(f"{what}: the server's rate limit is reached")
    if code.startswith(("GRAPHQL_", "BAD_", "USER_INPUT")):
        return FatalError(f"{what}: the server refused the query: {message}")
    return RetryableError(f"{what}: {message[:300]}")


def from_transport(error: BaseException, what: str) -> Speckle2pgError:
    """The error that a broken or unanswered request stands for; always retryable."""
    if isinstance(error, asyncio.TimeoutError):
        return RetryableError(f"{what}: the server did not answer in time")
    if isinstance(error, aiohttp.InvalidURL):
        return FatalError(f"{what}: the address is not valid: {error}")
    return RetryableError(f"{what}: the connection failed: {str(error) or type(error).__name__}")


TRANSPORT_FAULTS = (aiohttp.ClientError, asyncio.TimeoutError, OSError)
"""What aiohttp raises when a request breaks; caught here and nowhere else."""
