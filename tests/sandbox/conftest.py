"""A running sandbox server with a project, for each test anew."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sandbox.places import place_on
from speckle2pg.sandbox import SandboxServer

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from sandbox.places import Place


@pytest.fixture
async def place() -> AsyncIterator[Place]:
    async with SandboxServer() as server, place_on(server) as found:
        yield found
