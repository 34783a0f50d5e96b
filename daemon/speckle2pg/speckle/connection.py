"""One websocket to Speckle with many subscriptions.

gql's transport keeps the protocol. Its sessions are not used: they raise at an event that holds an error, which would
end a subscription that goes on, and the reconnecting one does not subscribe again.
"""

from __future__ import annotations

import asyncio
from contextlib import aclosing, asynccontextmanager
from typing import TYPE_CHECKING, Any, TypeAlias

from gql import GraphQLRequest, gql
from gql.transport.exceptions import TransportQueryError

from speckle2pg.aio.guard import finish
from speckle2pg.errors import FatalError, RetryableError, TokenRefusedError
from speckle2pg.speckle.transport import FAULTS, Transport, close, connect, lost, websocket_url

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping

_FENCE_TIMEOUT = 30.0

_VERSIONS = gql("subscription ($id: String!) { projectVersionsUpdated(id: $id) { id modelId type } }")
_MODELS = gql("subscription ($id: String!) { projectModelsUpdated(id: $id) { id type } }")
_COMMIT_CREATED = gql("subscription ($id: String!) { commitCreated(streamId: $id) }")
_COMMIT_UPDATED = gql("subscription ($id: String!) { commitUpdated(streamId: $id) }")
_COMMIT_DELETED = gql("subscription ($id: String!) { commitDeleted(streamId: $id) }")
_BRANCH_UPDATED = gql("subscription ($id: String!) { branchUpdated(streamId: $id) }")
_BRANCH_DELETED = gql("subscription ($id: String!) { branchDeleted(streamId: $id) }")
_FENCE = gql("query { activeUser { id } }")

_NEW = (("projectVersionsUpdated", _VERSIONS), ("projectModelsUpdated", _MODELS))
MODERN = frozenset(name for name, _ in _NEW)
"""What a server must offer for events that cost it little."""
_OLD = (
    ("commitCreated", _COMMIT_CREATED),
    ("commitUpdated", _COMMIT_UPDATED),
    ("commitDeleted", _COMMIT_DELETED),
    ("branchUpdated", _BRANCH_UPDATED),
    ("branchDeleted", _BRANCH_DELETED),
)

Listener: TypeAlias = "Callable[[str | None, str], None]"
"""Called at each event with the model to look at, or None for the whole project, and the event's type."""


def _documents(fields: frozenset[str]) -> list[tuple[str, Any]]:
    """The subscriptions to make; a server that hides its schema is taken for a modern one.

    `projectVersionsUpdated` compares the project first, where `commitCreated` costs the server a check per subscription
    at every event of the whole server; so the old ones are for servers that have nothing else.

    Raises:
        FatalError: There is none that we know.
    """
    if not fields:
        return list(_NEW)
    offered = _NEW if _NEW[0][0] in fields else _OLD
    found = [(name, document) for name, document in offered if name in fields]
    if not found:
        raise FatalError("the server offers no subscription to versions that we know; it is polled")
    return found


def hint(field: str, payload: Any) -> tuple[str | None, str]:
    """Where an event says to look.

    Returns:
        The model of a created version, or None (the whole project) for all else: a moved version names only its new
        model and a deleted model none; and the event's type.
    """
    body: Mapping[str, Any] = payload if isinstance(payload, dict) else {}
    if field == "commitCreated":
        return (_text(body.get("branchId")), "created")
    kind = str(body.get("type") or field).lower()
    if field == "projectVersionsUpdated" and kind == "created":
        return (_text(body.get("modelId")), kind)
    return (None, kind)


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None


class SpeckleSocket:
    """An open socket; made by `open_socket`."""

    def __init__(self, transport: Transport, group: asyncio.TaskGroup, fields: frozenset[str]) -> None:
        self._transport = transport
        self._group = group
        self._documents = _documents(fields)
        self._tasks: dict[str, list[asyncio.Task[None]]] = {}

    def subscribe(self, project_id: str, listener: Listener) -> None:
        """Starts a project's subscriptions; `fence` tells when they are in place."""
        if project_id not in self._tasks:
            self._tasks[project_id] = [
                self._group.create_task(self._listen(name, document, project_id, listener), name=f"{name} {project_id}")
                for name, document in self._documents
            ]

    def unsubscribe(self, project_id: str) -> None:
        """Ends a project's subscriptions."""
        for task in self._tasks.pop(project_id, []):
            task.cancel()

    async def fence(self) -> None:
        """Returns when every subscription made before is in place: the server answers in order.

        Raises:
            TokenRefusedError: The server acknowledged the socket but takes us for nobody; it would stay silent.
            RetryableError: The socket broke, or the server did not answer.
        """
        # The subscriptions' tasks send in the order in which they were made, once the loop has come round to them;
        # a send that has to wait for the network makes those behind it wait, this one too.
        await asyncio.sleep(0)
        try:
            async with asyncio.timeout(_FENCE_TIMEOUT):
                answer = await self._transport.execute(GraphQLRequest(_FENCE))
        except TransportQueryError:
            return
        except FAULTS as error:
            raise lost(error) from error
        if answer.errors:
            # Answered, so in place: a token without the scope profile:read may not ask who it is.
            return
        if (answer.data or {}).get("activeUser") is None:
            raise TokenRefusedError("the server takes the token for nobody's: set a valid SPECKLE_TOKEN")

    def hang_up(self) -> None:
        """Lets the subscriptions end without a word to the server, which may not be reading any more."""
        for queue in self._transport.listeners.values():
            queue.send_stop = False

    async def _listen(self, field: str, document: Any, project_id: str, listener: Listener) -> None:
        refusal: str | None = None
        request = GraphQLRequest(document, variable_values={"id": project_id})
        try:
            async with aclosing(self._transport.subscribe(request)) as answers:
                async for answer in answers:
                    # An event with an error says that something happened all the same: a token that lacks a scope,
                    # or that is nobody's, is told so at each event. What it is, the look finds out.
                    refusal = str(answer.errors[0]) if answer.errors else None
                    where = (None, "error") if answer.errors else hint(field, (answer.data or {}).get(field))
                    listener(*where)
        except TransportQueryError as error:
            raise FatalError(f"subscription {field} of project {project_id} is refused: {error}") from error
        except FAULTS as error:
            raise lost(error) from error
        if refusal is not None:
            raise FatalError(f"subscription {field} of project {project_id} is refused: {refusal}")
        raise RetryableError(f"the server ended subscription {field} of project {project_id}")


@asynccontextmanager
async def open_socket(
    server_url: str, token: Callable[[], str | None], fields: frozenset[str]
) -> AsyncIterator[SpeckleSocket]:
    """Connects, and leaves the block with the error that broke the socket.

    Raises:
        RetryableError: No connection, or it broke.
        TokenRefusedError: See `SpeckleSocket.fence`.
        FatalError: The server refused a subscription.
    """
    transport = Transport(websocket_url(server_url), token())
    try:
        await connect(transport)
        async with asyncio.TaskGroup() as group:
            socket = SpeckleSocket(transport, group, fields)
            try:
                yield socket
            finally:
                socket.hang_up()
    except* (RetryableError, FatalError) as errors:
        raise _first(errors) from errors
    finally:
        await finish(close(transport))


def _first(errors: BaseExceptionGroup[Any]) -> BaseException:
    """All subscriptions of a broken socket fail together; one of them speaks for all."""
    first = errors.exceptions[0]
    return _first(first) if isinstance(first, BaseExceptionGroup) else first
