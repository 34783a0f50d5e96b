# ruff: noqa: S608  (statements are made of the literals of this file)
"""From a dump of an earlier database to the first sync: every status is found again, or its fate is told."""

from __future__ import annotations

import json
import random
import re
import sys
import uuid
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from integration.pipeline.bench import collection, element, graph
from speckle2pg.app import open_core
from speckle2pg.events import Event
from speckle2pg.store.takeover_report import outcome
from support.daemon import make_settings
from support.earlier import Earlier
from support.logins import run
from support.programs import Program

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from speckle2pg.sandbox import SandboxServer


class Site:
    """Projects on a Speckle server, and the program beside an earlier database of them."""

    def __init__(self, folder: Path, url: str, server: SandboxServer) -> None:
        self.url = url
        self.server = server
        self.user = server.world.add_user("Анна")
        self.token = server.world.add_token(self.user)
        self.program = Program(
            folder,
            DATABASE_URL=url,
            SPECKLE_SERVER_URL=self.server.url,
            SPECKLE_TOKEN=self.token,
            TAKEOVER_TIMEZONE="Europe/Berlin",
        )

    def project(self, name: str) -> str:
        """Makes a project."""
        return self.server.world.create_project(self.user, name).id

    async def publish(self, project: str, guids: Sequence[uuid.UUID], *, model: str = "structure") -> None:
        """Publishes a version with these elements."""
        things = [element(str(guid), ifcType="IfcBeam", name=f"Beam {guid.int}") for guid in guids]
        root, objects = graph(collection("Bridge", *things))
        await self.server.publish(project, model, root, objects=objects)

    async def says(self, *arguments: str, code: int = 0) -> str:
        """What a command prints."""
        answer = await self.program(*arguments)
        assert answer.code == code, answer.err + answer.out
        return answer.out

    async def look(self, project: str) -> None:
        """Looks at a project, as the daemon does."""
        settings = make_settings(self.url, self.server.url, self.token, hold_removed_share=1)
        async with open_core(settings, migrate=False) as core:
            await core.projects.look(Event(project, None, "admin", datetime.now(UTC)))

    def outcomes(self) -> dict[str, int]:
        """Statuses by what became of them."""
        found = outcome(self.url, "public")
        assert found
        return found.outcomes


@pytest.fixture
def site(tmp_path: Path, empty_url: str, sandbox: SandboxServer) -> Site:
    """A Speckle server and an empty database."""
    return Site(tmp_path, empty_url, sandbox)


def numbered(first: int, count: int) -> list[uuid.UUID]:
    """Guids that follow each other."""
    return [uuid.UUID(int=number) for number in range(first, first + count)]


async def test_five_thousand_elements_and_their_statuses_are_found_again(site: Site) -> None:
    bridge, tunnel = site.project("Bridge"), site.project("Tunnel")
    guids = numbered(1, 5000)
    random.Random(1).shuffle(guids)
    # A part of the elements of each project had no model_id.
    earlier = Earlier({bridge: guids[:3000], tunnel: guids[3000:4500], None: guids[4500:]}, statuses=1200)
    earlier.restore(site.url)
    await site.publish(bridge, guids[:3000] + guids[4500:4800])
    await site.publish(tunnel, guids[3000:4500] + guids[4800:])

    checked = await site.says("migrate", "--check", code=1)
    unassigned = sum(guid in earlier.given for guid in guids[4500:])
    counted = f"5000 elements (500 without a project), 1200 statuses ({unassigned} without a project)"
    assert counted in checked
    assert "view public.mounted" in checked
    assert "waiting" not in checked
    taken = await site.says("migrate", "--takeover")
    assert counted in taken
    assert "waiting" not in taken
    assert site.outcomes() == {"waiting": 1200}
    status = await site.program("status")
    assert "Taken-over statuses without their part: 1200" in " ".join(status.out.split())
    for project in (bridge, tunnel):
        await site.look(project)

    told = await site.says("migrate", "--takeover")
    # Shown by `pytest -rP`.
    sys.stdout.write(checked + taken + told)
    assert "1200 of 1200 statuses were found again, 0 were not" in told
    assert site.outcomes() == {"found": 1200}
    shown = run(site.url, "SELECT guid, status FROM elements WHERE status <> 'not_started'")
    assert dict(shown) == earlier.given
    # The old time is the beginning.
    assert run(site.url, "SELECT count(*) FROM elements WHERE created_at < '2025-01-01'") == [(5000,)]
    status = await site.program("status", "--json")
    assert json.loads(status.out)["takeover"] == {"found": 1200}


async def test_each_status_that_is_not_found_is_told_with_its_reason(site: Site) -> None:
    bridge, tunnel, gone = site.project("Bridge"), site.project("Tunnel"), "gone0000001"
    there, removed, missing, elsewhere = (numbered(n, 3) for n in (1, 11, 21, 31))
    both, adopted, nowhere = (numbered(n, 3) for n in (41, 51, 61))
    earlier: dict[str | None, Any] = {
        bridge: [*there, *removed, *missing], gone: elsewhere, None: [*both, *adopted, *nowhere],
    }  # fmt: skip
    made = Earlier(earlier, statuses=21)
    made.restore(site.url)
    run(site.url, f"INSERT INTO projects VALUES ('{tunnel}', 'Tunnel')")
    await site.says("migrate", "--takeover")
    # What people list now does not hold up what was there before.
    run(site.url, "INSERT INTO status_values (code) VALUES ('of today')")
    await site.publish(bridge, [*there, *removed, *both, *adopted])
    await site.look(bridge)
    # A project that was not read could hold them as well.
    assert site.outcomes() == {"waiting": 12, "found": 6, "missing": 3}
    await site.publish(bridge, [*there, *both, *adopted])
    await site.publish(tunnel, both)
    for project in (bridge, tunnel):
        await site.look(project)
    await site.look(gone)
    expected = {"found": there + adopted, "removed": removed, "missing": missing, "unreachable": elsewhere,
                "ambiguous": both, "unassigned": nowhere}  # fmt: skip
    rows = run(site.url, "SELECT guid, outcome, status FROM takeover_report")
    assert {row[0]: row[1] for row in rows} == {guid: name for name, guids in expected.items() for guid in guids}
    assert {row[0]: row[2] for row in rows} == made.given
    told = await site.says("migrate", "--check")
    assert "6 of 21 statuses were found again, 15 were not" in told
    assert "21 elements (now 6 without a project), 21 statuses (now 6 without a project)" in told
    assert f"Project {gone} is gone; statuses that hang on it: 3." in told
    for name, guids in expected.items():
        assert re.search(rf"{len(guids)} {name}: ", told), told
        assert all((str(guid) in told) == (name != "found") for guid in guids)
    assert "takeover_report" in told
    # Where several have it, a person says which.
    settled = f"guid = '{both[0]}' AND status IS NOT NULL"
    run(site.url, f"UPDATE taken_over SET project_id = '{tunnel}', adopted_at = now() WHERE {settled}")
    run(
        site.url,
        "SET speckle2pg.keep_statuses = 'on'; INSERT INTO element_status (project_id, guid, status, updated_by) "
        f"SELECT project_id, guid, status, 'takeover' FROM taken_over WHERE {settled}",
    )
    assert site.outcomes()["found"] == 7
