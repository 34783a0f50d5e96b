"""What the daemon knows of its own state, for /readyz, /health and people."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


class Health:
    """Written by the composition root, read by HTTP.

    Attributes:
        greeted: Set once Speckle answered for the first time, whether it took the token or refused it.
        speckle_reason: What is wrong with Speckle; None when nothing is.
        sockets: Per websocket its number of projects, whether it is connected, and why it last broke.
        parts: Gives each part of the daemon and whether it runs.
    """

    def __init__(self) -> None:
        self.greeted = asyncio.Event()
        self.speckle_reason: str | None = "not yet greeted"
        self.sockets: list[tuple[int, bool, str]] = []
        self.parts: Callable[[], dict[str, bool]] = dict
        self._token_accepted: bool | None = None

    @property
    def token_accepted(self) -> bool | None:
        """Whether Speckle took the token at the last try; None before the first one."""
        return self._token_accepted

    @token_accepted.setter
    def token_accepted(self, accepted: bool) -> None:
        self._token_accepted = accepted
        self.greeted.set()
