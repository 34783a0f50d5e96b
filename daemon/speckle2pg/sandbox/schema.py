"""The GraphQL schema of the sandbox: the shipped SDL with its resolvers."""

from __future__ import annotations

from datetime import datetime
from importlib import resources
from typing import TYPE_CHECKING, Any

from graphql import (
    GraphQLObjectType,
    GraphQLScalarType,
    GraphQLSchema,
    build_schema,
)

from speckle2pg.sandbox.records import timestamp
from speckle2pg.sandbox.resolvers import changes, hooks, listening, projects, versions

if TYPE_CHECKING:
    from collections.abc import Mapping


def make_schema(*, older: bool = False) -> GraphQLSchema:
    """The schema of a server.

    Args:
        older: Leave out the subscriptions that came with the project API, so that asking for them is a
            validation error as on an older server.
    """
    sdl = resources.files("speckle2pg.sandbox").joinpath("schema.graphql").read_text(encoding="utf-8")
    schema = build_schema(sdl)
    for table in (projects.RESOLVERS, versions.RESOLVERS, changes.RESOLVERS, hooks.RESOLVERS):
        _attach(schema, table)
    _attach_subscriptions(_object_type(schema, "Subscription"), older=older)
    scalar = schema.type_map["DateTime"]
    if isinstance(scalar, GraphQLScalarType):
        # Scalars of an SDL get their functions afterwards.
        scalar.coerce_output_value = _time_text
    return schema


def _attach(schema: GraphQLSchema, table: Mapping[str, Mapping[str, Any]]) -> None:
    for type_name, resolvers in table.items():
        fields = _object_type(schema, type_name).fields
        for name, resolver in resolvers.items():
            fields[name].resolve = resolver


def _attach_subscriptions(subscription: GraphQLObjectType, *, older: bool) -> None:
    for name, field in tuple(subscription.fields.items()):
        if older and name in listening.NEWER_FIELDS:
            del subscription.fields[name]
            continue
        field.resolve = listening.deliver
        field.subscribe = listening.listen if name in listening.ARGUMENTS else listening.listen_to_user
    del subscription.fields["_"]


def _object_type(schema: GraphQLSchema, name: str) -> GraphQLObjectType:
    found = schema.type_map[name]
    if not isinstance(found, GraphQLObjectType):
        raise TypeError(f"{name} is not an object type of the sandbox's schema.")
    return found


def _time_text(value: Any) -> str:
    return timestamp(value) if isinstance(value, datetime) else str(value)
