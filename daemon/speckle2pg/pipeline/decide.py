"""What a person decides of a version: approve, reject, retry. The states that each starts from are in the queries."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from speckle2pg.errors import UnknownVersionError, WrongStateError

if TYPE_CHECKING:
    from speckle2pg.store.database import Database, Row, Transaction

Decision = Literal["approve", "reject", "retry"]

_FROM = {"approve": "a held or rejected", "reject": "a held", "retry": "a failed"}
_PAST = {"approve": "approved", "reject": "rejected", "retry": "retried"}


@dataclass(frozen=True, slots=True)
class Decided:
    """A decision that is on record."""

    decision: Decision
    project_id: str
    model_id: str
    version_id: str


class Decisions:
    """Takes decisions. Each is one transaction: the version's state, the log, and the request to a daemon to look.

    Args:
        database: Where the versions are.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    async def take(self, decision: Decision, version_id: str, actor: str, *, project_id: str | None = None) -> Decided:
        """Decides.

        Args:
            decision: What is decided.
            version_id: The version.
            actor: Who decides.
            project_id: Its project; needed only where several projects have a version of this id.

        Raises:
            UnknownVersionError: No such version, or several.
            WrongStateError: The version is in another state, which is named; where it was superseded, by which one.
        """
        async with self._database.transaction() as tx:
            found = await self._find(tx, version_id, project_id)
            key = {"project_id": found["project_id"], "version_id": version_id}
            if await self._record(tx, decision, key, actor) is None:
                # Read again: it is the state in which it was found when it was tried.
                raise WrongStateError(await self._why_not(tx, decision, await self._find(tx, version_id, project_id)))
            done = Decided(decision, found["project_id"], found["model_id"], version_id)
            await tx.do(
                "log_admin",
                actor=actor,
                action=decision,
                project_id=done.project_id,
                subject=version_id,
                details={"model": done.model_id, "state": found["state"]},
            )
            if decision != "reject":
                look = {"project_id": done.project_id, "model_id": done.model_id}
                await tx.one("accept_request", **look, cause="admin", requested_by=actor)
                await tx.one("ring_requests", project_id=done.project_id)
        return done

    @staticmethod
    async def _record(tx: Transaction, decision: Decision, key: dict[str, str], actor: str) -> Row | None:
        if decision == "approve":
            return await tx.one("approve_version", **key, actor=actor)
        if decision == "reject":
            return await tx.one("reject_version", **key, actor=actor)
        return await tx.one("retry_version", **key)

    @staticmethod
    async def _find(tx: Transaction, version_id: str, project_id: str | None) -> Row:
        rows = await tx.all("find_versions", version_id=version_id, project_id=project_id)
        if not rows:
            where = f" in project {project_id}" if project_id else ""
            raise UnknownVersionError(f"no version {version_id} is on record{where}: see `speckle2pg status`")
        if len(rows) > 1:
            names = ", ".join(row["project_id"] for row in rows)
            raise UnknownVersionError(f"version {version_id} is in several projects ({names}): give --project")
        return rows[0]

    @staticmethod
    async def _why_not(tx: Transaction, decision: Decision, found: Row) -> str:
        reason = f"version {found['id']} is {found['state']}: only {_FROM[decision]} version can be {_PAST[decision]}"
        if found["state"] != "superseded":
            return reason
        newest = await tx.one("newest_on_record", project_id=found["project_id"], model_id=found["model_id"])
        return f"{reason}; the newest version of its model is {newest['id']} ({newest['state']})" if newest else reason
