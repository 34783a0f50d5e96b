"""A front end behind PostgREST: each request one transaction, begun as PostgREST begins it."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import psycopg
from psycopg.rows import dict_row

from support.logins import as_login

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Front:
    """Requests with one token, or without.

    PostgREST logs in as authenticator, takes the role of the token (or the anonymous one) and the claims for the
    transaction: https://docs.postgrest.org/en/v12/references/transactions.html

    Attributes:
        owner_url: The owner's address of the database.
        role: The role that the token names.
        claims: The other claims.
        schema: The schema that PostgREST serves.
    """

    owner_url: str
    role: str = "web_anon"
    claims: Row = field(default_factory=dict)
    schema: str = "public"

    def rows(self, query: str, *parameters: Any) -> list[Row]:
        """One request that is committed."""
        with self._connection() as connection:
            return self._run(connection, query, parameters)

    def value(self, query: str, *parameters: Any) -> Any:
        """The only value of a request's only row."""
        (row,) = self.rows(query, *parameters)
        (value,) = row.values()
        return value

    def _connection(self) -> AbstractContextManager[psycopg.Connection[Row]]:
        url = as_login(self.owner_url, "authenticator")
        return psycopg.connect(url, row_factory=dict_row, options="-c lock_timeout=30s")

    def begin(self, connection: psycopg.Connection[Any]) -> None:
        """What a request's transaction begins with."""
        claims = json.dumps({"role": self.role, **self.claims})
        begin = (
            "SELECT set_config('search_path', %s, true), set_config('role', %s, true),"
            " set_config('request.jwt.claims', %s, true)"
        )
        connection.execute(begin, (f'"{self.schema}"', self.role, claims))

    def _run(self, connection: psycopg.Connection[Row], query: str, parameters: tuple[Any, ...]) -> list[Row]:
        self.begin(connection)
        cursor = connection.execute(query.encode(), parameters or None)
        return cursor.fetchall() if cursor.description else []


def user(owner_url: str, name: str, **claims: Any) -> Front:
    """A person whose token names web_user."""
    return Front(owner_url, "web_user", {"sub": name, **claims})


def anonymous(owner_url: str) -> Front:
    """Somebody without a token."""
    return Front(owner_url)


def refused(front: Front, query: str, *parameters: Any) -> psycopg.errors.Diagnostic:
    """What the database says of a request that it must refuse."""
    try:
        found = front.rows(query, *parameters)
    except psycopg.Error as error:
        return error.diag
    raise AssertionError(f"not refused: {query} gave {found}")


def member(owner_url: str, project_id: str, *subjects: str, can_write: bool = False) -> None:
    """Lets subjects into a project."""
    with psycopg.connect(owner_url) as connection:
        connection.cursor().executemany(
            "INSERT INTO project_members (project_id, subject, can_write) VALUES (%s, %s, %s)",
            [(project_id, subject, can_write) for subject in subjects],
        )
