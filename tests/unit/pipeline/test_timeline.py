"""Where versions stand in what is replayed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from speckle2pg.pipeline.timeline import Timeline, plan_replay

AT = datetime(2026, 1, 1, tzinfo=UTC)


def applied(*names: str | None) -> list[dict[str, Any]]:
    """Applications in order; a version's name begins with its hour, None is an empty model."""
    return [
        {
            "seq": seq,
            "version_id": name,
            "removed_reason": None if name else "no_version",
            "root_object_id": name,
            "source_application": None,
            "at": at(name or "99"),
        }
        for seq, name in enumerate(names, start=1)
    ]


def listed(*names: str) -> list[dict[str, Any]]:
    """Versions that the server lists."""
    return [
        {"id": name, "created_at": at(name), "root_object_id": name, "source_application": None}
        for name in sorted(names, key=lambda name: (at(name), name))
    ]


def at(name: str) -> datetime:
    """Hour of a version."""
    return AT + timedelta(hours=int(name[:2]))


def steps(timeline: Timeline | None) -> list[str | None]:
    """What follows the start, by name."""
    assert timeline is not None
    return [entry.version.id if entry.version else None for entry in timeline.entries]


def test_nothing_passed_over_is_nothing_to_replay() -> None:
    assert plan_replay(applied("01", "02"), listed("01"), history_seq=1) is None
    assert plan_replay([], [], history_seq=1) is None


def test_a_version_stands_before_the_first_newer_one_that_was_applied() -> None:
    timeline = plan_replay(applied("02", "05", "04"), listed("01", "02", "03"), history_seq=1)
    assert steps(timeline) == ["01", "02", "03", "05", "04"]
    assert timeline is not None
    assert (timeline.start, timeline.told, timeline.base) == (0, False, None)


def test_what_was_before_the_first_replayed_version_is_not_replayed() -> None:
    timeline = plan_replay(applied("01", "02", "05", "06"), listed("01", "02", "03", "05"), history_seq=1)
    assert steps(timeline) == ["03", "05", "06"]
    assert timeline is not None
    assert (timeline.start, timeline.told) == (2, True)
    assert timeline.base is not None
    assert timeline.base.id == "02"


def test_among_equal_times_the_id_decides() -> None:
    assert steps(plan_replay(applied("01b", "01d"), listed("01a", "01b", "01c"), history_seq=1)) == [
        "01a",
        "01b",
        "01c",
        "01d",
    ]


def test_an_empty_model_in_between_stays_where_it_was() -> None:
    assert steps(plan_replay(applied("02", None, "04"), listed("01", "03"), history_seq=1)) == [
        "01",
        "02",
        None,
        "03",
        "04",
    ]


def test_states_that_were_not_kept_are_replayed() -> None:
    timeline = plan_replay(applied("01", "02", "03"), listed("01", "02"), history_seq=3)
    assert steps(timeline) == ["01", "02", "03"]


def test_a_start_that_cannot_be_told_begins_with_nothing() -> None:
    timeline = plan_replay(
        applied("01", "02", "03", "05"), listed("01", "02", "03", "04"), history_seq=4, since=at("04")
    )
    assert steps(timeline) == ["04", "05"]
    assert timeline is not None
    assert (timeline.start, timeline.told, timeline.base) == (3, False, None)


def test_a_date_leaves_older_versions_alone() -> None:
    versions = listed("01", "02", "04")
    assert steps(plan_replay(applied("03", "05"), versions, history_seq=1, since=at("02"))) == ["02", "03", "04", "05"]
    assert plan_replay(applied("03", "05"), versions, history_seq=1, since=at("05")) is None
