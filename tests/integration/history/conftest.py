"""Fixtures of the history's tests."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from integration.pipeline.bench import Bench, open_bench

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from speckle2pg.sandbox import SandboxServer
    from speckle2pg.store.database import Database


@pytest.fixture
async def bench(sandbox: SandboxServer, database: Database, owner_url: str) -> AsyncIterator[Bench]:
    """A followed project with one model."""
    async with open_bench(sandbox, database, owner_url) as opened:
        yield opened
