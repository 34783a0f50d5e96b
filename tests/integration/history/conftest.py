"""Fixtures of the history's tests."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from integration.pipeline.bench import Bench, open_bench
from speckle2pg.store.embedded import EmbeddedServer, public_temporary_folder

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from speckle2pg.sandbox import SandboxServer
    from speckle2pg.store.database import Database


@pytest.fixture
async def bench(sandbox: SandboxServer, database: Database, owner_url: str) -> AsyncIterator[Bench]:
    """A followed project with one model."""
    async with open_bench(sandbox, database, owner_url) as opened:
        yield opened


@pytest.fixture
def own_server() -> Iterator[EmbeddedServer]:
    """A fresh cluster."""
    folder = public_temporary_folder("speckle2pg-history-")
    server = EmbeddedServer.start(folder)
    try:
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder)
