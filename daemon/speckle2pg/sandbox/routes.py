"""Which path leads to which endpoint, and the names of the endpoints in the counters."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from speckle2pg.sandbox.front import Call, Front, not_found_reply
from speckle2pg.sandbox.objects_http import ObjectReading
from speckle2pg.sandbox.uploads_http import ObjectWriting

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from aiohttp import web

    from speckle2pg.sandbox.bundles import Bundles
    from speckle2pg.sandbox.graphql_http import GraphQLEndpoint
    from speckle2pg.sandbox.socket_pool import SocketPool
    from speckle2pg.sandbox.wire import Reply

GRAPHQL = "POST /graphql"
OBJECT_STREAM = "POST /api/v2/projects/:p/object-stream"
GET_OBJECTS = "POST /api/getobjects/:s"
SINGLE_OBJECT = "GET /objects/:s/:o/single"
OBJECT_TREE = "GET /objects/:s/:o"
UPLOAD = "POST /objects/:s"
DIFF = "POST /api/diff/:s"
ARTIFACTS = "GET /api/v2/projects/:p/models/:m/versions/:v/artifacts"
STORAGE = "GET /storage/:signature/:name"
NOT_FOUND = "not found"


@dataclass(slots=True)
class Routes:
    """The server's paths. Without `object_stream` or `bundles` theirs answer 404 HTML like unknown ones."""

    front: Front
    graphql: GraphQLEndpoint
    sockets: SocketPool
    bundles: Bundles | None = None
    object_stream: bool = True

    def add_to(self, application: web.Application) -> None:
        """Puts the routes into an application."""
        world = self.front.site.world
        reading = ObjectReading(world, self.front.counts, bundles=self.bundles is not None)
        writing = ObjectWriting(world)
        application.router.add_get("/graphql", self.sockets.serve)
        self._add(application, GRAPHQL, "/graphql", self.graphql)
        if self.object_stream:
            self._add(application, OBJECT_STREAM, "/api/v2/projects/{project_id}/object-stream", reading.stream)
        self._add(application, GET_OBJECTS, "/api/getobjects/{project_id}", reading.by_list)
        self._add(application, DIFF, "/api/diff/{project_id}", writing.diff)
        self._add(application, UPLOAD, "/objects/{project_id}", writing.upload)
        self._add(application, SINGLE_OBJECT, "/objects/{project_id}/{object_id}/single", reading.single)
        self._add(application, OBJECT_TREE, "/objects/{project_id}/{object_id}", reading.tree)
        if self.bundles is not None:
            place = "/api/v2/projects/{project_id}/models/{model_id}/versions/{version_id}/artifacts"
            self._add(application, ARTIFACTS, place, self.bundles.list_files)
            self._add(application, STORAGE, "/storage/{signature}/{name}", self.bundles.download)
        application.router.add_route("*", "/{tail:.*}", self._handler(NOT_FOUND, _not_found))

    def _add(
        self,
        application: web.Application,
        label: str,
        path: str,
        endpoint: Callable[[Call], Awaitable[Reply]],
    ) -> None:
        method = label.partition(" ")[0]
        application.router.add_route(method, path, self._handler(label, endpoint))

    def _handler(
        self, label: str, endpoint: Callable[[Call], Awaitable[Reply]]
    ) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        async def handle(request: web.Request) -> web.StreamResponse:
            return await self.front.serve(request, label, endpoint)

        return handle


async def _not_found(call: Call) -> Reply:
    return not_found_reply(call.request)
