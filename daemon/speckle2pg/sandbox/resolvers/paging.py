"""Pages of the API, with the faults of the real server's cursors."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from speckle2pg.sandbox.errors import BadRequestError, UserInputError
from speckle2pg.sandbox.records import timestamp

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from speckle2pg.sandbox.entities import Project

PAGE_LIMIT = 100
PROJECT_LIMIT = 50
DEFAULT_LIMIT = 25


def check_limit(limit: int) -> None:
    """Refuses more than a page holds."""
    if limit > PAGE_LIMIT:
        raise BadRequestError(f"Cannot return more than {PAGE_LIMIT} items, please use pagination.")


def page_by_time(
    items: Sequence[Any], time_of: Callable[[Any], datetime], limit: int, cursor: str | None
) -> dict[str, Any]:
    """One page of `items`, which come newest first.

    The cursor is a time in milliseconds, compared with `<`: what has the same millisecond as the last item
    of a page is on no page.
    """
    if limit == 0:
        return {"totalCount": len(items), "cursor": None, "items": []}
    before = _moment(cursor) if cursor else None
    rest = [item for item in items if before is None or time_of(item) < before]
    return shown_page(rest[: max(1, limit)], time_of, len(items))


def shown_page(page: Sequence[Any], time_of: Callable[[Any], datetime], total: int) -> dict[str, Any]:
    """A page with its cursor, which is the time of its last item whatever their order."""
    cursor = timestamp(time_of(page[-1])) if page else None
    return {"totalCount": total, "cursor": cursor, "items": page}


def page_of_projects(projects: Sequence[Project], limit: int, cursor: str | None) -> dict[str, Any]:
    """One page of projects by (updatedAt, id), newest first; more than 50 are silently cut to 50."""
    ordered = sorted(projects, key=_project_key, reverse=True)
    if limit == 0:
        return {"totalCount": len(ordered), "numberOfHidden": 0, "cursor": None, "items": []}
    before = _decoded(cursor) if cursor else None
    rest = [project for project in ordered if before is None or _project_key(project) < before]
    page = rest[: min(max(1, limit), PROJECT_LIMIT)]
    return {
        "totalCount": len(ordered),
        "numberOfHidden": 0,
        "cursor": _encoded(_project_key(page[-1])) if page else None,
        "items": page,
    }


def _project_key(project: Project) -> tuple[str, str]:
    return (timestamp(project.updated_at), project.id)


def _encoded(key: tuple[str, str]) -> str:
    text = json.dumps({"updatedAt": key[0], "id": key[1]}, separators=(",", ":"))
    return base64.b64encode(text.encode()).decode()


def _decoded(cursor: str) -> tuple[str, str]:
    try:
        fields = json.loads(base64.b64decode(cursor, validate=True))
        return (fields["updatedAt"], fields["id"])
    except (ValueError, TypeError, KeyError) as error:
        raise UserInputError("Invalid cursor") from error


def _moment(cursor: str) -> datetime:
    try:
        moment = datetime.fromisoformat(cursor)
    except ValueError as error:
        raise UserInputError(f'invalid input syntax for type timestamp with time zone: "{cursor}"') from error
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
