"""The operations on one websocket: queries answered at once, subscriptions until they are stopped."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from graphql import ExecutionResult, GraphQLSyntaxError

from speckle2pg.sandbox.execution import plain_error

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from speckle2pg.sandbox.context import Context
    from speckle2pg.sandbox.counts import Counts
    from speckle2pg.sandbox.execution import Executor

Message = dict[str, Any]


class Operations:
    """Starts and stops what a client asks for; operations are known by the client's ids."""

    def __init__(self, executor: Executor, send: Callable[[Message], Awaitable[None]], counts: Counts) -> None:
        self._executor = executor
        self._send = send
        self._counts = counts
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._contexts: dict[str, Context] = {}

    async def start(self, key: str, body: Message, context: Context) -> None:
        """Runs an operation; an id that is in use is stopped first. Nothing acknowledges a subscription."""
        await self.stop(key)
        try:
            document, faults = self._executor.document(str(body.get("query")))
        except GraphQLSyntaxError as error:
            await self._send({"type": "error", "id": key, "payload": {"message": error.message}})
            return
        name = body.get("operationName")
        self._counts.operations[name or ""] += 1
        result: ExecutionResult | AsyncIterator[ExecutionResult]
        if faults:
            result = ExecutionResult(None, faults)
        elif self._executor.is_subscription(document, name):
            result = await self._executor.subscribe(document, body, context)
        else:
            result = self._executor.execute(document, body, context)
        if isinstance(result, ExecutionResult):
            await self._answer(key, result)
        else:
            self._follow(key, result, context)

    async def stop(self, key: str) -> None:
        """Ends a subscription; the client is told that it is complete."""
        context = self._contexts.pop(key, None)
        if context is not None:
            for listener in context.opened:
                await listener.aclose()
            await self._tasks.pop(key)

    async def stop_all(self) -> None:
        """Ends all subscriptions of the socket."""
        for key in tuple(self._contexts):
            await self.stop(key)

    def _follow(self, key: str, results: AsyncIterator[ExecutionResult], context: Context) -> None:
        self._contexts[key] = context
        self._tasks[key] = asyncio.create_task(self._deliver(key, results), name=f"sandbox subscription {key}")
        self._counts.add("subscriptions")

    async def _deliver(self, key: str, results: AsyncIterator[ExecutionResult]) -> None:
        async for result in results:
            self._counts.add("events_sent")
            await self._send({"type": "data", "id": key, "payload": _payload(result)})
        await self._send({"type": "complete", "id": key, "payload": None})

    async def _answer(self, key: str, result: ExecutionResult) -> None:
        await self._send({"type": "data", "id": key, "payload": _payload(result)})
        await self._send({"type": "complete", "id": key, "payload": None})


def _payload(result: ExecutionResult) -> Message:
    """A result as the socket shows it: errors without the codes that HTTP answers have."""
    errors = [plain_error(error) for error in result.errors or ()]
    if result.data is None and errors and all("path" not in error for error in errors):
        return {"errors": errors}
    return {"errors": errors, "data": result.data} if errors else {"data": result.data}
