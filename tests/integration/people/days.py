"""Yesterday, until the dump, and today: what was published, what people entered, and what a database holds of it."""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from integration.people.drawings import pieces
from integration.pipeline.bench import collection, element, graph
from speckle2pg.sandbox.bridge import sample_bridge
from support.daemon import make_settings
from support.front import member, user
from support.logins import run
from support.oracle import rows, until_current

if TYPE_CHECKING:
    from speckle2pg.sandbox import SandboxServer
    from speckle2pg.settings import Settings
    from support.front import Row

BRIDGE = sample_bridge()
EMAIL = "anna@example.org"
SHARED = uuid.UUID(int=77)
"""A part of both projects: an earlier adapter had a status for it and no project."""

_PARTS, _LATER = (set(pieces(version.root_id, version.objects)) for version in BRIDGE[:2])
KEPT, DOOMED = sorted(_PARTS & _LATER), sorted(_PARTS - _LATER)
"""Parts of the bridge's first version that the second one has, or lacks."""

_STATUS_VALUES = """
INSERT INTO status_values (project_id, code, title, sort, is_done, color)
VALUES (%(p)s, 'planned', 'Planned', 1, false, '#ccc'), (%(p)s, 'mounted', 'Mounted', 2, true, '#0a0'),
       (%(p)s, 'odd', 'To be struck off', 3, false, NULL), (NULL, 'common', NULL, 9, false, 'red')
"""
_TAKEN_OVER = """
INSERT INTO taken_over (project_id, guid, status, created_at)
VALUES (%s, gen_random_uuid(), NULL, '2024-05-02 10:00+03'), (NULL, %s, 'mounted', '2024-05-01 10:00+03')
"""
# In the order in which the first parts get them.
_STATUSES: tuple[Row, ...] = (
    {"status": "planned"},
    {"status": "mounted", "effective_on": "2026-02-03", "note": "span 1"},
    {"status": "odd"},
    {"status": "not_started"},
)
_PEOPLES = {
    "element_status": "SELECT * FROM element_status ORDER BY project_id, guid",
    "element_status_log": "SELECT * FROM element_status_log ORDER BY id",
    "status_values": "SELECT * FROM status_values ORDER BY project_id, code",
    "project_members": "SELECT * FROM project_members ORDER BY project_id, subject",
    "attribute_map": "SELECT * FROM attribute_map ORDER BY project_id, name",
    "taken_over": "SELECT * FROM taken_over ORDER BY guid",
    "admin_log": "SELECT * FROM admin_log ORDER BY id",
    "projects": "SELECT id, enabled, model_globs, every_version, separate_models, created_at, updated_at"
    " FROM projects ORDER BY id",
}
# What only says when, and by which application or version, a row was written, is left out. So is the object that an
# unchanged row came from; the newest one is in the tree.
_SHOWN = {
    "models": "SELECT project_id, id, name, version_id, element_count FROM models WHERE state = 'active'",
    "elements": "SELECT e.project_id, e.model_id, e.guid,"
    " to_jsonb(e) - '{object_id,created_at,updated_at,version_id,from_seq,change_pos}'::text[] AS content"
    " FROM model_elements AS e WHERE e.removed_at IS NULL",
    "tree": "SELECT to_jsonb(o) AS edge FROM model_objects AS o",
}


def peoples(url: str) -> dict[str, list[Row]]:
    """What people entered, by table."""
    return {table: rows(url, query) for table, query in _PEOPLES.items()}


def shown(url: str) -> dict[str, list[str]]:
    """What a database shows of Speckle, in an order of its own."""
    return {
        table: sorted(json.dumps(row, default=str, sort_keys=True) for row in rows(url, query))
        for table, query in _SHOWN.items()
    }


