"""`POST /sync` and `POST /projects`."""

from __future__ import annotations

import json
import math
import re
from typing import TYPE_CHECKING, Any

from aiohttp import web

from speckle2pg.errors import (
    ConfigurationError,
    NotNewestError,
    NotReadableError,
    RequestError,
    RetryableError,
    Speckle2pgError,
    UnknownProjectError,
)
from speckle2pg.http.problems import problem_error

if TYPE_CHECKING:
    from speckle2pg.http.auth import Guard
    from speckle2pg.http.backend import Backend

_LONGEST_NAME = 500
_RETRY_AFTER = 5
"""Seconds after which to ask again where nobody knows better."""
_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
_STATUS: dict[type[Speckle2pgError], int] = {
    UnknownProjectError: 404,
    NotReadableError: 404,
    NotNewestError: 409,
    RequestError: 409,
    # Of a running daemon: the database has begun to refuse it.
    ConfigurationError: 503,
}


class RequestRoutes:
    """Requests that change something; both need ADMIN_TOKEN.

    Args:
        backend: What is asked.
        guard: Who may ask.
    """

    def __init__(self, backend: Backend, guard: Guard) -> None:
        self._backend = backend
        self._guard = guard

    async def sync(self, request: web.Request) -> web.Response:
        """Syncs a project, or the model whose newest version has `object_id`; `?wait=false` answers 202 at once."""
        self._guard.admin(request)
        wait = _flag(request, "wait", default=True)
        body = await _body(request, {"stream_id": True, "object_id": False})
        project_id, object_id = _id(body, "stream_id"), _id(body, "object_id", required=False)
        await self._database_answers()
        try:
            if not wait:
                task = await self._backend.request_sync(project_id, object_id, "admin token")
                return web.json_response({"status": "accepted", "task": task}, status=202)
            result = await self._backend.sync(project_id, object_id)
        except Speckle2pgError as error:
            raise _refusal(error) from error
        return web.json_response(
            {
                "status": "success",
                "elements_processed": result.elements,
                "time_elapsed": f"{result.seconds:.1f}s",
            }
        )

    async def add_project(self, request: web.Request) -> web.Response:
        """Registers a project: 201 when it is new, 200 and the existing row when it is not."""
        self._guard.admin(request)
        body = await _body(request, {"stream_id": True, "name": False})
        project_id, name = _id(body, "stream_id"), _name(body)
        await self._database_answers()
        try:
            row, inserted = await self._backend.add_project(project_id, name, "admin token")
        except Speckle2pgError as error:
            raise _refusal(error) from error
        return web.json_response(row, status=201 if inserted else 200)

    async def _database_answers(self) -> None:
        """Says soon that the database is away; to ask for a connection takes the pool's whole patience."""
        reason = await self._backend.database_answers()
        if reason is not None:
            raise _refusal(RetryableError(reason))


def _refusal(error: Speckle2pgError) -> web.HTTPException:
    if isinstance(error, RetryableError):
        wait = max(1, math.ceil(error.retry_after or _RETRY_AFTER))
        return problem_error(503, str(error), headers={"Retry-After": str(wait)})
    return problem_error(_STATUS.get(type(error), 500), str(error))


async def _body(request: web.Request, fields: dict[str, bool]) -> dict[str, Any]:
    try:
        body = json.loads(await request.read())
    except (ValueError, RecursionError):
        raise problem_error(400, "the body must be JSON") from None
    if not isinstance(body, dict):
        raise problem_error(422, "the body must be a JSON object")
    unknown = sorted(set(body) - set(fields))
    missing = [name for name, required in fields.items() if required and body.get(name) is None]
    if missing or unknown:
        faults = [f"{name} is missing" for name in missing] + [f"{name!s:.50} is not known" for name in unknown]
        raise problem_error(422, "; ".join(faults))
    return body


def _id(body: dict[str, Any], name: str, *, required: bool = True) -> Any:
    value = body.get(name)
    if value is None and not required:
        return None
    if not isinstance(value, str) or not _ID.fullmatch(value):
        raise problem_error(422, f"{name} must be a Speckle id: letters and digits, at most 64")
    return value


def _name(body: dict[str, Any]) -> str | None:
    name = body.get("name")
    if name is None:
        return None
    # PostgreSQL takes neither NUL nor lone surrogates in a text.
    fits = isinstance(name, str) and bool(name.strip()) and len(name) <= _LONGEST_NAME and "\0" not in name
    if not fits or any("\ud800" <= letter <= "\udfff" for letter in name):
        raise problem_error(422, f"name must be a text of 1 to {_LONGEST_NAME} characters")
    return str(name)


def _flag(request: web.Request, name: str, *, default: bool) -> bool:
    value = request.query.get(name)
    if value is None:
        return default
    if value.lower() not in ("true", "false"):
        raise problem_error(422, f"{name} must be true or false")
    return value.lower() == "true"
