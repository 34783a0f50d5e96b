"""What the commands say of an earlier adapter's database, and their exit codes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from integration.takeover.places import made_up
from support.logins import everything, run
from support.programs import Program

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def program(tmp_path: Path, empty_url: str) -> Program:
    """The program beside an earlier database."""
    made_up().restore(empty_url)
    return Program(tmp_path, DATABASE_URL=empty_url)


async def test_without_takeover_each_command_refuses_and_says_how(program: Program, empty_url: str) -> None:
    before = everything(empty_url)
    server = {"SPECKLE_SERVER_URL": "http://127.0.0.1:1", "SPECKLE_TOKEN": "token-of-the-tests"}
    for command in ("migrate", "run"):
        answer = await program(command, **server)
        assert answer.code == 2, answer
        assert "speckle2pg migrate --takeover" in answer.err
    examined = await program("doctor", **server)
    assert "migrate --takeover" in " ".join(examined.out.split())
    assert everything(empty_url) == before


@pytest.mark.parametrize("arguments", [("--check",), ("--check", "--takeover")])
async def test_check_shows_all_that_would_happen(program: Program, empty_url: str, arguments: tuple[str, ...]) -> None:
    run(empty_url, "UPDATE elements SET project_id = 'x y' WHERE element_name = 'Old name 1'")
    run(empty_url, "UPDATE elements SET project_id = 'named0003' WHERE element_name = 'Old name 0'")
    run(empty_url, "CREATE VIEW stubborn AS SELECT xmin FROM elements")
    before = everything(empty_url)
    answer = await program("migrate", *arguments, TAKEOVER_TIMEZONE="Asia/Almaty")
    assert answer.code == 1
    assert everything(empty_url) == before
    for words in (
        "11 elements (4 without a project), 8 statuses",
        "projects to be registered and followed: 3 (bridge0001, named0003, tunnel0002)",
        "of these only elements name: 1 (named0003)",
        "no ids of projects: x y",
        "Asia/Almaty",
        "elements -> elements_earlier",
        "further columns, kept in elements_earlier: contractor, crew_size, row_number",
        "live views of the old shape: public_earlier.elements",
        "view public.mounted (elements, projects) is put onto the live views in public_earlier_owner",
        "view public.stubborn (elements) cannot follow: ",
        "refuses until these can follow: public.stubborn",
        "REFERENCES public.parts (project_id, guid);",
        "CREATE MATERIALIZED VIEW public.contractors AS",
        "pending  0001",
    ):
        assert words in answer.out, words


async def test_an_unknown_shape_is_told_where_a_takeover_is_asked_for(program: Program, empty_url: str) -> None:
    run(empty_url, "ALTER TABLE elements DROP COLUMN status CASCADE")
    for arguments in (("--takeover",), ("--check", "--takeover")):
        answer = await program("migrate", *arguments)
        assert answer.code == 2
        assert "elements.status is missing" in answer.err
        assert "Traceback" not in answer.err


async def test_check_says_what_keeps_a_nearly_right_shape_from_being_taken_over(
    program: Program, empty_url: str
) -> None:
    run(
        empty_url,
        "DROP TABLE projects CASCADE; CREATE TYPE state AS ENUM ('mounted'); ALTER TABLE elements "
        "DROP COLUMN status CASCADE, ADD COLUMN status state, DROP COLUMN created_at",
    )
    before = everything(empty_url)
    answer = await program("migrate", "--check")
    assert (answer.code, everything(empty_url) == before) == (1, True)
    assert "already has relations of our names" in answer.out
    for fault in ("table projects is missing", "elements.created_at is missing", "elements.status is state, not text"):
        assert f"  {fault}" in answer.out
    # What is somebody's own is not taken for it.
    run(empty_url, "DROP TABLE elements, models CASCADE; CREATE TABLE elements (number int, symbol text)")
    answer = await program("migrate", "--check")
    assert (answer.code, "resemble" in answer.out) == (1, False)


async def test_wrong_options_and_settings_are_refused_before_anything_happens(program: Program, empty_url: str) -> None:
    before = everything(empty_url)
    assert (await program("migrate", "--takeover", "--rebind")).code == 2
    answer = await program("migrate", "--takeover", TAKEOVER_TIMEZONE="Berlin")
    assert (answer.code, "TAKEOVER_TIMEZONE" in answer.err) == (2, True)
    assert everything(empty_url) == before


async def test_a_takeover_says_what_it_did_and_a_second_one_what_became_of_it(program: Program) -> None:
    first = await program("migrate", "--takeover")
    assert first.code == 0, first.err
    assert "Taken over: 11 elements (3 without a project), 8 statuses" in first.out
    assert "foreign key public.acts_guid_fkey" in first.out
    second = await program("migrate", "--takeover")
    assert second.code == 0
    assert "8 waiting: " in second.out
    assert "takeover_report" in second.out
    checked = await program("migrate", "--check")
    assert (checked.code, "8 waiting: " in checked.out) == (0, True)
