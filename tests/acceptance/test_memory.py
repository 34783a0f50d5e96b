"""Memory is flat: what a sync holds grows with the skeleton of a model, not with its properties."""

from __future__ import annotations

import asyncio
import os
import sys
from typing import TYPE_CHECKING

import pytest

from support.graphs import storeys_of_beams
from support.oracle import rows

if TYPE_CHECKING:
    from speckle2pg.sandbox import SandboxServer
    from support.databases import Cluster

_SMALL, _LARGE = 2_000, 30_000
_MEASURE = (
    "import os, sys; pid = os.spawnv(os.P_NOWAIT, sys.argv[1], sys.argv[1:]); print(os.wait4(pid, 0)[2].ru_maxrss)"
)
_SKELETON_BYTES = 1_500
"""What a further element may cost at the peak, bytes; its properties alone are six times that."""


@pytest.mark.slow
async def test_peak_memory_grows_by_the_skeleton_and_not_by_the_properties(
    cluster: Cluster, sandbox: SandboxServer
) -> None:
    peaks = [await _peak_of_a_sync(cluster, sandbox, count) for count in (_SMALL, _LARGE)]
    assert (peaks[1] - peaks[0]) * 1024 < (_LARGE - _SMALL) * _SKELETON_BYTES, peaks


async def _peak_of_a_sync(cluster: Cluster, sandbox: SandboxServer, count: int) -> int:
    """Peak resident memory of `speckle2pg sync` in a process of its own, KiB."""
    graph = storeys_of_beams(count, values=200)
    user = sandbox.world.add_user(f"user of {count}")
    project = sandbox.world.create_project(user, "large")
    model = sandbox.world.create_model(project.id, "beams")
    await sandbox.publish(project.id, model.id, graph.root, objects=graph.objects)
    with cluster.database() as (owner_url, url):
        rows(owner_url, "INSERT INTO projects (id) VALUES (%s) RETURNING id", project.id)
        environment = {
            **os.environ,
            "SPECKLE_SERVER_URL": sandbox.url,
            "SPECKLE_TOKEN": sandbox.world.add_token(user),
            "DATABASE_URL": url,
            "MIGRATE_DATABASE_URL": owner_url,
        }
        arguments = ["-c", _MEASURE, sys.executable, "-m", "speckle2pg", "sync", project.id]
        process = await asyncio.create_subprocess_exec(
            sys.executable, *arguments, env=environment, stdout=asyncio.subprocess.PIPE
        )
        output, _ = await process.communicate()
        present = rows(owner_url, "SELECT element_count FROM models")
    assert [row["element_count"] for row in present] == [count]
    return int(output.split()[-1])
