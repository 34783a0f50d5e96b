"""LISTEN: yields each notification, and nothing in between; always to be backed by a poll."""

from __future__ import annotations

from typing import TYPE_CHECKING

from psycopg import AsyncConnection

from speckle2pg.store.faults import FOREIGN, translate
from speckle2pg.store.queries import compose

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


async def listen(url: str, channel: str) -> AsyncIterator[str | None]:
    """Yields None once the channel is listened to, then the payload of each notification.

    Args:
        url: A direct connection; a pooler in transaction mode does not carry LISTEN.
        channel: Channel name.

    Raises:
        DatabaseUnavailableError: The connection broke; notifications since then are lost.
    """
    try:
        connection = await AsyncConnection.connect(url, autocommit=True, application_name="speckle2pg listen")
        async with connection:
            await connection.execute(compose("listen", channel=channel))
            yield None
            async for notification in connection.notifies():
                yield notification.payload
    except FOREIGN as error:
        raise translate(error) from error
