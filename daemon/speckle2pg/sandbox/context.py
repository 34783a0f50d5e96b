"""What every request of the sandbox needs to know about its server."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

from graphql import GraphQLResolveInfo

from speckle2pg.sandbox.access import ANONYMOUS, Viewer
from speckle2pg.sandbox.events import Hub, Listener

if TYPE_CHECKING:
    from speckle2pg.sandbox.actions import Actions
    from speckle2pg.sandbox.world import World

VERSION = "2.31.14"
OLDER_VERSION = "2.10.0"


@dataclass(slots=True)
class Site:
    """One server: its content, its events, and how it calls itself.

    Attributes:
        world: The content.
        hub: Where events go to the sockets.
        canonical_url: The address the server states, which may differ from the one it is reached by.
        address: The address it listens at.
        name: The server's name.
        version: Its version, as `serverInfo` tells it.
    """

    world: World
    hub: Hub = field(default_factory=Hub)
    canonical_url: str = ""
    address: str = ""
    name: str = "Sandbox Speckle Server"
    version: str = VERSION


@dataclass(frozen=True, slots=True)
class Context:
    """What GraphQL resolvers get: the site, how to change it, and who is asking.

    Attributes:
        opened: The listeners that a subscription has started, for whoever is to end them.
    """

    site: Site
    actions: Actions
    viewer: Viewer = ANONYMOUS
    opened: list[Listener] = field(default_factory=list)

    @property
    def world(self) -> World:
        """The site's content."""
        return self.site.world


Info: TypeAlias = GraphQLResolveInfo[Context]
