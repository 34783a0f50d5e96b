"""A PostgreSQL of these tests' own, where roles and the server itself may be broken."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from speckle2pg.store.embedded import EmbeddedServer, public_temporary_folder

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def own_server() -> Iterator[EmbeddedServer]:
    """An embedded server that no other test uses."""
    folder = public_temporary_folder("speckle2pg-store-")
    server = EmbeddedServer.start(folder)
    try:
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder)
