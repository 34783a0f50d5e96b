"""`POST /graphql`: single requests and JSON-array batches."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from speckle2pg.sandbox.context import Context
from speckle2pg.sandbox.errors import UserInputError
from speckle2pg.sandbox.execution import encoded, refused
from speckle2pg.sandbox.wire import JSON, Reply

if TYPE_CHECKING:
    from speckle2pg.sandbox.actions import Actions
    from speckle2pg.sandbox.counts import Counts
    from speckle2pg.sandbox.execution import Executor
    from speckle2pg.sandbox.front import Call

FORGERY_GUARD = (
    "This operation has been blocked as a potential Cross-Site Request Forgery (CSRF). "
    "Please send the request with the content type application/json."
)


@dataclass(slots=True)
class GraphQLEndpoint:
    """Answers GraphQL over HTTP."""

    actions: Actions
    executor: Executor
    counts: Counts

    async def __call__(self, call: Call) -> Reply:
        """Answers a request or a batch; a batch's status is the worst of its entries'."""
        if call.request.content_type != "application/json":
            return Reply(400, encoded(refused(FORGERY_GUARD)), JSON)
        try:
            body = json.loads(call.body)
        except ValueError as error:
            raise UserInputError(f"Invalid request body: {error}") from error
        context = Context(self.actions.site, self.actions, call.viewer)
        if not isinstance(body, list):
            status, answer = self._one(body, context)
            return Reply(status, encoded(answer), JSON)
        if not body:
            return Reply(400, encoded(refused("No operations found in request.")), JSON)
        answers = [self._one(entry, context) for entry in body]
        status = max(status for status, _ in answers)
        return Reply(status, b"[" + b",".join(encoded(answer) for _, answer in answers) + b"]", JSON)

    def _one(self, body: Any, context: Context) -> tuple[int, dict[str, Any]]:
        name = body.get("operationName") if isinstance(body, dict) else None
        self.counts.operations[name or ""] += 1
        return self.executor.request(body, context)
