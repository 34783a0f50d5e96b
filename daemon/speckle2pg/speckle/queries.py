"""Metadata over GraphQL: what there is, and what is newest."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from speckle2pg.errors import FatalError, GoneError, RetryableError, UnreadableError
from speckle2pg.speckle.model import Model, Project, ServerInfo, Version, VersionPage

T = TypeVar("T")

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import datetime

    from speckle2pg.speckle.http import SpeckleHTTP

PAGE = 100
"""Most items that the server gives per page of models or versions."""
_USER_PROJECTS_PAGE = 50

_VERSION = "id createdAt referencedObject sourceApplication message authorUser { name }"
# Two versions, because creation times tie and the server's order among ties is undefined.
_MODEL = "id name description versions(limit: %d) { totalCount cursor items { " + _VERSION + " } }"

_SERVER = "query { serverInfo { name version canonicalUrl } }"
_USER = "query { activeUser { id name } }"
_TOKENS = "query { activeUser { apiTokens { id scopes } } }"
# Models are paged by leaving out those seen: the server's cursor is a time that moves with each publication and
# skips ties, and a model missed here would look deleted.
_PROJECT = (
    "query ($id: String!, $seen: [String!]) { project(id: $id) { id name description "
    "models(limit: 100, filter: {excludeIds: $seen}) { totalCount items { " + _MODEL % 2 + " } } } }"
)
_MODEL_BY_ID = (
    "query ($id: String!, $model: String!) { project(id: $id) { model(id: $model) { " + _MODEL % 25 + " } } }"
)
_VERSIONS = (
    "query ($id: String!, $model: String!, $cursor: String, $without: ModelVersionsFilter) "
    "{ project(id: $id) { model(id: $model) { versions(limit: 100, cursor: $cursor, filter: $without) "
    "{ totalCount cursor items { " + _VERSION + " } } } } }"
)
_USER_PROJECTS = (
    "query ($cursor: String) { activeUser { projects(limit: 50, cursor: $cursor) "
    "{ cursor items { id name description role } } } }"
)
_SUBSCRIPTION_FIELDS = 'query { __type(name: "Subscription") { fields { name } } }'


@dataclass(frozen=True, slots=True)
class ProjectListing:
    """A project with all its models, each with its newest versions."""

    id: str
    name: str
    description: str | None
    models: tuple[Model, ...]


@dataclass(frozen=True, slots=True)
class Greeting:
    """The server, and who we are to it; `user` is None where the token is refused or missing."""

    server: ServerInfo
    user: str | None


class SpeckleQueries:
    """Questions to one server; all raise the errors of `faults`."""

    def __init__(self, http: SpeckleHTTP) -> None:
        self._http = http

    async def greeting(self) -> Greeting:
        """Who the server is and whom it takes us for.

        A token without the scope `profile:read` may not ask who it is; that it may not is proof enough that it is
        known. A token that is not valid is refused before, or taken for nobody's.
        """
        what = f"greeting {self._http.url}"
        server, user = await self._http.graphql_batch([(_SERVER, {}), (_USER, {})], what=what)
        if isinstance(server, Exception):
            raise server
        if isinstance(user, Exception) and not isinstance(user, UnreadableError):
            raise user
        return Greeting(_convert(server["serverInfo"], ServerInfo), _user_name(user))

    async def token_scopes(self, token: str) -> frozenset[str]:
        """Scopes of a token, which the server knows by its first ten characters.

        Raises:
            UnreadableError: The token may not list tokens.
        """
        data = await self._http.graphql(_TOKENS, {}, what="reading the token's scopes")
        tokens = (data.get("activeUser") or {}).get("apiTokens") or []
        return frozenset(scope for item in tokens if item["id"] == token[:10] for scope in item["scopes"])

    async def project(self, project_id: str) -> ProjectListing:
        """A project with all its models and their newest versions.

        Raises:
            GoneError: No such project.
            UnreadableError: The token may not read it.
        """
        models: dict[str, Model] = {}
        what = f"reading project {project_id}"
        while True:
            data = await self._http.graphql(_PROJECT, {"id": project_id, "seen": list(models) or None}, what=what)
            project = _at(data, "project")
            page = _convert(_at(project, "models", "items"), list[Model])
            new = {model.id: model for model in page if model.id not in models}
            models.update(new)
            if len(page) < PAGE or not new:
                break
        return ProjectListing(project_id, str(_at(project, "name")), project.get("description"), tuple(models.values()))

    async def model(self, project_id: str, model_id: str) -> Model | None:
        """A model with its newest versions, or None if the project has no such model.

        Raises:
            GoneError: No such project.
        """
        what = f"reading model {model_id} of project {project_id}"
        try:
            data = await self._http.graphql(_MODEL_BY_ID, {"id": project_id, "model": model_id}, what=what)
        except GoneError:
            # The same answer stands for a missing model and a missing project; the project tells which.
            await self._http.graphql("query ($id: String!) { project(id: $id) { id } }", {"id": project_id}, what=what)
            return None
        return _convert(_at(data, "project", "model"), Model)

    async def versions(self, project_id: str, model_id: str, known: Collection[str]) -> list[Version]:
        """Versions of a model, newest first, down to the first page that holds a known one.

        The server's cursor is a millisecond compared with `<`, which skips versions of the same millisecond at a
        page's edge. So each page begins with the millisecond in which the one before ended, and leaves out what of
        it was seen: beside a cursor the server takes `priorityIds` for the ids to leave out
        (packages/server/modules/core/services/commit/retrieval.ts).
        """
        found: dict[str, Version] = {}
        edge: datetime | None = None
        while True:
            seen = [version.id for version in found.values() if version.created_at == edge]
            page = await self._version_page(project_id, model_id, edge, seen)
            fresh = [version for version in page.items if version.id not in found]
            found.update((version.id, version) for version in fresh)
            if len(page.items) < PAGE or not fresh or any(version.id in known for version in page.items):
                break
            edge = page.items[-1].created_at
        return sorted(found.values(), key=lambda version: version.order, reverse=True)

    async def _version_page(
        self, project_id: str, model_id: str, edge: datetime | None, seen: list[str]
    ) -> VersionPage:
        """Versions created in or before the millisecond `edge`, without those seen."""
        after = (edge + timedelta(milliseconds=1)).isoformat(timespec="milliseconds") if edge else None
        variables = {
            "id": project_id,
            "model": model_id,
            "cursor": after and after.replace("+00:00", "Z"),
            "without": {"priorityIds": seen} if seen else None,
        }
        what = f"listing versions of model {model_id} of project {project_id}"
        data = await self._http.graphql(_VERSIONS, variables, what=what)
        return _convert(_at(data, "project", "model", "versions"), VersionPage)

    async def user_projects(self) -> list[Project]:
        """All projects that the token's user takes part in."""
        found: dict[str, Project] = {}
        cursor: str | None = None
        while True:
            data = await self._http.graphql(_USER_PROJECTS, {"cursor": cursor}, what="listing the token's projects")
            page = (data.get("activeUser") or {}).get("projects") or {"items": [], "cursor": None}
            items = _convert(page["items"], list[Project])
            found.update((item.id, item) for item in items)
            cursor = page["cursor"]
            if len(items) < _USER_PROJECTS_PAGE or cursor is None:
                return list(found.values())

    async def subscription_fields(self) -> frozenset[str]:
        """Names of the server's subscriptions; empty where it keeps its schema to itself."""
        try:
            data = await self._http.graphql(_SUBSCRIPTION_FIELDS, {}, what="asking which subscriptions there are")
        except FatalError:
            # Where introspection is switched off the query is refused as not valid.
            return frozenset()
        fields = (data.get("__type") or {}).get("fields") or []
        return frozenset(field["name"] for field in fields)


def _user_name(answer: dict[str, Any] | Exception) -> str | None:
    if isinstance(answer, Exception):
        return "a token without the scope profile:read"
    user = answer.get("activeUser")
    return str(user["name"]) if user else None


def _at(answer: Any, *path: str) -> Any:
    """What an answer holds at a path of fields; a server that leaves one of them out is a broken one."""
    for name in path:
        answer = answer.get(name) if isinstance(answer, dict) else None
        if answer is None:
            raise RetryableError(f"the server's answer is not of the expected form: it holds no {'.'.join(path)}")
    return answer


def _convert(value: Any, type_: type[T]) -> T:
    """Decodes what came; a server whose answers have another shape is told apart from a broken one."""
    try:
        return msgspec.convert(value, type_)
    except msgspec.ValidationError as error:
        raise RetryableError(f"the server's answer is not of the expected form: {error}") from error
