"""Stands in for PostgREST where there is none: answers the requests that front ends make, by SQL as its roles.

What it knows of the real one: filters, select, order and limit of GET, functions by GET (read only) and POST with named
arguments, tokens, and the HTTP status of an error.
https://docs.postgrest.org/en/v12/references/api/tables_views.html
https://docs.postgrest.org/en/v12/references/errors.html
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
import re
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import psycopg
from aiohttp import web
from psycopg import sql

from support.front import Front

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable
    from pathlib import Path

SECRET = "a secret of the tests, 32 characters"
_OPERATORS = {"eq": "=", "neq": "<>", "gt": ">", "gte": ">=", "lt": "<", "lte": "<=", "like": "LIKE", "cs": "@>"}
_ARGUMENTS = """
SELECT a.name FROM pg_proc AS p, unnest(p.proargnames, p.proargmodes) AS a (name, mode)
WHERE p.pronamespace = %s::regnamespace AND p.proname = %s AND COALESCE(a.mode, 'i') IN ('i', 'b')
"""
_STATUSES = {"23503": 409, "23505": 409, "28000": 403, "42883": 404, "42P01": 404}

Pairs = list[tuple[str, str]]


def token(name: str, *, secret: str = SECRET, role: str = "web_user", **claims: Any) -> str:
    """A token of a person, signed with HS256."""
    parts = [{"alg": "HS256", "typ": "JWT"}, {"role": role, "sub": name, **claims}]
    signed = ".".join(_encoded(json.dumps(part).encode()) for part in parts)
    return f"{signed}.{_signature(signed, secret)}"


def _encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def _signature(signed: str, secret: str) -> str:
    return _encoded(hmac.digest(secret.encode(), signed.encode(), hashlib.sha256))


@dataclass(frozen=True, slots=True)
class StandIn:
    """The requests of one server.

    Attributes:
        owner_url: The owner's address of the database; requests log in as authenticator.
        schema: The schema that is served.
    """

    owner_url: str
    schema: str = "public"

    async def read(self, request: web.Request) -> web.Response:
        """GET of a table, a view or a function."""
        return await asyncio.to_thread(self._answer, request, None)

    async def call(self, request: web.Request) -> web.Response:
        """POST to a function."""
        return await asyncio.to_thread(self._answer, request, await request.json())

    def _answer(self, request: web.Request, body: dict[str, Any] | None) -> web.Response:
        given = request.headers.get("Authorization", "")
        try:
            front = self._front(given)
            pairs = [(name, value) for name, value in request.query.items()]
            name = request.match_info["name"]
            source, filters = self._source(front, name, pairs, body, is_rpc="/rpc/" in request.path)
            query = sql.SQL("SELECT COALESCE(json_agg(r), '[]')::text AS answer FROM ({}) AS r").format(
                _selection(source, filters)
            )
            with front._connection() as connection:
                if body is None:
                    front._run(connection, "SET TRANSACTION READ ONLY", ())
                rows = front._run(connection, query.as_string(connection), ())
        except PermissionError as error:
            return web.json_response({"code": "PGRST301", "message": str(error)}, status=401)
        except psycopg.Error as error:
            return _refusal(error, is_known=bool(given))
        return web.Response(text=rows[0]["answer"], content_type="application/json")

    def _front(self, given: str) -> Front:
        if not given:
            return Front(self.owner_url, schema=self.schema)
        signed, _, signature = given.removeprefix("Bearer ").rpartition(".")
        if not hmac.compare_digest(signature, _signature(signed, SECRET)):
            raise PermissionError("JWSError JWSInvalidSignature")
        text = signed.split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
        return Front(self.owner_url, claims.pop("role", "web_anon"), claims, self.schema)

    def _source(
        self, front: Front, name: str, pairs: Pairs, body: dict[str, Any] | None, *, is_rpc: bool
    ) -> tuple[sql.Composed, Pairs]:
        place = sql.Identifier(self.schema, name)
        if not is_rpc:
            return sql.Composed([place]), pairs
        known = {row["name"] for row in front.rows(_ARGUMENTS, self.schema, name)}
        arguments = [(key, _argument(value)) for key, value in (body or {}).items()]
        arguments += [pair for pair in pairs if pair[0] in known]
        given = [sql.SQL("{} => {}").format(sql.Identifier(key), sql.Literal(value)) for key, value in arguments]
        source = sql.SQL("{}({})").format(place, sql.SQL(", ").join(given))
        return source, [pair for pair in pairs if pair[0] not in known]


def _argument(value: Any) -> str | None:
    return value if value is None or isinstance(value, str) else json.dumps(value)


def _selection(source: sql.Composed, pairs: Pairs) -> sql.Composed:
    asked = dict(pairs)
    columns = asked.get("select", "*").split(",")
    filters = [_filter(name, value) for name, value in pairs if name not in {"select", "order", "limit"}]
    groups = [_column(name) for name in columns if not name.endswith("()")]
    is_grouped = len(groups) < len(columns)
    parts = [sql.SQL("SELECT {} FROM {} AS t").format(_listed(_column(name) for name in columns), source)]
    if filters:
        parts.append(sql.SQL("WHERE {}").format(sql.SQL(" AND ").join(filters)))
    if is_grouped and groups:
        parts.append(sql.SQL("GROUP BY {}").format(_listed(groups)))
    if "order" in asked:
        parts.append(sql.SQL("ORDER BY {}").format(_listed(map(_ordering, asked["order"].split(",")))))
    if "limit" in asked:
        parts.append(sql.SQL("LIMIT {}").format(sql.Literal(int(asked["limit"]))))
    return sql.SQL(" ").join(parts)


def _listed(items: Iterable[sql.Composable]) -> sql.Composed:
    return sql.SQL(", ").join(items)


def _column(name: str) -> sql.Composable:
    if name == "*":
        return sql.SQL("*")
    if name == "count()":
        return sql.SQL("count(*)")
    if found := re.fullmatch(r"(\w+)\.(sum|avg|min|max)\(\)", name):
        return sql.SQL("{}({}) AS {}").format(sql.SQL(found[2]), sql.Identifier(found[1]), sql.Identifier(found[2]))
    column, *steps = re.split(r"(->>?)", name)
    parts: list[sql.Composable] = [sql.Identifier(column)]
    for arrow, key in zip(steps[::2], steps[1::2], strict=True):
        parts += [sql.SQL(arrow), sql.Literal(key)]
    return sql.SQL("").join(parts)


def _ordering(text: str) -> sql.Composable:
    name, *words = text.split(".")
    # Fails on any other word.
    suffixes = {"asc": "ASC", "desc": "DESC", "nullsfirst": "NULLS FIRST", "nullslast": "NULLS LAST"}
    return sql.SQL(" ").join([_column(name), *(sql.SQL(suffixes[word]) for word in words)])


def _filter(name: str, text: str) -> sql.Composed:
    operator, _, value = text.partition(".")
    column = _column(name)
    if operator == "is":
        return sql.SQL("{} IS {}").format(column, sql.SQL({"null": "NULL", "true": "TRUE", "false": "FALSE"}[value]))
    if operator == "in":
        items = [sql.Literal(item) for item in value.strip("()").split(",")]
        return sql.SQL("{} IN ({})").format(column, sql.SQL(", ").join(items))
    return sql.SQL("{} {} {}").format(column, sql.SQL(_OPERATORS[operator]), sql.Literal(value))


def _refusal(error: psycopg.Error, *, is_known: bool) -> web.Response:
    said, code = error.diag, error.diag.sqlstate or ""
    if code.startswith("PT"):
        status = int(code[2:])
    elif code == "42501":
        status = 403 if is_known else 401
    else:
        status = _STATUSES.get(code, 400)
    body = {"code": code, "message": said.message_primary, "details": said.message_detail, "hint": said.message_hint}
    return web.json_response(body, status=status)


@asynccontextmanager
async def serving(owner_url: str, page: Path) -> AsyncIterator[str]:
    """Serves a page at the address it gives, and the database below it at `/api`."""
    stand_in = StandIn(owner_url)
    app = web.Application()
    app.router.add_post("/api/rpc/{name}", stand_in.call)
    app.router.add_get("/api/rpc/{name}", stand_in.read)
    app.router.add_get("/api/{name}", stand_in.read)
    app.router.add_static("/", page)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        host, port = runner.addresses[0][:2]
        yield f"http://{host}:{port}"
    finally:
        await runner.cleanup()
