"""Fixtures of all tests."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from speckle2pg.sandbox import SandboxServer
from speckle2pg.store.database import Database
from speckle2pg.store.embedded import EmbeddedServer, public_temporary_folder
from support.databases import Cluster, open_cluster
from support.environment import GIVEN
from support.hanging import watched

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Generator, Iterator

assert GIVEN is not None, "imported first: no test sees the developer's settings"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """No test hangs without saying so."""
    with watched(item):
        return (yield)


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    """A PostgreSQL server with a migrated template."""
    with open_cluster() as opened:
        yield opened


@pytest.fixture
def database_urls(cluster: Cluster) -> Iterator[tuple[str, str]]:
    """A migrated database of the test's own: the owner's and the daemon's address."""
    with cluster.database() as urls:
        yield urls


@pytest.fixture
def owner_url(database_urls: tuple[str, str]) -> str:
    """The owner's address of the test's database."""
    return database_urls[0]


@pytest.fixture
def database_url(database_urls: tuple[str, str]) -> str:
    """The daemon's address of the test's database."""
    return database_urls[1]


@pytest.fixture
def empty_url(cluster: Cluster) -> Iterator[str]:
    """The owner's address of a database without our schema."""
    with cluster.database(migrated=False) as urls:
        yield urls[0]


@pytest.fixture
def own_server() -> Iterator[EmbeddedServer]:
    """An embedded server that no other test uses: its roles, and the server itself, may be broken."""
    folder = public_temporary_folder("speckle2pg-own-")
    server = EmbeddedServer.start(folder)
    try:
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder)


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """A pool on the test's database."""
    async with Database(database_url) as opened:
        yield opened


@pytest.fixture
async def sandbox() -> AsyncIterator[SandboxServer]:
    """A Speckle server of the test's own."""
    async with SandboxServer() as server:
        yield server


@pytest.fixture
def shared_models() -> Path:
    """The folder of real models beside the project; the test skips where it is absent."""
    folder = Path(__file__).parents[2] / "shared" / "models"
    if not folder.is_dir():
        pytest.skip("the folder of real models is not beside the project")
    return folder


@pytest.fixture(autouse=True)
async def no_leaked_tasks(request: pytest.FixtureRequest) -> AsyncIterator[None]:
    """Fails a test that leaves tasks behind."""
    if not asyncio.iscoroutinefunction(getattr(request, "function", None)):
        yield
        return
    before = asyncio.all_tasks()
    yield
    # What was cancelled at the very end gets a turn to finish.
    for _ in range(10):
        await asyncio.sleep(0)
    leaked = [task for task in asyncio.all_tasks() - before if not task.done() and task is not asyncio.current_task()]
    assert not leaked, f"tasks left behind: {[(task.get_name(), task.get_coro()) for task in leaked]}"
