"""Connections, and transactions that run named queries.

Every transaction sets search_path for itself (`SET LOCAL`), and nothing is prepared on the server: so a pooler in
transaction mode may stand between.
"""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Self

from psycopg import AsyncConnection, AsyncCursor
from psycopg.rows import DictRow, dict_row
from psycopg.types.json import Jsonb
from psycopg_pool import AsyncConnectionPool, PoolTimeout

from speckle2pg.aio.guard import watch_cancellation
from speckle2pg.store.faults import FOREIGN, translate
from speckle2pg.store.queries import compose, load_queries

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Sequence

    from speckle2pg.errors import Speckle2pgError

Row = dict[str, Any]


class Transaction:
    """Runs named queries inside one open transaction."""

    def __init__(self, connection: AsyncConnection[DictRow]) -> None:
        self._connection = connection

    async def all(self, query: str, /, **parameters: Any) -> list[Row]:
        """Runs a query and gives all its rows."""
        cursor = await self._run(query, parameters)
        return await cursor.fetchall()

    async def one(self, query: str, /, **parameters: Any) -> Row | None:
        """Runs a query and gives its first row, or None."""
        cursor = await self._run(query, parameters)
        return await cursor.fetchone()

    async def do(self, query: str, /, **parameters: Any) -> int:
        """Runs a query and gives the number of rows it touched."""
        cursor = await self._run(query, parameters)
        return cursor.rowcount

    async def _run(self, name: str, parameters: dict[str, Any]) -> AsyncCursor[DictRow]:
        text = load_queries()[name].text
        return await self._connection.execute(text.encode(), _adapt(parameters))

    async def copy(self, name: str, rows: Iterable[Sequence[Any]]) -> int:
        """Sends rows through a COPY query and gives their number."""
        count = 0
        async with (
            self._connection.cursor() as cursor,
            cursor.copy(load_queries()[name].text.encode()) as copy,
        ):
            for row in rows:
                await copy.write_row(row)
                count += 1
        return count

    async def stream(self, query: str, /, **parameters: Any) -> AsyncIterator[Row]:
        """Runs a query with a server-side cursor and yields its rows."""
        async with self._connection.cursor(query) as cursor:
            await cursor.execute(load_queries()[query].text.encode(), _adapt(parameters))
            async for row in cursor:
                yield row


def _adapt(parameters: dict[str, Any]) -> dict[str, Any]:
    """Dictionaries and lists of dictionaries are JSON; lists of anything else are arrays."""
    return {key: Jsonb(value) if _is_json(value) else value for key, value in parameters.items()}


def _is_json(value: Any) -> bool:
    return isinstance(value, dict) or (isinstance(value, list) and any(isinstance(item, dict) for item in value))


class Database:
    """A pool of connections to one schema.

    Args:
        url: Connection address of the daemon's login.
        schema: DB_SCHEMA.
        min_size: Connections kept open.
        max_size: Connections at most.
        timeout: Seconds to wait for a connection.
        lifetime: Seconds after which a connection is replaced by another one.
    """

    def __init__(
        self,
        url: str,
        *,
        schema: str = "public",
        min_size: int = 1,
        max_size: int = 10,
        timeout: float = 15.0,
        lifetime: float = 3600.0,
    ) -> None:
        self.url = url
        self.schema = schema
        self._pool: AsyncConnectionPool[AsyncConnection[DictRow]] = AsyncConnectionPool(
            url,
            min_size=min_size,
            max_size=max_size,
            timeout=timeout,
            max_lifetime=lifetime,
            open=False,
            check=AsyncConnectionPool.check_connection,
            connection_class=AsyncConnection[DictRow],
            kwargs={"row_factory": dict_row, "prepare_threshold": None, "application_name": "speckle2pg"},
            name="speckle2pg",
        )
        self._search_path = compose("use_schema_locally", schema=schema)

    async def __aenter__(self) -> Self:
        await self._pool.open(wait=False)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._pool.close()

    @asynccontextmanager
    async def transaction(self, *, commit: bool = True) -> AsyncIterator[Transaction]:
        """Opens a transaction; it commits at the end of the block and rolls back when the block raises.

        Args:
            commit: False rolls back in any case, for a look at what would be.

        Raises:
            DatabaseUnavailableError: The database is away, or ended the transaction for a passing reason.
            ConfigurationError: It refuses the daemon.
            FatalError: It refuses the statement.
        """
        try:
            async with self._connection() as connection, connection.transaction(force_rollback=not commit):
                await connection.execute(self._search_path)
                yield Transaction(connection)
        except PoolTimeout as error:
            raise await self._why_none(error) from error
        except FOREIGN as error:
            raise translate(error) from error

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator[AsyncConnection[DictRow]]:
        """A connection of the pool, or the cancellation that came while it was waited for.

        The pool waits by `wait_for`, and that of Python 3.11 loses a cancellation that comes together with its result.
        """
        still_wanted = watch_cancellation()
        async with self._pool.connection() as connection:
            still_wanted()
            yield connection

    async def _why_none(self, error: PoolTimeout) -> Speckle2pgError:
        """Why no connection was to be had: the pool does not say, so one more try does."""
        try:
            async with await AsyncConnection.connect(self.url, connect_timeout=5, application_name="speckle2pg"):
                return translate(error)
        except FOREIGN as reason:
            return translate(reason)

    async def all(self, query: str, /, **parameters: Any) -> list[Row]:
        """Runs one query in a transaction of its own and gives all its rows."""
        async with self.transaction() as tx:
            return await tx.all(query, **parameters)

    async def one(self, query: str, /, **parameters: Any) -> Row | None:
        """Runs one query in a transaction of its own and gives its first row, or None."""
        async with self.transaction() as tx:
            return await tx.one(query, **parameters)

    async def do(self, query: str, /, **parameters: Any) -> int:
        """Runs one query in a transaction of its own and gives the number of rows it touched."""
        async with self.transaction() as tx:
            return await tx.do(query, **parameters)

    def pool_stats(self) -> dict[str, int]:
        """Numbers of the pool: its size, free connections, waiting requests."""
        stats = self._pool.get_stats()
        names = ("pool_size", "pool_available", "requests_waiting", "requests_errors")
        return {name: stats.get(name, 0) for name in names}
