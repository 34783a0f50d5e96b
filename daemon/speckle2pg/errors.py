"""The exceptions of speckle2pg, and what each asks of its reader.

    Speckle2pgError
     +-- ConfigurationError      a person has to change settings or the database; `run` ends with exit code 2
     |    +-- WrongServerError   the schema belongs to another Speckle server
     |    +-- SchemaError        the schema is not ours, or newer than this program
     +-- RetryableError          the same attempt can succeed later
     |    +-- TokenRefusedError  Speckle does not accept the token; retried slowly
     |    +-- IncompleteError    objects that a version refers to did not come back
     |    +-- StalePlanError     somebody else changed the model since it was planned
     |    +-- DatabaseUnavailableError
     +-- FatalError              the same attempt can never succeed
     +-- HeldError               a version would remove too much: a person decides
     +-- GoneError               the server does not know the project or object (any more)
     +-- UnreadableError         the token may not read the project
     +-- RequestError            what a person or program asked for cannot be done; says why
          +-- UnknownProjectError, NotReadableError, NotNewestError
          +-- UnknownVersionError, WrongStateError

Foreign exceptions stop at their adapter: `speckle/` and `store/` raise these `from` them. A message says what
happened, to what, and what to do.
"""

from __future__ import annotations


class Speckle2pgError(Exception):
    """Base of all exceptions that speckle2pg raises on purpose."""


class ConfigurationError(Speckle2pgError):
    """A person has to change settings, privileges or the database before the program can run."""


class WrongServerError(ConfigurationError):
    """The database schema belongs to another Speckle server than the one that was reached."""


class SchemaError(ConfigurationError):
    """The database schema cannot be used or migrated as it is."""


class RetryableError(Speckle2pgError):
    """The same attempt can succeed later.

    Args:
        message: What happened, to what.
        retry_after: Seconds that the server asks to wait, if it does.
    """

    def __init__(self, message: str, *, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class TokenRefusedError(RetryableError):
    """Speckle does not accept the token."""


class IncompleteError(RetryableError):
    """Objects that a version refers to did not come back from the server, or came back unreadable."""


class StalePlanError(RetryableError):
    """The model is no longer in the state that a load was planned from; nothing was written."""


class DatabaseUnavailableError(RetryableError):
    """PostgreSQL cannot be reached, or ended the transaction for reasons that pass."""


class FatalError(Speckle2pgError):
    """The same attempt can never succeed."""


class HeldError(Speckle2pgError):
    """A version would remove too much; it waits for a person, and nothing was written."""


class GoneError(Speckle2pgError):
    """The server does not know the project, model or object."""


class UnreadableError(Speckle2pgError):
    """The server knows the project but the token may not read it."""


class RequestError(Speckle2pgError):
    """What a person or a program asked for cannot be done."""


class UnknownProjectError(RequestError):
    """The project is not registered, or it is paused."""


class NotReadableError(RequestError):
    """The project cannot be read on the server."""


class NotNewestError(RequestError):
    """The object asked for is not what any model's newest version shows."""


class UnknownVersionError(RequestError):
    """No version of this id is on record, or several projects have one."""


class WrongStateError(RequestError):
    """The version is in a state in which this cannot be decided."""
