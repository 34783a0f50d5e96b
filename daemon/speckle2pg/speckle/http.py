"""Requests to Speckle over HTTP: one session, a rate of our own, patient with what passes.

Each authenticated request costs the server about 50 ms of CPU, so requests are few and large, and
`SPECKLE_REQUESTS_PER_SECOND` bounds them.
"""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Self

import aiohttp
import msgspec
from aiolimiter import AsyncLimiter

from speckle2pg import metrics
from speckle2pg.aio.backoff import Backoff
from speckle2pg.errors import RetryableError, Speckle2pgError, TokenRefusedError
from speckle2pg.speckle import faults

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping

_ERROR_BODY = 2000
_BURST_SECONDS = 3.0
FIRST_PAUSE = 0.25
LONGEST_PAUSE = 5.0
"""Seconds that a request waits here for a better moment; a longer wait is the caller's, who may have other work."""


class SpeckleHTTP:
    """A session with one Speckle server.

    Args:
        url: Address of the server.
        token: Gives the current token, or None to read public projects only.
        requests_per_second: Our own upper bound.
        attempts: How often a request that fails in passing is tried before the caller hears of it.
        timeout: Seconds without a byte after which an answer counts as lost.
    """

    def __init__(
        self,
        url: str,
        token: Callable[[], str | None],
        *,
        requests_per_second: float = 10.0,
        attempts: int = 3,
        timeout: float = 60.0,
    ) -> None:
        self.url = url.rstrip("/")
        self._token = token
        self._attempts = attempts
        # One sync of a deep tree takes about ten requests: a burst of three seconds' worth, then an even rate.
        burst = max(_BURST_SECONDS * requests_per_second, 1.0)
        self._limiter = AsyncLimiter(burst, burst / requests_per_second)
        self._timeout = aiohttp.ClientTimeout(total=None, connect=15, sock_connect=15, sock_read=timeout)
        self._session: aiohttp.ClientSession | None = None
        self._not_before = 0.0

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(timeout=self._timeout, trust_env=True)
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._session is not None:
            await self._session.close()

    async def graphql(self, query: str, variables: Mapping[str, Any], *, what: str) -> dict[str, Any]:
        """Runs one GraphQL operation and gives its data.

        Raises:
            GoneError, UnreadableError, RetryableError, TokenRefusedError, FatalError: See `faults`.
        """
        answer = (await self.graphql_batch([(query, variables)], what=what))[0]
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def graphql_batch(
        self, operations: list[tuple[str, Mapping[str, Any]]], *, what: str
    ) -> list[dict[str, Any] | Exception]:
        """Runs several GraphQL operations in one request: per operation its data or its error."""
        bodies = [{"query": query, "variables": dict(variables)} for query, variables in operations]
        payload = bodies[0] if len(bodies) == 1 else bodies
        for attempt in self._tries():
            try:
                status, text = await self._post_text(payload, what)
                return _answers(status, text, len(bodies), what)
            except RetryableError as error:
                await attempt(error)
        raise AssertionError("the last attempt raises")

    async def _post_text(self, payload: Any, what: str) -> tuple[int, bytes]:
        async with self.request("POST", "/graphql", endpoint="graphql", what=what, json=payload) as response:
            return response.status, await response.read()

    def _tries(self) -> list[Any]:
        """For each attempt what to await when it failed: a pause, or the error itself after the last one."""
        backoff = Backoff(initial=FIRST_PAUSE, maximum=LONGEST_PAUSE, clock=asyncio.get_running_loop().time)

        async def pause(error: RetryableError) -> None:
            if isinstance(error, TokenRefusedError) or (error.retry_after or 0.0) > LONGEST_PAUSE:
                raise error
            await asyncio.sleep(backoff.failed(error.retry_after))

        async def give_up(error: RetryableError) -> None:
            raise error

        return [pause] * (self._attempts - 1) + [give_up]

    @asynccontextmanager
    async def request(
        self,
        method: str,
        path: str,
        *,
        endpoint: str,
        what: str,
        json: Any = None,
        headers: Mapping[str, str] | None = None,
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """Makes one request, without repeating it, and gives the response to read from.

        A failure while the block reads the body is translated too. A GraphQL answer with status 400 carries errors
        of its own and is left to the caller.
        """
        await self._rate_limit(what)
        code = "error"
        try:
            async with await self._send(method, path, json, headers or {}) as response:
                code = str(response.status)
                if response.status >= 300 and not (endpoint == "graphql" and response.status == 400):
                    raise await self._failure(response, endpoint, what)
                yield response
        except faults.TRANSPORT_FAULTS as error:
            raise faults.from_transport(error, what) from error
        finally:
            metrics.SPECKLE_REQUESTS.labels(endpoint, code).inc()

    async def _send(self, method: str, path: str, json: Any, headers: Mapping[str, str]) -> aiohttp.ClientResponse:
        """Sends a request and gives the response, of which the head is there.

        After an error reply the server breaks the connection that is kept alive, which shows only when it is used
        next: a request that meets this is sent once more. All of ours only read.
        """
        assert self._session is not None, "the session is opened by `async with`"  # noqa: S101
        options: dict[str, Any] = {"json": json, "headers": {**self._authorization(), **headers}}
        try:
            return await self._session.request(method, self.url + path, **options, allow_redirects=False)
        except aiohttp.ClientConnectorError:
            raise
        except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError):
            return await self._session.request(method, self.url + path, **options, allow_redirects=False)

    async def _rate_limit(self, what: str) -> None:
        """Waits for our own rate, and for the end of a pause that the server asked for."""
        pause = self._not_before - asyncio.get_running_loop().time()
        if pause > LONGEST_PAUSE:
            raise RetryableError(f"{what}: the server's rate limit is reached", retry_after=pause)
        if pause > 0:
            await asyncio.sleep(pause)
        await self._limiter.acquire()

    async def _failure(self, response: aiohttp.ClientResponse, endpoint: str, what: str) -> Speckle2pgError:
        body = (await response.content.read(_ERROR_BODY)).decode("utf-8", "replace")
        if response.status == 429:
            # The limit is the token's: whoever asks next would be refused as well.
            wait = faults.retry_after(response.headers.get("Retry-After")) or 0.0
            self._not_before = max(self._not_before, asyncio.get_running_loop().time() + wait)
        translate = faults.from_graphql_status if endpoint == "graphql" else faults.from_status
        return translate(response.status, body, response.headers, what)

    def _authorization(self) -> dict[str, str]:
        token = self._token()
        return {"Authorization": f"Bearer {token}"} if token else {}


def _answers(status: int, text: bytes, count: int, what: str) -> list[dict[str, Any] | Exception]:
    """The answers of a GraphQL request; one operation is answered by an object, several by a list."""
    try:
        decoded = msgspec.json.decode(text)
    except msgspec.DecodeError as error:
        raise RetryableError(
            f"{what}: the server did not answer in JSON (HTTP {status}); is it a Speckle server?"
        ) from error
    answers = decoded if isinstance(decoded, list) else [decoded]
    if len(answers) != count:
        raise RetryableError(f"{what}: the server answered {len(answers)} of {count} operations")
    results = [_answer(item, what) for item in answers]
    if count == 1 and isinstance(results[0], RetryableError):
        raise results[0]
    return results


def _answer(item: Any, what: str) -> dict[str, Any] | Exception:
    if not isinstance(item, dict):
        return RetryableError(f"{what}: the server's answer is no GraphQL result")
    if item.get("errors"):
        return faults.from_graphql(item["errors"], what)
    data = item.get("data")
    return data if isinstance(data, dict) else RetryableError(f"{what}: the server's answer holds no data")
