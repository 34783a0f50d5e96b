"""Users and tokens of the sandbox, and the making of ids and times."""

from __future__ import annotations

import hashlib
import itertools
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from speckle2pg.sandbox.entities import ALL_SCOPES, Token, User

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

ID_LENGTH = 10
TOKEN_LENGTH = 42


def to_milliseconds(moment: datetime) -> datetime:
    """The moment in UTC without what is finer than a millisecond."""
    moment = moment.astimezone(UTC)
    return moment - timedelta(microseconds=moment.microsecond % 1000)


class Accounts:
    """The people of a server, their tokens, and its supply of ids and times.

    Args:
        seed: Servers with the same seed hand out the same ids, so that tests repeat exactly.
        clock: Gives the present time; replaceable so that tests choose it.
    """

    def __init__(self, *, seed: str = "sandbox", clock: Callable[[], datetime] | None = None) -> None:
        self.users: dict[str, User] = {}
        self.tokens: dict[str, Token] = {}
        self.clock = clock or (lambda: datetime.now(UTC))
        self._seed = seed
        self._numbers = itertools.count(1)

    def now(self) -> datetime:
        """The present time, cut to milliseconds."""
        return to_milliseconds(self.clock())

    def new_id(self, length: int = ID_LENGTH) -> str:
        """An id nobody has: hexadecimal digits, as the real server's."""
        return hashlib.sha256(f"{self._seed}/{next(self._numbers)}".encode()).hexdigest()[:length]

    def add_user(self, name: str, *, email: str | None = None, role: str = "server:user") -> User:
        """Opens an account. `role` is the server role, such as `server:admin`."""
        user_id = self.new_id()
        user = User(user_id, name, email or f"{user_id}@example.org", self.now(), role)
        self.users[user.id] = user
        return user

    def add_token(self, user: User, *, scopes: Iterable[str] = ALL_SCOPES) -> str:
        """Makes a personal access token with these scopes and returns its text."""
        token = Token(self.new_id(TOKEN_LENGTH), user.id, tuple(scopes))
        self.tokens[token.value] = token
        return token.value

    def revoke_token(self, value: str) -> None:
        """Makes a token invalid: HTTP answers 403, open websockets go on delivering."""
        self.tokens[value].revoked = True

    def valid_token(self, value: str) -> Token | None:
        """The token with this text unless it is unknown or revoked."""
        token = self.tokens.get(value)
        return None if token is None or token.revoked else token
