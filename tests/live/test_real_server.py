"""From a publication on a real Speckle server to rows, through the real daemon.

Set SPECKLE_SERVER_URL and SPECKLE_TOKEN (scopes streams:read, streams:write, profile:read) to run these tests. Each
makes a project of its own and deletes it.
"""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest

from speckle2pg.sandbox.bridge import sample_bridge
from speckle2pg.sandbox.graphs import load_graph
from support.daemon import ADMIN_TOKEN, make_settings, running_daemon
from support.environment import GIVEN
from support.front import member, user
from support.oracle import rows
from support.speckle import Person, person
from support.waiting import until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from speckle2pg.app import Daemon

BRIDGE = sample_bridge()
_RECONCILE_NEVER = 86400.0
_MOUNT_PARTS = """
SELECT count(*) FROM set_status((
    SELECT jsonb_agg(jsonb_build_object('project_id', project_id, 'guid', guid, 'status', 'mounted'))
    FROM elements WHERE kind = 'part'))
"""
_CHANGED_PARTS = """
SELECT DISTINCT d.guid, d.change FROM version_diff(%s, %s) AS d
JOIN elements_all AS e ON e.guid = d.guid AND e.kind = 'part'
WHERE d.change IN ('modified', 'removed')
ORDER BY d.guid
"""


@dataclass(frozen=True, slots=True)
class Scene:
    """A person at the server, a project of theirs that is followed, and the database."""

    person: Person
    project_id: str
    daemon: Daemon
    url: str

    def model(self, model_id: str) -> dict[str, Any]:
        """The model's row; empty if there is none."""
        found = rows(self.url, "SELECT * FROM models WHERE project_id = %s AND id = %s", self.project_id, model_id)
        return found[0] if found else {}

    async def shows(self, model_id: str, **expected: Any) -> None:
        """Waits until the model's row is as expected."""
        try:
            await until(lambda: {name: self.model(model_id).get(name) for name in expected} == expected)
        except TimeoutError:
            raise AssertionError(f"expected {expected}, the row is {self.model(model_id)}") from None

    def present(self, model_id: str) -> int:
        """Rows of the model that are present."""
        query = (
            "SELECT count(*) AS n FROM model_elements WHERE project_id = %s AND model_id = %s AND removed_at IS NULL"
        )
        return int(rows(self.url, query, self.project_id, model_id)[0]["n"])

    def version(self, version_id: str) -> dict[str, Any]:
        """The version's row."""
        return rows(self.url, "SELECT * FROM versions WHERE project_id = %s AND id = %s", self.project_id, version_id)[
            0
        ]


@pytest.fixture
async def somebody() -> AsyncIterator[Person]:
    """A person at the server of the two settings; skips without them."""
    url, token = GIVEN.get("SPECKLE_SERVER_URL"), GIVEN.get("SPECKLE_TOKEN")
    if not url or not token:
        pytest.skip("SPECKLE_SERVER_URL and SPECKLE_TOKEN are not set")
    async with person(url, token) as found:
        yield found


@asynccontextmanager
async def _scene(somebody: Person, owner_url: str, database_url: str, **more: Any) -> AsyncIterator[Scene]:
    """A followed project, subscribed to; no reconciliation helps, so what arrives was pushed."""
    settings = make_settings(
        database_url,
        somebody.url,
        GIVEN["SPECKLE_TOKEN"],
        reconcile_interval=_RECONCILE_NEVER,
        speckle_requests_per_second=10.0,
        **more,
    )
    async with somebody.project("speckle2pg live test") as project_id, running_daemon(settings) as daemon:
        answering = daemon.http.url + "/projects"
        headers = {"Authorization": f"Bearer {ADMIN_TOKEN}"}
        async with (
            aiohttp.ClientSession(headers=headers) as session,
            session.post(answering, json={"stream_id": project_id}) as answer,
        ):
            assert answer.status == 201, await answer.text()
        scene = Scene(somebody, project_id, daemon, owner_url)
        source = daemon.subscription
        await until(lambda: any(keeper.connected and project_id in keeper.projects for keeper in source.keepers))
        await until(lambda: rows(owner_url, "SELECT state FROM projects") == [{"state": "ok"}])
        yield scene


async def test_versions_arrive_by_subscription_with_what_they_changed(
    somebody: Person, owner_url: str, database_url: str
) -> None:
    async with _scene(somebody, owner_url, database_url) as at:
        model_id = await somebody.create_model(at.project_id, "Bridge / Мост")
        for expected in BRIDGE:
            version_id = await somebody.publish(at.project_id, model_id, expected.root_id, expected.objects)
            await at.shows(model_id, version_id=version_id, element_count=expected.elements)
            assert at.present(model_id) == expected.elements
            row = at.version(version_id)
            assert row["state"] == "synced"
            assert row["announced_by"] == "subscription"
            counts = tuple(row[name] for name in ("added", "modified", "removed", "unchanged"))
            assert counts == (expected.added, expected.modified, expected.removed, expected.unchanged)