@dataclass(slots=True)
class Days:
    """Two projects and their models.

    The bridge `structure` changes much, `annex` is deleted today, `still` is published again as it was, `calm` is left
    alone, and `fresh` is new today.
    """

    sandbox: SandboxServer
    token: str
    project: str
    other: str
    schema: str = "public"
    models: dict[str, str] = field(default_factory=dict)

    @classmethod
    async def begin(cls, sandbox: SandboxServer, schema: str = "public") -> Days:
        """Publishes what there was yesterday."""
        anna = sandbox.world.add_user("Anna")
        bridge, road = (sandbox.world.create_project(anna, name).id for name in ("Bridge", "Road"))
        days = cls(sandbox, sandbox.world.add_token(anna), bridge, road, schema)
        await days.publish("structure", BRIDGE[0].root_id, BRIDGE[0].objects)
        await days.publish("annex", *graph(collection("Annex", element(str(uuid.UUID(int=5)), ifcType="IfcBeam"))))
        await days.publish("still", *days._still())
        shared = graph(collection("Road", element(str(SHARED), ifcType="IfcBeam", name="Kerb")))
        await days.publish("calm", *shared, project=days.other)
        return days

    async def publish(self, name: str, root: str, objects: Any, project: str = "") -> str:
        """Publishes a version and gives its id."""
        version = await self.sandbox.publish(project or self.project, name, root, objects=objects)
        self.models[name] = version.model_id
        return version.id

    @staticmethod
    def _still() -> tuple[str, dict[str, Row]]:
        return graph(collection("Still", element(str(SHARED), ifcType="IfcBeam", name="Kerb")))

    def settings(self, url: str) -> Settings:
        """Settings of a daemon on a database."""
        return make_settings(url, self.sandbox.url, self.token, db_schema=self.schema)

    @property
    def projects(self) -> list[str]:
        """Ids of both projects."""
        return [self.project, self.other]

    def register(self, url: str) -> None:
        """Follows both projects, and picks an attribute out."""
        run(url, "INSERT INTO projects (id, created_at) SELECT unnest(%s::text[]), '2025-11-01'", self.projects)
        run(url, "INSERT INTO attribute_map VALUES (%s, 'station', '{Property Sets.*.Пикет}', 'station')", self.project)

    def enter(self, url: str) -> None:
        """What people entered before the first sync."""
        self.register(url)
        run(url, _STATUS_VALUES.replace("%(p)s", f"'{self.project}'"))
        run(url, _TAKEN_OVER, self.project, SHARED)
        run(url, "INSERT INTO admin_log (actor, action, project_id) VALUES ('anna', 'projects add', %s)", self.project)
        member(url, self.project, EMAIL, can_write=True)
        member(url, self.project, "*")

    def set_status(self, url: str, guid: uuid.UUID, **change: Any) -> Row:
        """What Anna does in her browser."""
        front = replace(user(url, "anna", email=EMAIL), schema=self.schema)
        item = {"project_id": self.project, "guid": str(guid), **change}
        (row,) = front.rows("SELECT * FROM set_status(%s)", json.dumps([item]))
        return row

    def set_yesterday(self, url: str) -> None:
        """Statuses of every kind; those of parts that a later version lacks, and of a model that is deleted."""
        for guid, change in zip(KEPT, _STATUSES, strict=False):
            self.set_status(url, guid, status="planned")
            self.set_status(url, guid, **change)
        for guid in (*DOOMED, uuid.UUID(int=5)):
            self.set_status(url, guid, status="mounted")
        run(url, "DELETE FROM element_status WHERE guid = %s", KEPT[0])
        by_hand = "INSERT INTO element_status VALUES (%s, %s, 'planned', '2025-01-01', 'by hand', '2025-01-02', 'boss')"
        run(url, by_hand, self.project, KEPT[4])
        run(url, "DELETE FROM status_values WHERE code = 'odd'")

    async def current(self, *urls: str) -> None:
        """Waits until databases show what the server shows, and know what was deleted."""
        gone = "SELECT count(*) AS n FROM models WHERE state = 'active' AND NOT id = ANY (%s)"
        there = [model.id for project in self.projects for model in self.sandbox.world.models_of(project)]
        for url in urls:
            await until_current(url, self.sandbox, self.projects)
            while rows(url, gone, there)[0]["n"]:
                await until_current(url, self.sandbox, self.projects)

    async def today(self, url: str) -> None:
        """What happens after the dump, while the daemon goes on with the database that will be lost."""
        versions = [await self.publish("structure", BRIDGE[1].root_id, BRIDGE[1].objects)]
        await self.current(url)
        versions.append(await self.publish("structure", BRIDGE[3].root_id, BRIDGE[3].objects))
        await self.publish("still", *self._still())
        kerbs = [element(str(uuid.UUID(int=number)), ifcType="IfcBeam") for number in range(200, 205)]
        await self.publish("fresh", *graph(collection("Fresh", *kerbs)), project=self.other)
        await self.current(url)
        # The newest, and the very one that the dump shows.
        for version in self.sandbox.world.versions_of(self.models["structure"]):
            if version.id != versions[0]:
                await self.sandbox.delete_version(self.project, version.id)
        await self.sandbox.delete_model(self.project, self.models["annex"])
        await self.current(url)
        for guid in KEPT[:8]:
            self.set_status(url, guid, status="mounted", note="today")
