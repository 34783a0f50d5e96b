"""Commands as processes, against the sandbox and a database of the test's own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from speckle2pg.sandbox.bridge import sample_bridge
from support.programs import Program

if TYPE_CHECKING:
    from pathlib import Path

    from speckle2pg.sandbox import SandboxServer

BRIDGE = sample_bridge()


@pytest.fixture
def token(sandbox: SandboxServer) -> str:
    """A token of a user of the sandbox."""
    return sandbox.world.add_token(sandbox.world.add_user("Anna"))


@pytest.fixture
async def project(sandbox: SandboxServer, token: str) -> Any:
    """A project with the sample bridge's first version, under a name that looks like markup."""
    user = next(user for user in sandbox.world.users.values() if user.name == "Anna")
    made = sandbox.world.create_project(user, "Мост [/] [red]r[/red]")
    await sandbox.publish(made.id, "main [/x]", BRIDGE[0].root_id, objects=BRIDGE[0].objects)
    return made


@pytest.fixture
def speckle2pg(tmp_path: Path, database_url: str, owner_url: str, sandbox: SandboxServer, token: str) -> Program:
    """The program with complete settings."""
    return Program(
        tmp_path,
        DATABASE_URL=database_url,
        MIGRATE_DATABASE_URL=owner_url,
        SPECKLE_SERVER_URL=sandbox.url,
        SPECKLE_TOKEN=token,
        SPECKLE_REQUESTS_PER_SECOND="1000",
        SHUTDOWN_TIMEOUT="5",
    )
