"""What people paste, and addresses for comparison."""

from __future__ import annotations

import pytest

from speckle2pg.cli.addresses import origin, project_id
from speckle2pg.cli.demo_database import without_password
from speckle2pg.errors import ConfigurationError
from speckle2pg.identity import canonical


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0123456789", "0123456789"),
        (" 0123456789\n", "0123456789"),
        ("https://app.speckle.systems/projects/abc123", "abc123"),
        ("https://app.speckle.systems/projects/abc123/", "abc123"),
        ("https://app.speckle.systems/projects/abc123/models/def,ghi@jkl?x=1#y", "abc123"),
        ("http://127.0.0.1:3000/streams/abc123/branches/main", "abc123"),
        ("https://host/path/projects/abc123", "abc123"),
        ("projects/abc123", None),
        ("https://app.speckle.systems/", None),
        ("https://app.speckle.systems/?projects/abc123", None),
        ("https://host/projects/", None),
        ("a b", None),
        ("", None),
        ("x" * 65, None),
    ],
)
def test_project_ids_and_pasted_addresses_are_understood(text: str, expected: str | None) -> None:
    if expected is None:
        with pytest.raises(ConfigurationError):
            project_id(text)
    else:
        assert project_id(text) == expected


def test_the_origin_of_an_address_is_its_server() -> None:
    assert origin("https://a.example:8080/projects/x") == "https://a.example:8080"
    assert origin("0123456789") is None


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("https://Speckle.Example/", "https://speckle.example:443"),
        ("http://a:80", "http://a"),
        ("http://user:hush@a", "http://a"),
        ("http://[::1]:3000/", "http://[::1]:3000"),
    ],
)
def test_forms_of_one_address_are_the_same(one: str, other: str) -> None:
    assert canonical(one) == canonical(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [("http://a", "https://a"), ("http://a:1", "http://a:2"), ("http://a", "http://b"), ("http://a/x", "http://a/y")],
)
def test_different_servers_differ(one: str, other: str) -> None:
    assert canonical(one) != canonical(other)


def test_an_address_that_is_none_is_compared_as_it_is() -> None:
    assert canonical("http://a:port") == "http://a:port"


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgresql://me:hush@host:5432/db?sslmode=require", "postgresql://me@host:5432/db?sslmode=require"),
        ("postgresql://me:hu%40sh@host/db", "postgresql://me@host/db"),
        ("postgresql://host/db", "postgresql://host/db"),
        ("postgresql:///db?host=/tmp", "postgresql:///db?host=/tmp"),
        ("postgresql://me:@/db?host=/tmp", "postgresql://me@/db?host=/tmp"),
    ],
)
def test_a_shown_address_has_no_password(url: str, shown: str) -> None:
    assert without_password(url) == shown
