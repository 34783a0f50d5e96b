"""Waiting for something that announces itself to nobody, as a row or a file."""

from __future__ import annotations

import asyncio
import inspect
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

DEADLINE = 60.0


async def until(true: Callable[[], bool] | Callable[[], Awaitable[bool]]) -> None:
    """Asks again and again until the answer is yes; the test fails if it never is."""
    async with asyncio.timeout(DEADLINE):
        while True:
            answer = true()
            if await answer if inspect.isawaitable(answer) else answer:
                return
            await asyncio.sleep(0.02)
