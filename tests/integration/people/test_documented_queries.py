"""What the documents tell people to ask is asked, and answered right."""

# ruff: noqa: RUF001 - marks are Russian, as on the drawings

from __future__ import annotations

import asyncio
import re
from collections import Counter, defaultdict
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import aiohttp
import psycopg
import pytest
from psycopg.rows import dict_row

from integration.people.answers import KILOGRAM, Answers
from integration.people.bridge_in_use import BridgeInUse, build
from support.documents import ROOT, blocks
from support.postgrest import serving, token

if TYPE_CHECKING:
    from collections.abc import Iterator

    from support.databases import Cluster
    from support.documents import Block
    from support.front import Front, Row

SQL = [block for name in ("docs/sql.md", "docs/postgrest.md", "README.md") for block in blocks(name, "sql")]
REQUESTS = [block for name in ("docs/sql.md", "docs/postgrest.md") for block in blocks(name, "http")]
QUESTIONS = {int(block.heading.split(".")[0]): block for block in SQL if re.match(r"\d+\. ", block.heading)}


@pytest.fixture(scope="module")
def site(cluster: Cluster) -> Iterator[BridgeInUse]:
    """A bridge in its third week; nothing here is changed."""
    with cluster.database() as (owner_url, database_url):
        yield asyncio.run(build(owner_url, database_url))


@pytest.fixture(scope="module")
def names(site: BridgeInUse) -> dict[str, str]:
    """What stands in the documents, and what it is here."""
    structure, shop = site.versions[site.structure], site.versions[site.shop]
    return {
        "32bc5b1b8b": site.project_id,
        "abc123": site.project_id,
        "MODEL": "structure",
        "e6783993e3": site.structure,
        "3b96c48e17": structure[0],
        "46913bfa22": structure[-1],
        "f762f7f1a7": site.shop,
        "cba8377c08": shop[0],
        "6b46b14398": shop[-1],
        "VERSION": structure[0],
        "OTHER": structure[-1],
        # An assembly of the first span.
        '"..."': '"b623d7c6-798b-59b4-a997-de3169b2e12b"',
        "2026-03-01": str(site.today - timedelta(days=30)),
        "2026-04-01": str(site.today - timedelta(days=10)),
        "eyJmZWVkIjog...": site.front("anna").rows("SELECT cursor FROM changes_since(NULL, 5)")[-1]["cursor"],
    }


@pytest.fixture
def answers(site: BridgeInUse) -> Answers:
    """What the drawings and the people say."""
    return Answers(site)


def filled(text: str, names: dict[str, str]) -> str:
    """A text with the names of this database."""
    return re.sub("|".join(map(re.escape, names)), lambda found: names[found[0]], text)


def asked(front: Front, statement: str) -> list[Row]:
    """A request that leaves nothing behind."""
    with front._connection() as connection, connection.transaction(force_rollback=True):
        return front._run(connection, statement, ())


def seen(front: Front, statement: str) -> list[Row]:
    """What a request shows; nothing where it is about versions that are not there for whoever asks."""
    try:
        return asked(front, statement)
    except psycopg.ProgrammingError as error:
        if error.sqlstate == "PT404":
            return []
        raise


@pytest.fixture
def ask(site: BridgeInUse, names: dict[str, str]) -> Any:
    """Asks a question of the document, by its number."""
    return lambda number: asked(site.front("anna"), filled(QUESTIONS[number].statements[0], names))


@pytest.mark.parametrize("block", [block for block in SQL if block.is_asked_by_people], ids=str)
def test_what_people_ask_has_an_answer(block: Block, site: BridgeInUse, names: dict[str, str]) -> None:
    for statement in block.statements:
        rows = asked(site.front("anna"), filled(statement, names))
        assert rows or statement.startswith("UPDATE"), statement


@pytest.mark.parametrize("block", [block for block in SQL if not block.is_asked_by_people], ids=str)
def test_what_the_owner_is_told_to_run_runs(block: Block, site: BridgeInUse, names: dict[str, str]) -> None:
    with psycopg.connect(site.owner_url) as connection, connection.transaction(force_rollback=True):
        connection.execute("DELETE FROM status_values")
        for statement in block.statements:
            connection.execute(filled(statement, names).encode())


