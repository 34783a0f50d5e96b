"""Requests of people and programs as a source: accepted at once, kept in `sync_requests`, worked on until settled."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import structlog

from speckle2pg.aio.backoff import Backoff
from speckle2pg.errors import RetryableError, Speckle2pgError
from speckle2pg.events import Event
from speckle2pg.store.follow import Follower

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from speckle2pg.store.database import Database, Row

log = structlog.get_logger()

CHANNEL = "speckle2pg_requests"
POLL_LISTENING = 30.0
POLL_DEAF = 1.0
"""Seconds between polls with and without LISTEN."""
FIRST_PAUSE = 1.0
LONGEST_PAUSE = 60.0


class AdminSource:
    """Works on requests to look: its own, those that other processes leave, and those left open before it started.

    Args:
        database: Where requests are kept.
        direct_url: A connection that carries LISTEN.
        ask: Posts an event and waits for its look.
    """

    def __init__(self, database: Database, direct_url: str, ask: Callable[[Event], Awaitable[Any]]) -> None:
        self._database = database
        self._direct_url = direct_url
        self._ask = ask
        self._group: asyncio.TaskGroup | None = None
        self._taken_up: set[int] = set()
        self._settled: set[int] = set()
        self.closed = False

    async def accept(self, project_id: str, model_id: str | None, actor: str) -> int:
        """Keeps a request and gives its number; also before `run` begins and while it ends.

        Raises:
            DatabaseUnavailableError: It could not be kept.
        """
        row = await self._database.one(
            "accept_request", project_id=project_id, model_id=model_id, cause="admin", requested_by=actor
        )
        assert row is not None  # noqa: S101  (RETURNING)
        self._take_up({"id": row["id"], "project_id": project_id, "model_id": model_id})
        return int(row["id"])

    async def run(self) -> None:
        """Works on open requests for ever."""
        try:
            async with asyncio.TaskGroup() as group:
                self._group = group
                follower = Follower(self._direct_url, CHANNEL, self._read, listening=POLL_LISTENING, deaf=POLL_DEAF)
                await follower.run()
        finally:
            self._group, self.closed = None, True

    async def _read(self) -> None:
        # What is settled while the list is read may stand in it as open; it is known until the next list.
        settled = self._settled.copy()
        for row in await self._database.all("open_requests"):
            self._take_up(row)
        self._taken_up -= settled
        self._settled -= settled

    def _take_up(self, row: Row) -> None:
        if self._group is not None and row["id"] not in self._taken_up:
            self._taken_up.add(row["id"])
            self._group.create_task(self._handle(row), name=f"request {row['id']}")

    async def _handle(self, row: Row) -> None:
        result = await self._look(row)
        backoff = _backoff()
        while True:
            try:
                await self._database.do("settle_request", request_id=row["id"], result=result)
            except Speckle2pgError as error:
                log.warning("request cannot be settled yet", request=row["id"], reason=str(error))
                await asyncio.sleep(backoff.failed())
            else:
                self._settled.add(row["id"])
                return

    async def _look(self, row: Row) -> dict[str, Any]:
        """Looks until something came of it; gives what is kept as the request's result."""
        backoff = _backoff()
        while True:
            try:
                outcome = await self._ask(Event(row["project_id"], row["model_id"], "admin", datetime.now(UTC)))
            except RetryableError as error:
                log.warning("request waits", request=row["id"], reason=str(error))
                await asyncio.sleep(backoff.failed(error.retry_after))
            except Speckle2pgError as error:
                log.warning("request failed", request=row["id"], reason=str(error))
                return {"state": "error", "reason": str(error)}
            except Exception:
                # One request's trouble is not the daemon's.
                log.exception("request failed unexpectedly", request=row["id"])
                return {"state": "error", "reason": "unexpected error; see the log"}
            else:
                applied = {model: done.version_id for model, done in outcome.applied.items()}
                waits = [str(error) for error in outcome.retry.values()]
                return {"state": outcome.state, "applied": applied, "waits": waits}


def _backoff() -> Backoff:
    return Backoff(FIRST_PAUSE, LONGEST_PAUSE, asyncio.get_running_loop().time)
