"""What to do with a model, decided from the server's list and what is stored."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from speckle2pg.pipeline.plan import Cursor, is_followed, is_separate, newest, plan_model
from speckle2pg.speckle.model import Version

if TYPE_CHECKING:
    from collections.abc import Sequence

AT = datetime(2026, 1, 1, tzinfo=UTC)
VERSION = Version(id="v", created_at=AT, referenced_object="r")


def test_newest_of_nothing_is_nothing() -> None:
    assert newest([]) is None


def test_newest_is_the_latest_and_among_equal_times_the_greatest_id() -> None:
    older = Version(id="z", created_at=AT.replace(year=2025))
    assert newest([Version(id="a", created_at=AT), older, VERSION]) is VERSION


EARLIER = Version(id="u", created_at=AT.replace(year=2025), referenced_object="q")


@pytest.mark.parametrize(
    ("version", "cursor", "state", "full", "action"),
    [
        (None, Cursor(), None, False, "nothing"),
        (None, Cursor(1, "v"), None, False, "empty"),
        (None, Cursor(1, "v"), None, True, "empty"),
        (VERSION, Cursor(), "pending", False, "apply"),
        (VERSION, Cursor(1, "v"), "synced", False, "nothing"),
        (VERSION, Cursor(1, "v"), "synced", True, "apply"),
        (VERSION, Cursor(1, "w"), "synced", False, "apply"),
        (VERSION, Cursor(1, "w"), "syncing", False, "apply"),
        *((VERSION, Cursor(1, "w"), state, False, "nothing") for state in ("failed", "held", "rejected")),
        *((VERSION, Cursor(1, "w"), state, True, "apply") for state in ("failed", "held")),
        # What a person decided is not undone by reading all of it again.
        (VERSION, Cursor(1, "w"), "rejected", True, "nothing"),
    ],
)
def test_plan(version: Version | None, cursor: Cursor, state: str | None, full: bool, action: str) -> None:  # noqa: FBT001
    plan = plan_model(version, cursor, state, full=full)
    assert (plan.action, plan.versions) == (action, (version,) if action == "apply" else ())
    assert bool(plan.reason) == (action != "apply")


def test_versions_before_the_newest_are_loaded_even_where_that_one_waits_for_a_person() -> None:
    assert plan_model(VERSION, Cursor(), "pending", before=(EARLIER,)).versions == (EARLIER, VERSION)
    assert plan_model(VERSION, Cursor(), "held", before=(EARLIER,)).versions == (EARLIER,)


@pytest.mark.parametrize(
    ("name", "globs", "followed"),
    [
        ("main", ["*"], True),
        ("main", [], False),
        ("a/b/c", ["a/*"], True),
        ("Main", ["mAIN"], True),
        ("йод".replace("й", "и\u0306"), ["йо*"], True),
        ("ЙОД", ["йод".replace("й", "и\u0306")], True),
        ("Straße", ["STRASSE"], True),
        ("a/old", ["a/*", "!*/old"], False),
        ("a/new", ["!*/old"], True),
        ("a/old", ["!*/OLD"], False),
        ("main", ["mai"], False),
        ("m1", ["m[0-9]"], True),
        ("mx", ["m[!0-9]"], True),
        ("main", ["!"], True),
    ],
)
def test_globs_match_whole_names_without_case_in_normal_form(name: str, globs: Sequence[str], followed: bool) -> None:  # noqa: FBT001
    assert is_followed(name, globs) is followed


def test_model_is_separate_only_where_a_pattern_says_so() -> None:
    assert is_separate("Twin/Left", ["twin/*"])
    assert not is_separate("Twin/Left", [])
