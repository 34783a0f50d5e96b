"""The named statements of sql/queries."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from speckle2pg.store.queries import compose, load_queries, parse, sql_folder

ROOT = Path(__file__).parents[2]


def test_every_statement_is_named_described_and_not_empty() -> None:
    queries = load_queries()
    assert len(queries) > 50
    for name, query in queries.items():
        assert query.name == name
        assert query.description, name
        assert query.text, name
        assert "--" not in query.text.splitlines()[0], name


def test_every_statement_is_used_and_every_used_one_exists() -> None:
    product = "\n".join(path.read_text(encoding="utf-8") for path in (ROOT / "daemon").rglob("*.py"))
    assert [name for name in load_queries() if f'"{name}"' not in product] == []
    called = set(re.findall(r"\b(?:tx|_tx|database|_database)\.(?:all|one|do|copy|stream)\(\s*\"(\w+)\"", product))
    assert len(called) > 20
    assert called <= set(load_queries())


def test_a_statement_without_a_description_is_refused() -> None:
    with pytest.raises(ValueError, match="lonely"):
        parse("-- name: lonely\nSELECT 1;\n")


def test_two_statements_of_one_name_are_refused() -> None:
    with pytest.raises(ValueError, match="twin"):
        parse("-- name: twin\n-- One.\nSELECT 1;\n-- name: twin\n-- Two.\nSELECT 2;\n")


def test_text_is_the_statement_without_comment_and_semicolon() -> None:
    (query,) = parse("-- name: one\n-- First line,\n-- second line.\nSELECT 1,\n       2;\n\n").values()
    assert query.description == "First line, second line."
    assert query.text == "SELECT 1,\n       2"


def test_names_put_into_a_statement_are_quoted() -> None:
    hostile = 'x"; DROP TABLE projects; --'
    assert compose("use_schema_locally", schema=hostile).as_string() == (
        'SET LOCAL search_path TO "x""; DROP TABLE projects; --", pg_temp'
    )


def test_the_folder_has_all_kinds_of_sql() -> None:
    names = {entry.name for entry in sql_folder().iterdir()}
    assert {"migrations", "queries", "roles"} <= names
