"""What a PostgreSQL error means for us: one pure function."""

from __future__ import annotations

import re

import psycopg
from psycopg_pool import PoolClosed, PoolTimeout

from speckle2pg.errors import ConfigurationError, DatabaseUnavailableError, FatalError, Speckle2pgError

# Classes of SQLSTATE that pass by themselves: connection, transaction rollback, resources, operator intervention,
# system error. 55P03 is a lock that was not to be had in time; 25006 a standby met in the middle of a failover;
# 25P03 and 25P04 are the server's limits on idle and long transactions.
_PASSING_CLASSES = ("08", "40", "53", "57", "58")
_PASSING_STATES = ("55P03", "55006", "25006", "25P03", "25P04")
# A wrong password, database, role or privilege, and a missing relation or column: a person has to act.
_CONFIGURATION_CLASSES = ("28", "3D", "3F")
_CONFIGURATION_STATES = ("42501", "42P01", "42703", "42883")
# Data exceptions: their text quotes the value, so it is left out.
_DATA_CLASS = "22"
# A login that fails comes without SQLSTATE, only with the server's text; a server that speaks another language is
# then taken for one that is away.
_REFUSED_LOGIN = re.compile(
    r"password authentication failed|no password supplied|authentication failed for user|"
    r"no pg_hba\.conf entry|(database|role) \".*\" (does not exist|is not permitted to log in)|"
    r"permission denied for database|is not currently accepting connections"
)


def translate(error: Exception) -> Speckle2pgError:
    """Says whether a database error is retryable, a matter of configuration, or fatal.

    Args:
        error: What psycopg or its pool raised.
    """
    text = first_line(error)
    if isinstance(error, PoolTimeout | PoolClosed):
        return DatabaseUnavailableError(f"no database connection was to be had: {text}")
    state = error.sqlstate if isinstance(error, psycopg.Error) else None
    if state is None:
        return _without_state(error, text)
    if state.startswith(_CONFIGURATION_CLASSES) or state in _CONFIGURATION_STATES:
        return _refusal(f"{text} (SQLSTATE {state})")
    if state.startswith(_PASSING_CLASSES) or state in _PASSING_STATES:
        return DatabaseUnavailableError(f"the database did not finish: {text} (SQLSTATE {state})")
    if state.startswith(_DATA_CLASS):
        text = type(error).__name__
    return FatalError(f"the database refused a statement: {text} (SQLSTATE {state})")


def _without_state(error: Exception, text: str) -> Speckle2pgError:
    if isinstance(error, psycopg.OperationalError | psycopg.InterfaceError | OSError):
        if _REFUSED_LOGIN.search(str(error)):
            return _refusal(text)
        return DatabaseUnavailableError(f"the database cannot be reached: {text}")
    return FatalError(f"the database adapter failed: {text}")


def _refusal(text: str) -> ConfigurationError:
    return ConfigurationError(f"the database refuses the daemon: {text}; try `speckle2pg doctor`")


def first_line(error: Exception) -> str:
    """The text of a database error without the server's further lines (DETAIL, CONTEXT), which quote rows."""
    primary = error.diag.message_primary if isinstance(error, psycopg.Error) else None
    return primary or (str(error).strip().splitlines() or [type(error).__name__])[0]


FOREIGN = (psycopg.Error, PoolTimeout, PoolClosed)
"""What the adapter catches and translates."""
