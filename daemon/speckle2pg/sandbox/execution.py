"""Running GraphQL requests: parsing, validating, executing, and the form of their errors."""

from __future__ import annotations

import json
from inspect import isawaitable
from typing import TYPE_CHECKING, Any

from graphql import (
    DocumentNode,
    ExecutionResult,
    GraphQLError,
    GraphQLSyntaxError,
    OperationType,
    execute,
    get_operation_ast,
    parse,
    subscribe,
    validate,
)

from speckle2pg.sandbox.errors import SpeckleError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from graphql import GraphQLSchema

    from speckle2pg.sandbox.context import Context

KEPT_DOCUMENTS = 500
BAD_REQUEST = 400
OK = 200
NO_BODY = "POST body missing, invalid Content-Type, or JSON object has no keys."
NO_OPERATION = "GraphQL operations must contain a non-empty `query` or a `persistedQuery` extension."


class Executor:
    """Runs requests against one schema and keeps the documents that it has validated."""

    def __init__(self, schema: GraphQLSchema) -> None:
        self._schema = schema
        self._documents: dict[str, tuple[DocumentNode, list[GraphQLError]]] = {}

    def document(self, query: str) -> tuple[DocumentNode, list[GraphQLError]]:
        """The parsed query and its validation errors; `GraphQLSyntaxError` where it cannot be parsed."""
        if query not in self._documents:
            if len(self._documents) >= KEPT_DOCUMENTS:
                self._documents.clear()
            parsed = parse(query)
            self._documents[query] = (parsed, validate(self._schema, parsed))
        return self._documents[query]

    def request(self, body: Any, context: Context) -> tuple[int, dict[str, Any]]:
        """Answers one request over HTTP.

        Args:
            body: The decoded JSON: `query`, `variables`, `operationName`.
            context: Who is asking, and of which server.

        Returns:
            The HTTP status and the answer. Only requests that were never executed are 400.
        """
        if not isinstance(body, dict) or not isinstance(body.get("query"), str):
            return BAD_REQUEST, refused(NO_OPERATION if body else NO_BODY)
        try:
            document, faults = self.document(body["query"])
        except GraphQLSyntaxError as error:
            return BAD_REQUEST, {"errors": [shown_error(error, "GRAPHQL_PARSE_FAILED")]}
        if faults:
            return BAD_REQUEST, {"errors": [shown_error(fault, "GRAPHQL_VALIDATION_FAILED") for fault in faults]}
        result = self.execute(document, body, context)
        if any(error.path is None for error in result.errors or ()):
            return BAD_REQUEST, {"errors": [shown_error(error, _code(error)) for error in result.errors or ()]}
        return OK, shown(result)

    def execute(self, document: DocumentNode, body: dict[str, Any], context: Context) -> ExecutionResult:
        """Executes a validated query or mutation; all resolvers of the sandbox are synchronous."""
        result = execute(
            self._schema,
            document,
            context_value=context,
            variable_values=body.get("variables") or {},
            operation_name=body.get("operationName"),
        )
        if not isinstance(result, ExecutionResult):
            raise TypeError("A resolver of the sandbox is asynchronous.")
        return result

    async def subscribe(
        self, document: DocumentNode, body: dict[str, Any], context: Context
    ) -> AsyncIterator[ExecutionResult] | ExecutionResult:
        """Starts a validated subscription; it is in place when this returns."""
        result = subscribe(
            self._schema,
            document,
            context_value=context,
            variable_values=body.get("variables") or {},
            operation_name=body.get("operationName"),
        )
        return await result if isawaitable(result) else result

    @staticmethod
    def is_subscription(document: DocumentNode, operation_name: str | None) -> bool:
        """Whether the chosen operation of the document is a subscription."""
        operation = get_operation_ast(document, operation_name)
        return operation is not None and operation.operation is OperationType.SUBSCRIPTION


def refused(message: str) -> dict[str, Any]:
    """The answer to a request that is not even read."""
    return {"errors": [{"message": message, "extensions": {"code": "BAD_REQUEST"}}]}


def shown(result: ExecutionResult) -> dict[str, Any]:
    """A result as Apollo writes it: the errors, where there are any, before the data."""
    if not result.errors:
        return {"data": result.data}
    return {"errors": [shown_error(error) for error in result.errors], "data": result.data}


def shown_error(error: GraphQLError, code: str = "INTERNAL_SERVER_ERROR") -> dict[str, Any]:
    """An error with `extensions.code`, and `statusCode` where it is one of Speckle's own."""
    original = error.original_error
    extensions = original.extensions if isinstance(original, SpeckleError) else {"code": code}
    return {**plain_error(error), "extensions": extensions}


def plain_error(error: GraphQLError) -> dict[str, Any]:
    """An error without extensions, names in double quotes as GraphQL's JavaScript has them."""
    shown_fields = {name: value for name, value in error.formatted.items() if name != "extensions"}
    if not isinstance(error.original_error, SpeckleError):
        shown_fields["message"] = error.message.replace("'", '"')
    return shown_fields


def encoded(answer: Any) -> bytes:
    """The answer as JSON in UTF-8, a line end behind it as Apollo has it."""
    return json.dumps(answer, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


def _code(error: GraphQLError) -> str:
    """The code of what stopped a request before its execution."""
    chosen = error.message.startswith(("Must provide operation name", "Unknown operation named"))
    return "OPERATION_RESOLUTION_FAILURE" if chosen else "BAD_USER_INPUT"
