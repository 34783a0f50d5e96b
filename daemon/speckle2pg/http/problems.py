"""Errors as `application/problem+json` (RFC 9457)."""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import TYPE_CHECKING

import structlog
from aiohttp import web

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

log = structlog.get_logger()


def problem(status: int, detail: str, *, headers: dict[str, str] | None = None) -> web.Response:
    """A problem document.

    Args:
        status: HTTP status.
        detail: What happened, to what, and what to do.
        headers: Further response headers.
    """
    body = {"type": "about:blank", "title": HTTPStatus(status).phrase, "status": status, "detail": detail}
    return web.Response(status=status, text=json.dumps(body), content_type="application/problem+json", headers=headers)


def problem_error(status: int, detail: str, *, headers: dict[str, str] | None = None) -> web.HTTPException:
    """The same, to be raised."""
    response = problem(status, detail, headers=headers)
    error = web.HTTPException(text=response.text, content_type="application/problem+json", headers=headers)
    error.set_status(status)
    return error


@web.middleware
async def problems(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    """Gives aiohttp's own refusals (unknown route, wrong method, too large a body) the same form."""
    try:
        return await handler(request)
    except web.HTTPException as error:
        if error.content_type == "application/problem+json" or error.status < 400:
            raise
        kept = {name: value for name, value in error.headers.items() if name in ("Allow", "WWW-Authenticate")}
        return problem(error.status, _sentence(request, error), headers=kept)
    except Exception:
        # The asker learns only that it is our fault.
        log.exception("request failed unexpectedly", method=request.method, path=request.path)
        return problem(500, "the daemon failed in an unexpected way; its log says more")


def _sentence(request: web.Request, error: web.HTTPException) -> str:
    if isinstance(error, web.HTTPRequestEntityTooLarge):
        return f"the body is too large: {request.path} takes at most {request.client_max_size} bytes"
    if isinstance(error, web.HTTPMethodNotAllowed):
        return f"{request.path} does not take {request.method}, only {', '.join(sorted(error.allowed_methods))}"
    if isinstance(error, web.HTTPNotFound):
        return f"there is nothing at {request.path}"
    return f"{request.method} {request.path}: {error.reason}"
