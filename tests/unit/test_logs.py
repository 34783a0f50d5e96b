# ruff: noqa: TRY301  (raised to be logged)
"""Logging: every line is there, and no secret in any of them."""

from __future__ import annotations

import json
import logging
import re
from typing import TYPE_CHECKING, Any, Literal

import psycopg
import pytest
import structlog
from psycopg.conninfo import conninfo_to_dict
from pydantic import SecretStr

from speckle2pg.logs import SecretFilter, configure_logging

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

TOKEN = "0123456789abcdef-token"
PASSWORD = "pässwörd"
Format = Literal["text", "json"]


class Wrapped:
    """An object whose repr holds what must not be shown."""

    def __repr__(self) -> str:
        return f"<{TOKEN} postgresql://me:{PASSWORD}@h/d>"


@pytest.fixture(autouse=True)
def _logging_as_before() -> Iterator[None]:
    """Gives the process's logging back as it was."""
    root = logging.getLogger()
    handlers, level = root.handlers, root.level
    yield
    root.handlers = handlers
    root.setLevel(level)
    structlog.reset_defaults()


@pytest.fixture(params=["text", "json"])
def format_(request: pytest.FixtureRequest) -> Format:
    """Both forms of the log."""
    chosen: Format = request.param
    return chosen


def start(format_: Format, level: str = "DEBUG") -> Any:
    configure_logging(format_=format_, level=level, secrets=[TOKEN, ""])
    return structlog.get_logger()


@pytest.mark.parametrize(
    "value",
    [
        TOKEN,
        f"Authorization: Bearer {PASSWORD}",
        f"postgresql://me:{PASSWORD}@h/d",
        f"postgresql://h/d?user=me&password={PASSWORD}&x=1",
        f"host=h password='{PASSWORD}'",
        f"http://:{PASSWORD}@proxy:3128",
        {"deep": [{"deeper": (f"x{TOKEN}x",)}]},
        {TOKEN: 1},
        {f"{TOKEN}"},
        Wrapped(),
        [Wrapped()],
        ValueError(f"refused {TOKEN}"),
        f"{TOKEN}".encode(),
        SecretStr(TOKEN),
    ],
    ids=lambda value: type(value).__name__,
)
def test_no_value_of_any_type_shows_a_secret(value: Any, format_: Format, capsys: pytest.CaptureFixture[str]) -> None:
    start(format_).warning("something happened", value=value, other="stays")
    line = capsys.readouterr().err
    assert "something happened" in line
    assert "stays" in line
    assert TOKEN not in line
    assert PASSWORD not in line


def test_no_traceback_shows_a_secret_or_a_local_variable(format_: Format, capsys: pytest.CaptureFixture[str]) -> None:
    log = start(format_)

    def connect(row: str) -> None:
        parameters = conninfo_to_dict(f"postgresql://me:{PASSWORD}@h/d")
        try:
            raise psycopg.OperationalError(f"cannot connect: postgresql://me:{PASSWORD}@h/d {parameters}")
        except psycopg.OperationalError as error:
            raise RuntimeError(f"with {TOKEN}") from error

    try:
        connect("a row of somebody's table".upper())
    except RuntimeError:
        log.exception("it failed", token=TOKEN)
    line = capsys.readouterr().err
    assert "RuntimeError" in line
    assert "OperationalError" in line
    assert TOKEN not in line
    assert PASSWORD not in line
    assert "SOMEBODY" not in line


def test_the_standard_librarys_records_are_cleaned_too(format_: Format, capsys: pytest.CaptureFixture[str]) -> None:
    start(format_)
    try:
        raise ValueError(f"bad {TOKEN}")
    except ValueError:
        logging.getLogger("some.library").exception("request with %s and %s", f"Bearer {PASSWORD}", TOKEN)
    line = capsys.readouterr().err
    assert "request with" in line
    assert "ValueError" in line
    assert TOKEN not in line
    assert PASSWORD not in line


def test_text_that_only_resembles_a_secret_stays() -> None:
    clean = SecretFilter([TOKEN])
    link = "http://127.0.0.1:3000/projects/p/models/m@v"
    for text in (link, "password authentication failed for user me", "at 10:30 me@example.com", "", "a:b@c"):
        assert clean.text(text) == text


def test_a_json_line_is_one_object_with_level_and_time(capsys: pytest.CaptureFixture[str]) -> None:
    log = start("json")
    log.info("Мост", elements=3, at={"a": [1, None, 0.5, True]})
    logging.getLogger("some.library").warning("old way")
    first, second = (json.loads(line) for line in capsys.readouterr().err.splitlines())
    assert first["event"] == "Мост"
    assert first["level"] == "info"
    assert first["elements"] == 3
    assert first["at"] == {"a": [1, None, 0.5, True]}
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT[\d:.]+Z", first["timestamp"])
    assert second["event"] == "old way"


def test_levels_below_the_chosen_one_are_silent(format_: Format, capsys: pytest.CaptureFixture[str]) -> None:
    log = start(format_, level="WARNING")
    log.info("quiet")
    logging.getLogger("some.library").info("quiet")
    assert capsys.readouterr().err == ""


def test_without_a_terminal_lines_are_json(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    configure_logging(format_=None, level="INFO")
    structlog.get_logger().info("hello", path=tmp_path)
    assert json.loads(capsys.readouterr().err)["event"] == "hello"
