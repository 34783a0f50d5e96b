"""`speckle2pg run`."""

from __future__ import annotations

import asyncio
from typing import Any

import structlog

from speckle2pg.app import require_speckle, run_daemon
from speckle2pg.cli.common import errors_in_sentences, load_settings, run_async
from speckle2pg.errors import ConfigurationError, DatabaseUnavailableError
from speckle2pg.settings import Settings

log = structlog.get_logger()

_DATABASE_RETRY = 5.0
"""Seconds between tries to reach a database that is not there yet, as when everything starts at once."""

_RIGHT = {"speckle_server_url": "http://127.0.0.1", "speckle_token": "token"}


def run() -> None:
    """Run the daemon: follow every registered project until it is stopped."""
    with errors_in_sentences():
        _check_all_settings()
    settings = load_settings()
    # Stopped even before anything ran, the daemon has ended as it was asked to: 0.
    run_async(_run(settings), settings, terminated=0)


async def _run(settings: Settings) -> None:
    while True:
        try:
            await run_daemon(settings)
        except DatabaseUnavailableError as error:
            log.warning("the database is away; trying again", reason=str(error), seconds=_DATABASE_RETRY)
            await asyncio.sleep(_DATABASE_RETRY)
        else:
            return


def _check_all_settings() -> None:
    """Finds every fault at once, those that hide behind others included.

    Raises:
        ConfigurationError: One line per fault.
    """
    faults: list[str] = []
    instead: dict[str, Any] = {}
    while True:
        try:
            require_speckle(Settings.load(**instead))
        except ConfigurationError as error:
            lines = str(error).splitlines()
            names = {line.partition(":")[0].lower() for line in lines} & set(Settings.model_fields)
            faults += lines
            if names - instead.keys():
                # With something right in the place of what is wrong, the rest can be judged.
                instead |= {name: _something_right(name) for name in names}
                continue
        if faults:
            raise ConfigurationError("\n".join(faults))
        return


def _something_right(name: str) -> Any:
    return _RIGHT.get(name, Settings.model_fields[name].get_default(call_default_factory=True))
