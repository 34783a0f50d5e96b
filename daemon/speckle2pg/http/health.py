"""`/livez`, `/readyz`, `/health`: for orchestrators and for people."""

from __future__ import annotations

import json
from datetime import datetime
from typing import TYPE_CHECKING, Any

from aiohttp import web

if TYPE_CHECKING:
    from collections.abc import Callable

    from speckle2pg.http.auth import Guard
    from speckle2pg.http.backend import Backend


class HealthRoutes:
    """Health of the daemon.

    Args:
        backend: What is asked.
        guard: Who may see `/health`.
        refresh: Takes what changes from moment to moment, as the state of the websockets.
    """

    def __init__(self, backend: Backend, guard: Guard, refresh: Callable[[], None]) -> None:
        self._backend = backend
        self._guard = guard
        self._refresh = refresh

    async def livez(self, _request: web.Request) -> web.Response:
        """200 as long as the event loop answers."""
        return web.json_response({"status": "alive"})

    async def readyz(self, _request: web.Request) -> web.Response:
        """200 when the database answers and Speckle accepts us; else 503 with each reason."""
        reasons = {"database": await self._backend.database_answers(), "speckle": self._speckle_reason()}
        wrong = {name: reason for name, reason in reasons.items() if reason}
        return web.json_response(
            {"status": "not ready" if wrong else "ready", "reasons": wrong}, status=503 if wrong else 200
        )

    async def health(self, request: web.Request) -> web.Response:
        """Every part and its state, for people."""
        self._guard.reader(request)
        self._refresh()
        reason = await self._backend.database_answers()
        body: dict[str, Any] = self._backend.parts() if reason else await self._backend.status()
        body["database"] = {"reason": reason}
        return web.json_response(body, dumps=_dumps)

    def _speckle_reason(self) -> str | None:
        speckle = self._backend.parts()["speckle"]
        return None if speckle["token_accepted"] else speckle["reason"] or "the token was not yet accepted"


def _dumps(value: Any) -> str:
    return json.dumps(value, default=_plain, ensure_ascii=False)


def _plain(value: Any) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)
