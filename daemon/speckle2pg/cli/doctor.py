"""`speckle2pg doctor`: checks everything that has to be right, and says what to do about what is not."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Annotated

import typer

from speckle2pg.app import open_database
from speckle2pg.cli.common import EXIT_FAILED, load_settings, out, print_json, run_async
from speckle2pg.cli.doctor_front_ends import examine_front_ends
from speckle2pg.cli.doctor_models import examine_models
from speckle2pg.cli.findings import Findings
from speckle2pg.errors import RetryableError, Speckle2pgError, TokenRefusedError, WrongServerError
from speckle2pg.identity import check_server, stated_address
from speckle2pg.speckle.connection import MODERN, open_socket
from speckle2pg.speckle.http import SpeckleHTTP
from speckle2pg.speckle.queries import SpeckleQueries
from speckle2pg.speckle.token import TokenSource
from speckle2pg.store import migrations
from speckle2pg.store.address import open_address

if TYPE_CHECKING:
    from speckle2pg.settings import Settings
    from speckle2pg.store.database import Database, Row

_OLDEST_POSTGRES = 150000
_NEEDED_SCOPES = frozenset({"streams:read"})


def doctor(as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False) -> None:
    """Check URL, token, websocket, database, encoding and privileges; exit code 1 if anything is wrong."""
    settings = load_settings(quiet=True)
    findings = run_async(_examine(settings), settings)
    if as_json:
        print_json([{"check": what, "ok": ok, "text": text} for what, ok, text in findings.items])
    else:
        marks = {True: "[green]ok  [/]", False: "[red]FAIL[/]", None: "[yellow]note[/]"}
        for what, ok, text in findings.items:
            out.print(f"{marks[ok]} {what}: ", end="", soft_wrap=True)
            out.print(text, markup=False, highlight=False, soft_wrap=True)
    if any(ok is False for _, ok, _ in findings.items):
        raise typer.Exit(EXIT_FAILED)


async def _examine(settings: Settings) -> Findings:
    findings = Findings()
    async with AsyncExitStack() as stack:
        database = await _examine_database(settings, findings, stack)
        await _examine_speckle(settings, findings, stack, database)
        if database is not None:
            await examine_models(database, findings)
            await examine_front_ends(database, findings)
    _examine_http(settings, findings)
    return findings


async def _examine_database(settings: Settings, findings: Findings, stack: AsyncExitStack) -> Database | None:
    try:
        address = await stack.enter_async_context(open_address(settings))
        # A single connection says at once what is wrong, where a pool would go on trying.
        state = await asyncio.to_thread(migrations.inspect, address.owner_url, settings.db_schema)
        database = await stack.enter_async_context(open_database(settings, address))
        facts = await database.one("ping") or {}
        privileges = await database.one("login_privileges", schema=settings.db_schema)
    except Speckle2pgError as error:
        findings.bad("database", f"{error}; check DATABASE_URL, and that PostgreSQL runs and lets us in")
        return None
    version = facts["version"]
    where = "embedded PostgreSQL" if address.embedded else "PostgreSQL"
    if version < _OLDEST_POSTGRES:
        findings.bad("database", f"{where} {version // 10000} is too old: 15 or newer is needed")
    else:
        findings.good("database", f"{where} {version // 10000}, login {facts['login']}")
    if facts["encoding"] != "UTF8":
        findings.bad("encoding", f"the database is in {facts['encoding']}; make one with ENCODING 'UTF8'")
    else:
        findings.good("encoding", "UTF8")
    _examine_privileges(facts["login"], privileges, findings)
    return database if _examine_schema(settings, state, findings) else None


def _examine_privileges(login: str, privileges: Row | None, findings: Findings) -> None:
    if privileges is None:
        findings.note("privileges", "there are no tables yet: run `speckle2pg migrate`, then doctor again")
    elif not privileges["may_work"]:
        findings.bad(
            "privileges",
            f"login {login} may not write the daemon's tables: as their owner run GRANT speckle2pg TO {login}",
        )
    elif privileges["owns"]:
        findings.note(
            "privileges",
            f"the daemon's login {login} owns the tables, so nothing but convention keeps it out of people's tables: "
            f"set MIGRATE_DATABASE_URL to an owner and DATABASE_URL to a member of role speckle2pg",
        )
    else:
        findings.good("privileges", f"login {login} may do the daemon's work and owns none of the tables")


def _examine_schema(settings: Settings, state: migrations.SchemaState, findings: Findings) -> bool:
    try:
        state.check(settings.db_schema)
    except Speckle2pgError as error:
        findings.bad("schema", str(error))
        return False
    if state.pending:
        findings.note("schema", f"{len(state.pending)} migrations are pending: run `speckle2pg migrate`")
        return False
    findings.good("schema", f"{settings.db_schema} is up to date")
    return True


async def _examine_speckle(
    settings: Settings, findings: Findings, stack: AsyncExitStack, database: Database | None
) -> None:
    if settings.speckle_server_url is None or settings.speckle_token is None:
        findings.bad("Speckle", "SPECKLE_SERVER_URL and SPECKLE_TOKEN must be set")
        return
    token = TokenSource(settings)
    http = await stack.enter_async_context(SpeckleHTTP(settings.speckle_server_url, token.current, timeout=15))
    queries = SpeckleQueries(http)
    try:
        greeting = await queries.greeting()
    except TokenRefusedError as error:
        findings.bad("token", f"{error}; make a new one in Speckle under Profile, Developer settings")
        return
    except Speckle2pgError as error:
        # Who asks us to wait is there.
        waits = isinstance(error, RetryableError) and error.retry_after is not None
        remedy = "try again later" if waits else f"check SPECKLE_SERVER_URL ({settings.speckle_server_url})"
        findings.bad("Speckle", f"{error}; {remedy}")
        return
    if greeting.user is None:
        findings.bad("token", "Speckle takes the token for nobody's: make a new one under Profile, Developer settings")
        return
    findings.good("Speckle", f"{greeting.server.name} {greeting.server.version or ''} at {settings.speckle_server_url}")
    findings.good("token", f"accepted as {greeting.user}")
    await _examine_scopes(queries, token, findings)
    if database is not None:
        await _examine_binding(database, stated_address(greeting, http.url), http.url, findings)
    await _examine_socket(settings, token, queries, findings)


async def _examine_scopes(queries: SpeckleQueries, token: TokenSource, findings: Findings) -> None:
    try:
        scopes = await queries.token_scopes(token.current() or "")
    except Speckle2pgError as error:
        findings.note("scopes", f"the server does not tell the token's scopes: {error}")
        return
    if not scopes:
        findings.note("scopes", "the server lists no such token, so its scopes are unknown")
        return
    missing = _NEEDED_SCOPES - scopes
    if missing:
        findings.bad("scopes", f"the token lacks {', '.join(sorted(missing))}: make one with these scopes")
    else:
        findings.good("scopes", ", ".join(sorted(scopes)))


async def _examine_binding(database: Database, address: str, reached_by: str, findings: Findings) -> None:
    try:
        bound = await check_server(database, address, reached_by)
    except WrongServerError as error:
        findings.bad("server", str(error))
    except Speckle2pgError as error:
        findings.note("server", str(error))
    else:
        text = "this database belongs to this server" if bound else "this database belongs to no server yet"
        findings.good("server", text)


async def _examine_socket(settings: Settings, token: TokenSource, queries: SpeckleQueries, findings: Findings) -> None:
    try:
        fields = await queries.subscription_fields()
        async with open_socket(settings.speckle_server_url or "", token.current, fields) as socket:
            await socket.fence()
    except Speckle2pgError as error:
        findings.bad("websocket", f"{error}; a proxy in between must pass `Upgrade: websocket` on /graphql")
        return
    kind = "projectVersionsUpdated" if not fields or fields >= MODERN else "commitCreated (an older server)"
    findings.good("websocket", f"open, by {kind}")


def _examine_http(settings: Settings, findings: Findings) -> None:
    if settings.admin_token is None:
        findings.note("http", "ADMIN_TOKEN is not set: POST /sync, POST /projects and /health answer 503")
    if settings.use_webhook and settings.public_url is None:
        findings.note("webhook", "PUBLIC_URL is not set: no webhooks; subscriptions and reconciliation do the work")