@pytest.mark.parametrize("block", REQUESTS, ids=str)
async def test_requests_over_http_have_an_answer(block: Block, site: BridgeInUse, names: dict[str, str]) -> None:
    headers = {"Authorization": f"Bearer {token('anna', email='anna@example.org')}"}
    async with serving(site.owner_url, ROOT / "docs" / "example") as url, aiohttp.ClientSession() as session:
        for line in filled(block.text, names).splitlines():
            if not line.startswith("GET "):
                continue
            async with session.get(f"{url}/api{line.removeprefix('GET ')}", headers=headers) as reply:
                assert (reply.status, bool(await reply.json())) == (200, True), (line, await reply.text())


def test_there_are_fifteen_questions_and_each_is_numbered_once() -> None:
    assert list(QUESTIONS) == list(range(1, len(QUESTIONS) + 1))
    assert len(QUESTIONS) >= 15


def test_somebody_else_gets_no_answer_to_any_question(site: BridgeInUse, names: dict[str, str]) -> None:
    for block in QUESTIONS.values():
        assert not seen(site.front("dora"), filled(block.statements[0], names)), block.heading


def test_progress_is_that_of_the_drawings(ask: Any, answers: Answers, site: BridgeInUse) -> None:
    by_level = {row["level"]: (row["parts"], row["done_parts"], row["percent"]) for row in ask(1)}
    assert by_level == answers.progress(lambda piece: piece.level)
    by_span = {row["span"]: (row["parts"], row["done_parts"], row["percent"]) for row in ask(3)}
    assert by_span == answers.progress(lambda piece: piece.zone, site.structure)
    by_station = {float(row["station"]): row["percent"] for row in ask(2)}
    assert by_station == answers.progress_by_weight()


def test_changes_of_seven_days_are_those_between_the_drawings(ask: Any, answers: Answers, site: BridgeInUse) -> None:
    found = Counter({(row["model"], row["change"], row["element_type"]): row["elements"] for row in ask(4)})
    del found["structure", "added", "IfcElementAssembly"]
    structure = answers.changes("structure", *(site.versions[site.structure][place] for place in (1, 3)))
    shop = answers.changes("shop", *(site.versions[site.shop][place] for place in (1, 2)))
    # The gusset was in an earlier version.
    shop["shop", "restored", "IfcPlate"] = shop.pop(("shop", "added", "IfcPlate"))
    assert found == structure + shop


def test_parts_removed_though_done_and_those_changed_are_found(ask: Any, answers: Answers) -> None:
    assert {row["guid"] for row in ask(5)} == answers.removed_though_done()
    conflicts = ask(11)
    assert {(row["mark"], row["old"], row["new"]) for row in conflicts if row["conflict"] == "modified"} == {
        ("СТ-2.1", "B35", "B40"),
        ("СТ-2.2", "B35", "B40"),
    }
    assert sum(row["conflict"] == "removed" for row in conflicts) == len(answers.removed_though_done())


def test_quantities_are_those_of_the_drawings(ask: Any, answers: Answers) -> None:
    wanted: dict[tuple[str, str], list[float]] = defaultdict(lambda: [0, 0.0])
    for piece in answers.parts:
        wanted[piece.ifc_type, piece.grade][0] += 1
        wanted[piece.ifc_type, piece.grade][1] += piece.weight
    found = {(row["element_type"], row["material"]): [row["parts"], row["kilograms"]] for row in ask(6)}
    assert found.keys() == wanted.keys()
    for key, (parts, kilograms) in wanted.items():
        assert found[key] == [parts, pytest.approx(kilograms, abs=KILOGRAM)]


def test_begun_assemblies_name_what_is_missing(ask: Any, answers: Answers) -> None:
    assert {row["guid"]: (row["parts"], row["missing"]) for row in ask(7)} == answers.begun_assemblies()


def test_marks_in_two_alphabets_and_marks_of_different_parts_are_found(ask: Any, answers: Answers) -> None:
    assert [(row["reads"], set(row["marks"])) for row in ask(8)] == [("CB-1.1", {"CB-1.1", "СВ-1.1"})]
    assert {row["mark"]: row["parts"] for row in ask(17)} == answers.ambiguous_marks()


def test_untouched_parts_are_those_that_nobody_set(ask: Any, answers: Answers) -> None:
    assert {row["guid"] for row in ask(9)} == answers.untouched()


