"""One database schema belongs to one Speckle server, known by the address that it states of itself.

Another server under the same schema would make every project read as gone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from speckle2pg.errors import TokenRefusedError, WrongServerError

if TYPE_CHECKING:
    from speckle2pg.speckle.queries import Greeting, SpeckleQueries
    from speckle2pg.store.database import Database


def canonical(url: str) -> str:
    """An address for comparison: without user, trailing slash, default port and case of the host."""
    parts = urlsplit(url.strip())
    default = {"http": 80, "https": 443}.get(parts.scheme)
    try:
        number = parts.port
    except ValueError:
        # What a server states of itself may be anything; then it is compared as it is.
        return url.strip()
    port = f":{number}" if number and number != default else ""
    host = (parts.hostname or "").lower()
    return f"{parts.scheme}://{f'[{host}]' if ':' in host else host}{port}{parts.path.rstrip('/')}"


async def bind_server(
    database: Database, queries: SpeckleQueries, reached_by: str, *, link: str | None = None, rebind: bool = False
) -> Greeting:
    """Greets the server and ties the schema to it, or checks that it is the same one.

    Args:
        database: The schema.
        queries: The server.
        reached_by: The address used to reach it, for servers that state none.
        link: The address for a browser, kept for the links in the views.
        rebind: Accept that the server moved.

    Raises:
        WrongServerError: The schema belongs to another server; both addresses are named.
        TokenRefusedError: The server takes the token for nobody's.
        RetryableError: It cannot be reached.
    """
    greeting = await queries.greeting()
    if greeting.user is None:
        raise TokenRefusedError("Speckle takes the token for nobody's: set a valid SPECKLE_TOKEN")
    address = stated_address(greeting, reached_by)
    await database.one("bind_instance", server_url=address, server_id=None, rebind=rebind)
    await check_server(database, address, reached_by)
    if link is not None:
        await database.do("record_public_url", public_url=link)
    return greeting


def stated_address(greeting: Greeting, reached_by: str) -> str:
    """The address that a server states as its own, or the one used to reach it if it states none."""
    return canonical(greeting.server.canonical_url or reached_by)


async def check_server(database: Database, address: str, reached_by: str) -> bool:
    """Says whether the schema is tied to a server yet.

    Raises:
        WrongServerError: It is tied to another one than that of `address`.
    """
    bound = await database.one("get_instance")
    known = bound["server_url"] if bound else None
    if known is None:
        return False
    if canonical(known) != address:
        reached = canonical(reached_by)
        states = "" if reached == address else f" (which calls itself {address})"
        raise WrongServerError(
            f"this database belongs to the Speckle server {known}, but SPECKLE_SERVER_URL leads to {reached}{states}: "
            f"use another database or DB_SCHEMA, or, if the server moved, run `speckle2pg migrate --rebind`"
        )
    return True
