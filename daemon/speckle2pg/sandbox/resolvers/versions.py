"""Reading models and versions."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from speckle2pg.sandbox.errors import ModelNotFoundError, VersionNotFoundError
from speckle2pg.sandbox.resolvers.paging import check_limit, page_by_time, shown_page
from speckle2pg.sandbox.world import DEFAULT_MODEL

if TYPE_CHECKING:
    from datetime import datetime

    from speckle2pg.sandbox.context import Info
    from speckle2pg.sandbox.entities import Model, Project, User, Version
    from speckle2pg.sandbox.world import World

# The real server shows an application by the first of its known short names that occurs in what was sent.
SOURCE_SLUGS = (
    *("advancesteel", "dynamo", "revit", "autocad", "civil3d", "blender", "rhino", "grasshopper", "excel"),
    *("unity", "unreal", "python", "net", "ifc", "qgis", "gsa", "arcgis", "etabs", "powerbi", "sketchup"),
    *("sap2000", "csibridge", "safe", "archicad", "topsolid", "teklastructures", "openroads", "openrail"),
    *("openbuildings", "microstation", "navisworks", "automate"),
)


def source_slug(application: str | None) -> str | None:
    """The short name under which the server shows a source application."""
    if application is None:
        return None
    return next((slug for slug in SOURCE_SLUGS if slug in application.lower()), application)


def models(
    project: Project,
    info: Info,
    *,
    limit: int,
    cursor: str | None = None,
    filter: dict[str, Any] | None = None,  # noqa: A002 - the API's name
) -> dict[str, Any]:
    """A page of the project's models, newest `updatedAt` first; an empty `main` is not shown."""
    check_limit(limit)
    world = info.context.world
    shown = [model for model in world.models_of(project.id) if _is_wanted(world, model, filter or {})]
    shown.sort(key=lambda model: model.updated_at, reverse=True)
    return page_by_time(shown, lambda model: model.updated_at, limit, cursor)


def _is_wanted(world: World, model: Model, wanted: dict[str, Any]) -> bool:
    versions = world.versions_of(model.id)
    if not versions and (model.name == DEFAULT_MODEL or wanted.get("onlyWithVersions")):
        return False
    if (ids := wanted.get("ids")) is not None and model.id not in ids:
        return False
    if model.id in (wanted.get("excludeIds") or ()):
        return False
    return (wanted.get("search") or "").lower() in model.name and _has_versions_of(versions, wanted)


def _has_versions_of(versions: list[Version], wanted: dict[str, Any]) -> bool:
    people, applications = wanted.get("contributors"), wanted.get("sourceApps")
    if people and not any(version.author_id in people for version in versions):
        return False
    pattern = re.compile("|".join(applications or ()), re.IGNORECASE)
    return not applications or any(pattern.search(version.source_application or "") for version in versions)


def model(project: Project, info: Info, **arguments: str) -> Model:
    """The project's model with this id."""
    return info.context.world.model(project.id, arguments["id"])


def model_by_name(project: Project, info: Info, *, name: str) -> Model:
    """The project's model with this name, whatever its case."""
    found = info.context.world.find_model(project.id, name)
    if found is None:
        raise ModelNotFoundError("Model not found")
    return found


def project_versions(project: Project, info: Info, *, limit: int, cursor: str | None = None) -> dict[str, Any]:
    """A page of all versions of the project, newest first."""
    check_limit(limit)
    world = info.context.world
    versions = [v for model in world.models_of(project.id) for v in world.versions_of(model.id)]
    versions.sort(key=lambda version: (-version.created_at.timestamp(), version.ordinal))
    return page_by_time(versions, _created_at, limit, cursor)


def project_version(project: Project, info: Info, **arguments: str) -> Version:
    """The version in any model of the project."""
    return info.context.world.version(project.id, arguments["id"])


def versions(
    model: Model,
    info: Info,
    *,
    limit: int,
    cursor: str | None = None,
    filter: dict[str, Any] | None = None,  # noqa: A002 - the API's name
) -> dict[str, Any]:
    """A page of the model's versions, newest first; `priorityIds` come before all on the first page."""
    check_limit(limit)
    listed = info.context.world.versions_of(model.id)
    if limit == 0 and not filter:
        return {"totalCount": len(listed), "cursor": None, "items": []}
    wanted = filter or {}
    first = [v for v in listed if not cursor and v.id in (wanted.get("priorityIds") or ())]
    if not cursor and wanted.get("priorityIdsOnly"):
        return shown_page(first[:limit], _created_at, len(first))
    rest = [version for version in listed if version.id not in (wanted.get("priorityIds") or ())]
    page = page_by_time(rest, _created_at, limit, cursor)
    return shown_page([*first, *page["items"]][:limit], _created_at, len(listed))


def _created_at(version: Version) -> datetime:
    return version.created_at


def model_version(model: Model, info: Info, **arguments: str) -> Version:
    """The model's version with this id."""
    found = info.context.world.version(model.project_id, arguments["id"])
    if found.model_id != model.id:
        raise VersionNotFoundError("Version not found")
    return found


def model_preview(model: Model, info: Info) -> str | None:
    """Where the picture of the newest version would be."""
    newest = next(iter(info.context.world.versions_of(model.id)), None)
    return None if newest is None else preview(newest, info)


def preview(version: Version, info: Info) -> str:
    """Where the picture of the version would be."""
    return f"{info.context.site.canonical_url}/preview/{version.project_id}/commits/{version.id}"


def author(source: Model | Version, info: Info) -> User | None:
    """Who made it."""
    return info.context.world.users.get(source.author_id or "")


def field(name: str) -> Any:
    """A resolver that reads the attribute `name`."""
    return lambda source, _info: getattr(source, name)


RESOLVERS: dict[str, dict[str, Any]] = {
    "Project": {
        "models": models,
        "model": model,
        "modelByName": model_by_name,
        "versions": project_versions,
        "version": project_version,
    },
    "Model": {
        "projectId": field("project_id"),
        "displayName": lambda model, _info: model.name.rpartition("/")[2],
        "author": author,
        "createdAt": field("created_at"),
        "updatedAt": field("updated_at"),
        "previewUrl": model_preview,
        "version": model_version,
        "versions": versions,
    },
    "Version": {
        "referencedObject": field("referenced_object"),
        "sourceApplication": lambda version, _info: source_slug(version.source_application),
        "authorUser": author,
        "createdAt": field("created_at"),
        "model": lambda version, info: info.context.world.model(version.project_id, version.model_id),
        "previewUrl": preview,
        "totalChildrenCount": field("total_children_count"),
        "parents": lambda version, _info: list(version.parents),
    },
}