def test_work_of_a_month_is_what_people_set(ask: Any, answers: Answers, site: BridgeInUse) -> None:
    found = {(row["changed_by"], row["new_status"]): (row["parts"], row["kilograms"]) for row in ask(10)}
    begin, end = site.today - timedelta(days=30), site.today - timedelta(days=10)
    assert found == {key: (n, pytest.approx(kg, abs=KILOGRAM)) for key, (n, kg) in answers.done(begin, end).items()}


def test_mounted_weight_of_each_week_is_what_people_set(ask: Any, answers: Answers) -> None:
    found = {row["week"]: (row["parts"], row["kilograms"]) for row in ask(15)}
    assert found == {key: (n, pytest.approx(kg, abs=KILOGRAM)) for key, (n, kg) in answers.mounted_weeks().items()}


def test_each_model_shows_its_newest_version_or_says_why_not(ask: Any, site: BridgeInUse) -> None:
    found = {row["model"]: (row["newest"], row["state"], row["is_shown"]) for row in ask(12)}
    assert found.pop("main")[1:] == ("failed", None)
    assert found == {
        "structure": (site.versions[site.structure][-1], "synced", True),
        "shop": (site.versions[site.shop][-1], "synced", True),
    }


def test_parts_in_two_models_and_outside_of_assemblies_are_those_drawn_so(
    ask: Any, answers: Answers, site: BridgeInUse
) -> None:
    both = site.of(site.shop).keys() & site.of(site.structure).keys()
    assert {row["guid"]: row["models"] for row in ask(13)} == {guid: ["shop", "structure"] for guid in both}
    loose = Counter(piece.ifc_type for piece in answers.parts if piece.assembly is None)
    assert {row["element_type"]: row["parts"] for row in ask(14)} == loose


def test_what_came_back_and_what_grew_is_found(ask: Any, site: BridgeInUse) -> None:
    assert [(row["mark"], row["gone_with"]) for row in ask(16)] == [("к1", site.versions[site.shop][1])]
    assert [(row["mark"], row["millimetres"]) for row in ask(18)] == [("CB-1.1", 8)]


def test_parts_between_two_stations_are_those_drawn_there(ask: Any, answers: Answers) -> None:
    wanted = {piece.guid for piece in answers.parts if 1225 <= answers.station(piece) <= 1237.5}
    assert {row["guid"] for row in ask(19)} == wanted


def test_story_of_a_part_is_what_people_set(ask: Any, site: BridgeInUse) -> None:
    found = [(row["new_status"], row["effective_on"], row["changed_by"]) for row in ask(20)]
    beam = "b623d7c6-798b-59b4-a997-de3169b2e12b"
    assert found == [(item.status, item.day, item.person) for item in site.settings if str(item.guid) == beam]


def test_an_upsert_goes_through_the_table_and_not_through_the_view(site: BridgeInUse) -> None:
    # As PostgREST writes it for `Prefer: resolution=merge-duplicates`.
    given = f"('{site.project_id}', '{next(iter(site.parts))}', 'delivered')"
    update = "DO UPDATE SET project_id = EXCLUDED.project_id, guid = EXCLUDED.guid, status = EXCLUDED.status"
    upsert = "INSERT INTO {} (project_id, guid, status) VALUES {} ON CONFLICT (project_id, guid) {} RETURNING *"
    (row,) = asked(site.front("boris"), upsert.format("element_status", given, update))
    assert (row["status"], row["updated_by"]) == ("delivered", "boris@example.org")
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        asked(site.front("boris"), upsert.format("elements", given, update))


def test_a_report_login_reads_its_projects_without_postgrest(site: BridgeInUse, names: dict[str, str]) -> None:
    block = next(block for block in SQL if "CREATE ROLE reports" in block.text)
    with (
        psycopg.connect(site.owner_url, row_factory=dict_row) as connection,
        connection.transaction(force_rollback=True),
    ):
        for statement in block.statements:
            connection.execute(filled(statement, names).encode())
        connection.execute("SET LOCAL ROLE reports")
        connection.execute("SELECT set_config('request.jwt.claims', '{\"sub\": \"reports\"}', true)")
        assert connection.execute("SELECT count(*) AS n FROM parts_current").fetchall() == [{"n": len(site.parts)}]
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("UPDATE elements SET status = 'mounted'")
