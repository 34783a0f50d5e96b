"""Tables beside the real ones: the ordinary load writes to them, and nobody else sees them.

They are temporary tables of one session and bear the names of the real ones. Where the session goes, they go, so that a
replay that dies leaves nothing behind.
"""

from __future__ import annotations

import math
import uuid
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from speckle2pg.errors import ConfigurationError, DatabaseUnavailableError
from speckle2pg.pipeline.staging import Staging
from speckle2pg.store.database import Database

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from speckle2pg.store.database import Transaction


class SideDatabase(Database):
    """One session whose own tables stand before those of the schema.

    Args:
        url: An address past any transaction pooler: the tables belong to one session.
        schema: DB_SCHEMA.
    """

    def __init__(self, url: str, *, schema: str) -> None:
        super().__init__(url, schema=schema, min_size=1, max_size=1, lifetime=math.inf)
        self._token = str(uuid.uuid4())

    @asynccontextmanager
    async def transaction(self, *, commit: bool = True) -> AsyncIterator[Transaction]:
        """A transaction in which the names of tables mean those of this session.

        Raises:
            DatabaseUnavailableError: The session was replaced and its tables are gone: nothing may be written then,
                for the same names would mean the real tables.
        """
        async with super().transaction(commit=commit) as tx:
            await self._check(tx)
            await tx.one("shadow_tables")
            yield tx

    @asynccontextmanager
    async def real_transaction(self) -> AsyncIterator[Transaction]:
        """A transaction in which the names of tables mean the real ones, and `pg_temp.` those of this session."""
        async with super().transaction() as tx:
            await self._check(tx)
            yield tx

    async def prepare(self) -> None:
        """Makes the tables, or empties them.

        Raises:
            ConfigurationError: The login may not make temporary tables.
        """
        try:
            async with super().transaction() as tx:
                found = await tx.one("find_side_tables", token=self._token)
                await tx.do("empty_side_tables" if found and found["made"] else "make_side_tables")
                await tx.one("claim_side_tables", token=self._token)
        except ConfigurationError as error:
            raise ConfigurationError(
                f"{error}. A replay needs temporary tables: where those are refused, let the owner of the database run "
                f"GRANT TEMPORARY ON DATABASE ... TO speckle2pg"
            ) from error

    async def _check(self, tx: Transaction) -> None:
        found = await tx.one("find_side_tables", token=self._token)
        if not found or not found["ours"]:
            raise DatabaseUnavailableError(
                "the database session that held the replay is gone: start again, and set DATABASE_DIRECT_URL if a "
                "transaction pooler stands before the database"
            )


class ToldState(Staging):
    """A state that the rows tell, staged as if it had been downloaded.

    Args:
        side: Where it is staged.
        project_id: Project of the model.
        model_id: The model.
        version_id: The version of that state.
        seq: When the model was in it.
    """

    def __init__(self, side: SideDatabase, project_id: str, model_id: str, version_id: str, seq: int) -> None:
        super().__init__(side, project_id, model_id, version_id)
        self._side = side
        self._model = {"project_id": project_id, "model_id": model_id}
        self._seq = seq

    async def prepare(self) -> None:
        """Stages it."""
        async with self._side.transaction() as tx:
            load_id, _ = await super().complete(tx, iter(()))
        async with self._side.real_transaction() as tx:
            await tx.do("forget_state")
            await tx.do("tell_state", **self._model, seq=self._seq)
            await tx.do("stage_state_tree", load_id=load_id)
            await tx.do("stage_state_facts", load_id=load_id)

    async def drop(self, tx: Transaction) -> None:
        """Removes the staged rows; the rows written from them bear their object ids again."""
        await tx.do("name_objects_again")
        await super().drop(tx)
