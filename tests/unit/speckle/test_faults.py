"""One pure function per kind of answer says retryable, gone, unreadable, refused or fatal."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from speckle2pg.errors import (
    FatalError,
    GoneError,
    RetryableError,
    Speckle2pgError,
    TokenRefusedError,
    UnreadableError,
)
from speckle2pg.speckle import faults

NOW = datetime(2026, 5, 1, 12, 0, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (None, None),
        ("0.96", 0.96),
        ("5", 5.0),
        ("-3", 0.0),
        ("0", 0.0),
        ("1e9", 3600.0),
        ("inf", 3600.0),
        ("nan", None),
        ("soon", None),
        ("", None),
        ("Fri, 01 May 2026 12:00:30 GMT", 30.0),
        ("Fri, 01 May 2026 12:00:30 -0000", 30.0),
        ("Fri, 01 May 2026 11:00:00 GMT", 0.0),
        ("Fri, 01 May 2027 11:00:00 GMT", 3600.0),
    ],
)
def test_retry_after_is_seconds_or_a_date(value: str | None, seconds: float | None) -> None:
    assert faults.retry_after(value, now=NOW) == seconds


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (401, "", UnreadableError),
        (401, '{"error":"Your token is not valid."}', TokenRefusedError),
        (403, '{"error":"Your token is not valid."}', TokenRefusedError),
        (403, '{"error":"You do not have access to the project"}', UnreadableError),
        (404, "", GoneError),
        (400, "[]", FatalError),
        (302, "", RetryableError),
        *((status, "", RetryableError) for status in (408, 425, 429, 500, 502, 503, 504, 524)),
    ],
)
def test_each_status_has_its_meaning(status: int, body: str, kind: type[Speckle2pgError]) -> None:
    assert type(faults.from_status(status, body, {}, "asking")) is kind


def test_where_graphql_should_be_a_404_is_nobodys_absence() -> None:
    assert type(faults.from_graphql_status(404, "", {}, "asking")) is RetryableError
    assert type(faults.from_graphql_status(403, "token is not valid", {}, "asking")) is TokenRefusedError


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        ({"extensions": {"code": "STREAM_NOT_FOUND", "statusCode": 404}}, GoneError),
        ({"extensions": {"code": "BRANCH_NOT_FOUND"}}, GoneError),
        ({"extensions": {"code": "FORBIDDEN", "statusCode": 403}}, UnreadableError),
        ({"extensions": {"code": "UNAUTHORIZED", "statusCode": 401}}, UnreadableError),
        ({"extensions": {"code": "BAD_REQUEST_ERROR", "statusCode": 400}}, FatalError),
        ({"extensions": {"code": "GRAPHQL_VALIDATION_FAILED"}}, FatalError),
        ({"extensions": {"code": "BAD_USER_INPUT"}}, FatalError),
        ({"extensions": {"code": "RATE_LIMIT_ERROR"}}, RetryableError),
        ({"extensions": {"code": "INTERNAL_SERVER_ERROR"}}, RetryableError),
        ({"extensions": None}, RetryableError),
        ({"extensions": "odd"}, RetryableError),
        ({}, RetryableError),
        ("odd", RetryableError),
    ],
)
def test_each_graphql_error_has_its_meaning(error: object, kind: type[Speckle2pgError]) -> None:
    assert type(faults.from_graphql([error], "asking")) is kind


def test_a_long_message_of_the_server_is_cut() -> None:
    """A bad cursor is answered with a whole SQL statement."""
    error = faults.from_graphql([{"message": "select " * 1000}], "asking")
    assert len(str(error)) < 400
