"""A sandbox, a database and the sync between them, and a short way to write object trees."""

from __future__ import annotations

import hashlib
import json
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from speckle2pg.events import Event
from speckle2pg.pipeline.attempt import LEAST_ATTEMPTS, MISSING_SECONDS
from speckle2pg.pipeline.gate import OFF
from speckle2pg.pipeline.load import Loader
from speckle2pg.pipeline.project import Outcome, ProjectSync
from speckle2pg.pipeline.sync import ModelSync
from speckle2pg.pipeline.versions import VersionList
from speckle2pg.speckle.http import SpeckleHTTP
from speckle2pg.speckle.objects import ObjectReader
from speckle2pg.speckle.queries import SpeckleQueries
from support.oracle import rows

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from speckle2pg.pipeline.gate import Limits
    from speckle2pg.sandbox import SandboxServer
    from speckle2pg.sandbox.entities import User, Version
    from speckle2pg.store.database import Database

Thing = dict[str, Any]

COLLECTION = "Speckle.Core.Models.Collections.Collection"
DATA_OBJECT = "Objects.Data.DataObject"

# Columns that say when and by which application a row was written: a fresh database has others.
_OWN_TIME = (
    *("created_at", "updated_at", "version_id", "from_seq", "change_pos"),
    *("removed_at", "removed_seq", "removed_version_id", "removed_reason"),
)


def element(application_id: str | None, *children: Thing | str, **members: Any) -> Thing:
    """An element; children are things, or ids of objects that need not exist."""
    thing: Thing = {"speckle_type": DATA_OBJECT, "applicationId": application_id, "name": application_id}
    return {**thing, **({"elements": list(children)} if children else {}), **members}


def collection(name: str | None, *children: Thing | str, **members: Any) -> Thing:
    """A Collection."""
    return {"speckle_type": COLLECTION, "applicationId": None, "name": name, "elements": list(children), **members}


def graph(thing: Thing) -> tuple[str, dict[str, Thing]]:
    """The id of a thing, and it and all below it by id; ids are hashes of the content."""
    objects: dict[str, Thing] = {}
    return _store(thing, objects), objects


def _store(thing: Thing, objects: dict[str, Thing]) -> str:
    members = dict(thing)
    if isinstance(children := thing.get("elements"), list):
        ids = [child if isinstance(child, str) else _store(child, objects) for child in children]
        members["elements"] = [{"speckle_type": "reference", "referencedId": key} for key in ids]
    text = json.dumps(members, sort_keys=True)
    object_id = hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()
    objects[object_id] = {**members, "id": object_id}
    return object_id


