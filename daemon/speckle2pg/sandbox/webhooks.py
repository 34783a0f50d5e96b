"""Telling webhooks what happened: one try each, one at a time for the whole server."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import ipaddress
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import urlsplit

import aiohttp

from speckle2pg.sandbox import jsonb
from speckle2pg.sandbox.entities import Delivery
from speckle2pg.sandbox.records import project_record, user_record, webhook_record

if TYPE_CHECKING:
    from speckle2pg.sandbox.context import Site
    from speckle2pg.sandbox.counts import Counts
    from speckle2pg.sandbox.entities import Project, Webhook

Form = Literal["object", "string", "adapter"]

DELIVERED = (200, 201, 202, 204)
REDIRECTS = 2
WAITING, UNDER_WAY, SENT, FAILED = range(4)
REFUSED = "Local network requests are not allowed. To allow, use ALLOW_LOCAL_NETWORK=true environment variable"
HEADERS = {
    "Content-Type": "application/json",
    "User-Agent": "node-fetch/1.0 (+https://github.com/bitinn/node-fetch)",
    "Accept": "*/*",
}


class Webhooks:
    """The deliverer.

    Attributes:
        form: How bodies look: `object` as today's servers send them, `string` with the payload as a JSON
            string within, `adapter` as the tests of the earlier adapter have them.
        timeout: Seconds until a delivery has failed.
        allow_local_network: Whether private addresses are called; the real service's default is no.
    """

    def __init__(self, site: Site, counts: Counts) -> None:
        self.form: Form = "object"
        self.timeout = 10.0
        self.allow_local_network = True
        self._site = site
        self._counts = counts
        self._queue: asyncio.Queue[tuple[Webhook, Delivery]] = asyncio.Queue()
        self._worker: asyncio.Task[None] | None = None

    def dispatch(
        self, project_id: str, trigger: str, data: dict[str, Any], *, user_id: str | None, message: str
    ) -> None:
        """Puts what happened into the queue, for each enabled webhook that has the trigger."""
        for webhook in self._site.world.webhooks_of(project_id):
            if webhook.enabled and trigger in webhook.triggers:
                event = {"event_name": trigger, "data": data}
                payload = self._payload(webhook, user_id, message, event)
                now = self._site.world.now()
                text = jsonb.compact_text(payload).encode()
                delivery = Delivery(self._site.world.new_id(20), webhook.id, text, now)
                webhook.history.append(delivery)
                self._queue.put_nowait((webhook, delivery))

    def start(self) -> None:
        """Starts delivering."""
        self._worker = asyncio.create_task(self._work(), name="sandbox webhooks")

    async def stop(self) -> None:
        """Stops delivering; what waits is not delivered."""
        if self._worker is not None:
            self._worker.cancel()
            with suppress(asyncio.CancelledError):
                await self._worker

    async def settled(self) -> None:
        """Waits until all that was dispatched has been delivered or has failed."""
        await self._queue.join()

    def _payload(self, webhook: Webhook, user_id: str | None, message: str, event: dict[str, Any]) -> dict[str, Any]:
        world = self._site.world
        project, user = world.projects.get(webhook.project_id), world.users.get(user_id or "")
        stream = {} if project is None else {"stream": _stream(project, user_id)}
        return {
            "streamId": webhook.project_id,
            "userId": user_id,
            "activityMessage": message,
            "event": event,
            "server": self._server(),
            **stream,
            **({} if user is None else {"user": user_record(user)}),
            "webhook": webhook_record(webhook),
        }

    def _server(self) -> dict[str, Any]:
        return {
            "name": self._site.name,
            "company": "",
            "description": "",
            "adminContact": "",
            "termsOfService": "",
            "canonicalUrl": self._site.canonical_url,
            "completed": False,
            "inviteOnly": False,
            "guestModeEnabled": False,
            "version": self._site.version,
        }

    async def _work(self) -> None:
        async with aiohttp.ClientSession(headers=HEADERS, cookie_jar=aiohttp.DummyCookieJar()) as session:
            while True:
                webhook, delivery = await self._queue.get()
                delivery.status = UNDER_WAY
                fault = await self._deliver(session, webhook, delivery.payload)
                delivery.status = FAILED if fault else SENT
                delivery.status_info = f"WebhookError: {fault}" if fault else "Webhook called"
                delivery.last_update = self._site.world.now()
                self._counts.add("deliveries")
                self._queue.task_done()

    async def _deliver(self, session: aiohttp.ClientSession, webhook: Webhook, payload: bytes) -> str:
        """Posts once; returns what went wrong, or nothing."""
        if not self.allow_local_network and _is_private(webhook.url):
            return REFUSED
        body = self._body(payload)
        digest = hmac.new((webhook.secret or "").encode(), body, hashlib.sha256).hexdigest()
        name = "X-Speckle-Signature" if self.form == "adapter" else "X-WEBHOOK-SIGNATURE"
        limit = aiohttp.ClientTimeout(total=self.timeout)
        try:
            async with session.post(
                webhook.url, data=body, headers={name: digest}, timeout=limit, max_redirects=REDIRECTS
            ) as response:
                await response.read()
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            return f"Calling webhook was unsuccessful. {type(error).__name__}"
        return "" if response.status in DELIVERED else f"HTTP response code: {response.status}"

    def _body(self, payload: bytes) -> bytes:
        if self.form == "object":
            return b'{"payload":' + payload + b"}"
        if self.form == "string":
            return b'{"payload":' + jsonb.compact_text(payload.decode()).encode() + b"}"
        return jsonb.compact_text({"event": _adapter_event(jsonb.parse(payload))}).encode()


def _stream(project: Project, user_id: str | None) -> dict[str, Any]:
    return {**project_record(project), "role": project.roles.get(user_id or "")}


def _adapter_event(payload: dict[str, Any]) -> dict[str, Any]:
    event = payload["event"]
    commit = event["data"].get("commit") or {}
    data = {
        "streamId": payload["streamId"],
        "commitId": commit.get("versionId") or commit.get("id"),
        "branchName": commit.get("branchName"),
    }
    return {"event_name": event["event_name"], "data": data}


def _is_private(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_private
    except ValueError:
        return host == "localhost"