async def test_the_deletion_of_the_newest_version_and_a_rename_arrive(
    somebody: Person, owner_url: str, database_url: str
) -> None:
    async with _scene(somebody, owner_url, database_url) as at:
        model_id = await somebody.create_model(at.project_id, "bridge")
        older = await somebody.publish(at.project_id, model_id, BRIDGE[0].root_id, BRIDGE[0].objects)
        await at.shows(model_id, version_id=older)
        newer = await somebody.publish(at.project_id, model_id, BRIDGE[1].root_id, BRIDGE[1].objects)
        await at.shows(model_id, version_id=newer, element_count=BRIDGE[1].elements)
        await somebody.delete_version(at.project_id, newer)
        await at.shows(model_id, version_id=older, element_count=BRIDGE[0].elements)
        assert at.present(model_id) == BRIDGE[0].elements
        await somebody.rename_model(at.project_id, model_id, "another name")
        await at.shows(model_id, name="another name", element_count=BRIDGE[0].elements)


async def test_what_was_published_while_no_daemon_ran_is_caught_up_with(
    somebody: Person, owner_url: str, database_url: str
) -> None:
    async with somebody.project("speckle2pg live test") as project_id:
        model_id = await somebody.create_model(project_id, "bridge")
        await somebody.publish(project_id, model_id, BRIDGE[0].root_id, BRIDGE[0].objects)
        newest = await somebody.publish(project_id, model_id, BRIDGE[1].root_id, BRIDGE[1].objects)
        rows(owner_url, "INSERT INTO projects (id) VALUES (%s) RETURNING id", project_id)
        settings = make_settings(database_url, somebody.url, GIVEN["SPECKLE_TOKEN"], speckle_requests_per_second=10.0)
        async with running_daemon(settings) as daemon:
            at = Scene(somebody, project_id, daemon, owner_url)
            await at.shows(model_id, version_id=newest, element_count=BRIDGE[1].elements)
            assert at.present(model_id) == BRIDGE[1].elements


async def test_statuses_outlive_a_version_and_elements_open_in_the_servers_viewer(
    somebody: Person, owner_url: str, database_url: str
) -> None:
    async with _scene(somebody, owner_url, database_url) as at:
        model_id = await somebody.create_model(at.project_id, "bridge")
        member(owner_url, at.project_id, "anna", can_write=True)
        anna = user(owner_url, "anna")
        versions = []
        for expected in BRIDGE[:2]:
            versions.append(await somebody.publish(at.project_id, model_id, expected.root_id, expected.objects))
            await at.shows(model_id, version_id=versions[-1])
            if len(versions) == 1:
                assert anna.value(_MOUNT_PARTS) > 0
            # The place of an element in the server's viewer: /projects/PROJECT/models/OBJECT.
            places = {row["viewer_url"] for row in anna.rows("SELECT viewer_url FROM elements")}
            objects = {place.removeprefix(f"{somebody.url}/projects/{at.project_id}/models/") for place in places}
            assert len(objects) == expected.elements
            assert await somebody.knows(at.project_id, objects | {"0" * 32}) == objects
            coloured = anna.rows("SELECT unnest(object_ids) AS id FROM viewer_filter(%s, %s)", at.project_id, model_id)
            assert {row["id"] for row in coloured} <= objects
        changed = anna.rows(_CHANGED_PARTS, *versions)
        assert {row["change"] for row in changed} >= {"modified", "removed"}
        conflicts = anna.rows("SELECT guid, conflict AS change, status, set_by FROM status_conflicts ORDER BY guid")
        assert conflicts == [{**row, "status": "mounted", "set_by": "anna"} for row in changed]
        kept = "SELECT count(*) FROM elements WHERE kind = 'part' AND effective_status = 'mounted' AND from_seq = 1"
        assert anna.value(kept) > 0


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (("tekla_multicom_v1", "tekla_multicom_v2"), (515, 797)),
        (("ytong_v1", "ytong_v2"), (123, 127)),
        (("fzk_haus",), (107,)),
    ],
)
async def test_real_models_give_their_known_counts(
    somebody: Person,
    shared_models: Path,
    owner_url: str,
    database_url: str,
    names: tuple[str, ...],
    expected: tuple[int, ...],
) -> None:
    # Both exports of ytong have ids of their own for everything: the gate would hold the second one.
    async with _scene(somebody, owner_url, database_url, hold_removed_share=1.0) as at:
        model_id = await somebody.create_model(at.project_id, "real")
        for name, count in zip(names, expected, strict=True):
            root_id, objects = load_graph(shared_models / f"{name}.ndjson.gz")
            version_id = await somebody.publish(at.project_id, model_id, root_id, objects)
            await at.shows(model_id, version_id=version_id, element_count=count)
            assert at.present(model_id) == count