@dataclass(slots=True)
class Bench:
    """One project with one model, followed; everything real."""

    sandbox: SandboxServer
    database: Database
    owner_url: str
    http: SpeckleHTTP
    queries: SpeckleQueries
    models: ModelSync
    projects: ProjectSync
    user: User
    token: str
    project_id: str
    model_id: str

    async def publish(self, thing: Thing, *, model: str | None = None, **details: Any) -> Version:
        """Publishes a tree as a version."""
        root, objects = graph(thing)
        return await self.sandbox.publish(self.project_id, model or self.model_id, root, objects=objects, **details)

    async def look(self, model_id: str | None = None, *, full: bool = False) -> Outcome:
        """Looks at the project, or at a model of it."""
        return await self.projects.look(Event(self.project_id, model_id, "admin", datetime.now(UTC)), full=full)

    async def out_of_patience(self, version: Version) -> Outcome:
        """Looks until objects that never come fail a version; the time between the looks passes at once."""
        for attempt in range(LEAST_ATTEMPTS):
            self.later(MISSING_SECONDS / (LEAST_ATTEMPTS - 1))
            outcome = await self.look()
            assert bool(outcome.retry) == (attempt + 1 < LEAST_ATTEMPTS), self.version(version)
        return outcome

    def later(self, seconds: float) -> None:
        """Lets time pass for the sync's patience."""
        now = self.models.attempts.patience.clock() + seconds
        self.models.attempts.patience.clock = lambda: now

    async def show(self, thing: Thing, **details: Any) -> Version:
        """Publishes a tree and syncs it."""
        version = await self.publish(thing, **details)
        outcome = await self.look()
        assert not outcome.retry
        return version

    def rows(self, query: str, *parameters: Any) -> list[dict[str, Any]]:
        """Runs a query as the owner."""
        return rows(self.owner_url, query, *parameters)

    def present(self) -> dict[str, dict[str, Any]]:
        """Elements present in the model, by applicationId (or object id), without what only tells the time."""
        found = self.elements("removed_at IS NULL")
        return {row["application_id"] or row["object_id"]: row for row in found}

    def elements(self, condition: str = "true") -> list[dict[str, Any]]:
        """Elements of the model without what only tells the time, by guid."""
        query = f"SELECT * FROM model_elements WHERE model_id = %s AND {condition} ORDER BY guid"  # noqa: S608
        found = self.rows(query, self.model_id)
        return [{name: value for name, value in row.items() if name not in _OWN_TIME} for row in found]

    def version(self, version: Version) -> dict[str, Any]:
        """A version's row."""
        return self.rows("SELECT * FROM versions WHERE id = %s", version.id)[0]

    def cursor(self, model_id: str | None = None) -> dict[str, Any]:
        """A model's row."""
        return self.rows("SELECT * FROM models WHERE id = %s", model_id or self.model_id)[0]

    def project(self) -> dict[str, Any]:
        """The registry's row."""
        return self.rows("SELECT * FROM projects WHERE id = %s", self.project_id)[0]

    def staged(self) -> int:
        """Rows that are staged."""
        counted = self.rows(
            "SELECT (SELECT count(*) FROM loads) + (SELECT count(*) FROM staged_facts)"
            " + (SELECT count(*) FROM staged_tree) AS n"
        )
        return int(counted[0]["n"])

    def check(self) -> None:
        """What must hold after every sync: sequences without gap, counts that add up, nothing left behind."""
        cursor = self.cursor()
        syncs = self.rows("SELECT seq FROM model_syncs WHERE model_id = %s ORDER BY seq", self.model_id)
        assert [row["seq"] for row in syncs] == list(range(1, cursor["seq"] + 1))
        assert len(self.present_rows()) == cursor["element_count"]
        assert self.staged() == 0
        shown = self.rows("SELECT * FROM versions WHERE id = %s", cursor["version_id"])
        for row in shown:
            assert row["added"] + row["modified"] + row["unchanged"] == cursor["element_count"]
            assert row["restored"] <= row["added"]
        uncounted = self.rows(
            "SELECT id FROM versions WHERE state = 'superseded' AND seq IS NULL AND added IS NOT NULL"
        )
        assert not uncounted

    def present_rows(self) -> list[dict[str, Any]]:
        """Elements present in the model."""
        return self.elements("removed_at IS NULL")


@asynccontextmanager
async def open_bench(
    sandbox: SandboxServer,
    database: Database,
    owner_url: str,
    *,
    checkpoint: Callable[[str], None] | None = None,
    like: Bench | None = None,
    limits: Limits = OFF,
    history: bool = True,
) -> AsyncIterator[Bench]:
    """A bench; `like` shares the project and model of another one, as a second process does."""
    user = like.user if like else sandbox.world.add_user("Алия")
    token = like.token if like else sandbox.world.add_token(user)
    project_id = like.project_id if like else sandbox.world.create_project(user, "Bridge").id
    model_id = like.model_id if like else sandbox.world.create_model(project_id, "structure").id
    rows(owner_url, "INSERT INTO projects (id) VALUES (%s) ON CONFLICT DO NOTHING RETURNING id", project_id)
    async with SpeckleHTTP(sandbox.url, lambda: token, requests_per_second=10_000) as http:
        queries = SpeckleQueries(http)
        loader = Loader(database, history=history, checkpoint=checkpoint)
        models = ModelSync(database, ObjectReader(http), VersionList(database, queries), loader, limits=limits)
        projects = ProjectSync(database, queries, models)
        yield Bench(sandbox, database, owner_url, http, queries, models, projects, user, token, project_id, model_id)
