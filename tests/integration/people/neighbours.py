"""Two projects that must not see each other: one's own, and one all of whose texts and guids can be recognized."""

from __future__ import annotations

import re
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import psycopg

from support.front import Front, anonymous, member, user
from support.logins import as_login, run
from support.rows import BEGIN, Twin, guid

if TYPE_CHECKING:
    from collections.abc import Iterator

HOME = "home"
HIDDEN = "hidden1"
HIDDEN_NUMBER = 0xDEADBEE
HIDDEN_GUID = guid(HIDDEN_NUMBER)
MARK = re.compile("hidden|deadbee|secret", re.IGNORECASE)

Outcome: TypeAlias = tuple[str, ...]
"""What whoever asks is told: `rows` and each row as text, or `error` and each of its fields."""

RELATIONS = """
SELECT c.relname AS name, c.relkind::text AS kind
FROM pg_class AS c
WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S')
ORDER BY c.relname
"""

# What the support for single rows does not fill; %(guid)s is a part of the project, %(shared)s of both.
_ROWS = """
INSERT INTO element_history
SELECT (jsonb_populate_record(
    NULL::element_history, to_jsonb(e) || '{"element_name": "hidden former", "to_seq": 1, "from_seq": 0}')).*
FROM model_elements AS e WHERE e.project_id = 'hidden1' AND e.guid = %(guid)s;
UPDATE versions SET author = 'hidden author', message = 'hidden message' WHERE project_id = 'hidden1';
UPDATE projects SET state_reason = 'hidden reason' WHERE id = 'hidden1';
INSERT INTO purges (change_pos, project_id, model_id) VALUES (1, 'hidden1', 'hidden-m');
INSERT INTO attribute_map (project_id, name, paths) VALUES ('hidden1', 'hidden', '{hidden}');
INSERT INTO element_status (project_id, guid, status, note, updated_at)
SELECT 'hidden1', guid, 'hidden-status', 'hidden note', '2020-01-01'
FROM parts WHERE project_id = 'hidden1' AND guid <> %(shared)s;
INSERT INTO taken_over (project_id, guid, status)
VALUES ('hidden1', %(guid)s, 'hidden-old'), (NULL, %(guid)s, 'hidden-old');
"""


@dataclass(frozen=True, slots=True)
class Neighbours:
    """A database with both projects and somebody in each role.

    Attributes:
        owner_url: The owner's address.
        logins: Addresses of logins that are nobody's user: the daemon's member, and one that was granted nothing.
    """

    owner_url: str
    logins: dict[str, str]

    def fronts(self) -> dict[str, Front]:
        """Those who may not see the hidden project; carl may write in the other one."""
        return {
            "anna": user(self.owner_url, "anna"),
            "carl": user(self.owner_url, "carl", email="carl@example.org"),
            "nobody": anonymous(self.owner_url),
        }

    def strangers(self) -> dict[str, str | Front]:
        """All who may not see the hidden project: through a front end, or with a login of their own."""
        return {
            **self.fronts(),
            "authenticator": as_login(self.owner_url, "authenticator"),
            "plain": self.logins["plain"],
        }

    def everybody(self) -> dict[str, str | Front]:
        """The strangers, and the daemon's login."""
        return {**self.strangers(), "daemon": self.logins["daemon"]}

    def relations(self) -> list[tuple[str, str]]:
        """Names and kinds of all tables, views and sequences of the schema."""
        return run(self.owner_url, RELATIONS)


def settle(owner_url: str) -> None:
    """Makes the two projects and their members."""
    home = Twin(owner_url, HOME)
    home.model("m1")
    assembly = home.element(1, kind="assembly")
    home.element(2, assembly_guid=assembly, level="L1", weight_kg=10.0)
    home.element(3, attributes={"station": 1})
    home.status_values("not_started", "mounted", done="mounted")
    member(owner_url, HOME, "anna")
    member(owner_url, HOME, "carl", can_write=True)
    hidden = Twin(owner_url, HIDDEN)
    hidden.model("hidden-m", name="hidden name")
    assembly = hidden.element(
        HIDDEN_NUMBER + 2, "hidden-m", kind="assembly", element_name="hidden assembly", change_pos=2
    )
    # The same guid is in both projects, and one only in the hidden one.
    for number in (3, HIDDEN_NUMBER):
        hidden.element(
            number,
            "hidden-m",
            element_name="hidden element",
            object_id=f"hidden-object-{number}",
            level="hidden level",
            assembly_guid=assembly,
            properties={"hidden": "secret"},
        )
    # Removed since its status was set.
    gone: dict[str, Any] = {
        "removed_at": BEGIN,
        "removed_seq": 1,
        "removed_version_id": "v-hidden-m",
        "removed_reason": "absent",
    }
    hidden.element(HIDDEN_NUMBER + 1, "hidden-m", element_name="hidden element", **gone)
    hidden.status_values("hidden-status", done="hidden-status")
    member(owner_url, HIDDEN, "hidden-dora", "hidden@example.org", can_write=True)
    with psycopg.connect(owner_url, cursor_factory=psycopg.ClientCursor) as connection:
        connection.execute(_ROWS.encode(), {"guid": HIDDEN_GUID, "shared": guid(3)})
        connection.execute("ANALYZE")


def forget_hidden(owner_url: str) -> None:
    """Deletes the hidden project, as if it had never been."""
    with psycopg.connect(owner_url) as connection:
        connection.execute("SET session_replication_role = replica")
        for name, kind in run(owner_url, RELATIONS):
            if kind == "r":
                connection.execute(f"DELETE FROM {name} AS t WHERE t::text ~ 'hidden|deadbee'".encode())  # noqa: S608 (the database's own names)


class Asker:
    """Somebody's open session; nothing that is asked for lasts."""

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self.connection = connection

    def ask(self, statement: str, *parameters: Any) -> Outcome:
        """What the database shows or says."""
        try:
            with self.connection.transaction(force_rollback=True):
                cursor = self.connection.execute(statement.encode(), parameters or None)
                found = cursor.fetchall() if cursor.description else []
        except psycopg.Error as error:
            told = error.diag
            fields = (told.message_primary, told.message_detail, told.message_hint, told.context)
            return ("error", str(told.sqlstate), *(text or "" for text in fields))
        return ("rows", *sorted(str(row) for row in found))

    def refused(self, statement: str, *parameters: Any) -> str:
        """SQLSTATE of a statement that must be refused; what it gave instead where it was not."""
        outcome = self.ask(statement, *parameters)
        return outcome[1] if outcome[0] == "error" else f"{statement} gave {outcome[1:]}"


@contextmanager
def claiming(owner_url: str, claims: str, role: str = "web_user") -> Iterator[Asker]:
    """A session with claims as they are written, rolled back at the end."""
    with psycopg.connect(as_login(owner_url, "authenticator")) as connection:
        connection.execute(
            "SELECT set_config('role', %s, true), set_config('request.jwt.claims', %s, true)", (role, claims)
        )
        yield Asker(connection)
        connection.rollback()


@contextmanager
def session(who: str | Front) -> Iterator[Asker]:
    """A session of a login or of a front end's request, rolled back at the end."""
    if isinstance(who, Front):
        with psycopg.connect(as_login(who.owner_url, "authenticator")) as connection:
            who.begin(connection)
            yield Asker(connection)
            connection.rollback()
    else:
        with psycopg.connect(who) as connection:
            yield Asker(connection)
            connection.rollback()
