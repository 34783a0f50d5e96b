"""Fixtures of the tests of what people build on."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from integration.people.neighbours import Neighbours, settle
from support.logins import new_login

if TYPE_CHECKING:
    from collections.abc import Iterator

    from support.databases import Cluster


@contextmanager
def _neighbours(owner_url: str) -> Iterator[Neighbours]:
    settle(owner_url)
    with new_login(owner_url, member=True) as (_, daemon), new_login(owner_url) as (_, plain):
        yield Neighbours(owner_url, {"daemon": daemon, "plain": plain})


@pytest.fixture(scope="session")
def neighbours(cluster: Cluster) -> Iterator[Neighbours]:
    """Two projects that must not see each other, for tests that leave nothing behind."""
    with cluster.database() as (owner_url, _), _neighbours(owner_url) as made:
        yield made


@pytest.fixture
def own_neighbours(owner_url: str) -> Iterator[Neighbours]:
    """The same in a database of the test's own."""
    with _neighbours(owner_url) as made:
        yield made
