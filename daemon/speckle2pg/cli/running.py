"""Whether a daemon runs on this machine, and what it says of itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import aiohttp

if TYPE_CHECKING:
    from speckle2pg.settings import Settings


async def ask_daemon(settings: Settings) -> dict[str, Any]:
    """What the daemon on this machine says of itself; its channels need a token."""
    everywhere = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104  (asked, not bound)
    host = everywhere.get(settings.http_host, settings.http_host)
    base = f"http://{f'[{host}]' if ':' in host else host}:{settings.http_port}"
    token = settings.read_token or settings.admin_token
    headers = {"Authorization": f"Bearer {token.get_secret_value()}"} if token else {}
    try:
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=5)) as session:
            async with session.get(f"{base}/readyz") as answer:
                ready = await answer.json()
            async with session.get(f"{base}/health", headers=headers) as answer:
                health = await answer.json() if answer.ok else {}
        reasons, sockets = dict(ready["reasons"]), health.get("subscriptions")
    except (aiohttp.ClientError, OSError, TimeoutError, ValueError, TypeError, KeyError, AttributeError):
        # Nobody, or another program.
        return {"running": False, "url": base}
    return {"running": True, "url": base, "ready": not reasons, "reasons": reasons, "subscriptions": sockets}
