"""What the commands share: settings, errors in sentences, exit codes."""

from __future__ import annotations

import asyncio
import getpass
import json
import os
import sys
from contextlib import contextmanager
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any, TypeVar

from rich.console import Console

from speckle2pg.cli.signals import EXIT_INTERRUPTED, EXIT_TERMINATED, TerminatedError, terminable
from speckle2pg.errors import ConfigurationError, Speckle2pgError
from speckle2pg.logs import SecretFilter, configure_logging
from speckle2pg.settings import Settings
from speckle2pg.supervisor import LifetimeEndedError

if TYPE_CHECKING:
    from collections.abc import Coroutine, Iterator

T = TypeVar("T")

out = Console(highlight=False)
err = Console(stderr=True, soft_wrap=True)

EXIT_FAILED = 1
EXIT_CONFIGURATION = 2


def load_settings(*, quiet: bool = False, **overrides: Any) -> Settings:
    """Reads the settings and sets up logging; ends with exit code 2 and every fault named.

    Args:
        quiet: Log warnings only, for commands whose output is their answer.
        overrides: Settings that a command fixes.
    """
    with errors_in_sentences():
        settings = Settings.load(**overrides)
    level = "WARNING" if quiet and settings.log_level == "INFO" else settings.log_level
    configure_logging(format_=settings.log_format, level=level, secrets=settings.secrets())
    return settings


@contextmanager
def errors_in_sentences(settings: Settings | None = None) -> Iterator[None]:
    """Turns our errors into a sentence on stderr and an exit code: 2 for configuration, 1 for the rest."""
    clean = SecretFilter(settings.secrets() if settings else [])
    try:
        yield
    except ConfigurationError as error:
        _say(clean.text(str(error)))
        sys.exit(EXIT_CONFIGURATION)
    except LifetimeEndedError as error:
        cause = _configuration_in(error)
        _say(clean.text(str(cause or error)))
        sys.exit(EXIT_CONFIGURATION if cause else EXIT_FAILED)
    except Speckle2pgError as error:
        _say(clean.text(str(error)))
        sys.exit(EXIT_FAILED)
    except KeyboardInterrupt:
        sys.exit(EXIT_INTERRUPTED)
    except TerminatedError as error:
        sys.exit(error.exit_code)


def _configuration_in(error: BaseException) -> ConfigurationError | None:
    """A configuration error somewhere below, as when another server is found while the daemon runs."""
    cause = error.__cause__
    while cause is not None:
        if isinstance(cause, ConfigurationError):
            return cause
        if isinstance(cause, BaseExceptionGroup):
            cause = cause.exceptions[0]
            continue
        cause = cause.__cause__
    return None


def _say(text: str) -> None:
    for line in text.splitlines():
        err.print(f"speckle2pg: {line}", markup=False, highlight=False)


def run_async(
    work: Coroutine[Any, Any, T], settings: Settings | None = None, *, terminated: int = EXIT_TERMINATED
) -> T:
    """Runs a coroutine; our errors end the program with a sentence and an exit code, SIGTERM with `terminated`."""
    with errors_in_sentences(settings):
        return asyncio.run(terminable(work, terminated))


def print_json(value: Any) -> None:
    """One JSON document on stdout."""
    sys.stdout.write(json.dumps(value, default=_plain, ensure_ascii=False) + "\n")


def _plain(value: Any) -> Any:
    """Times as ISO 8601, numbers of the database as numbers, everything else as text."""
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    return str(value)


def actor() -> str:
    """Who runs the command, for `admin_log`."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"uid {os.getuid()}"
