"""`speckle2pg` as a process of its own, as a person or an orchestrator starts it."""

from __future__ import annotations

import asyncio
import os
import sys
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import signal
    from collections.abc import AsyncIterator
    from pathlib import Path

_DEADLINE = 60.0
_KEPT = ("PATH", "HOME", "LANG", "TMPDIR", "VIRTUAL_ENV", "PYTHONPATH")


@dataclass(frozen=True, slots=True)
class Answer:
    """How a command ended, and what it said."""

    code: int
    out: str
    err: str


@dataclass(slots=True)
class Running:
    """A process that is still at work, and what it has said so far."""

    process: asyncio.subprocess.Process
    lines: list[str] = field(default_factory=list)
    _more: asyncio.Event = field(default_factory=asyncio.Event)

    async def listen(self) -> None:
        """Collects stderr until the process ends."""
        assert self.process.stderr is not None
        while line := await self.process.stderr.readline():
            self.lines.append(line.decode())
            self._more.set()

    async def says(self, text: str) -> str:
        """Waits for a line of stderr that holds a text."""
        async with asyncio.timeout(_DEADLINE):
            while True:
                self._more.clear()
                found = next((line for line in self.lines if text in line), None)
                if found is not None:
                    return found
                await self._more.wait()

    async def ends(self, number: signal.Signals | None = None) -> int:
        """Sends a signal, if one is given, and gives the exit code."""
        if number is not None:
            self.process.send_signal(number)
        async with asyncio.timeout(_DEADLINE):
            return await self.process.wait()


class Program:
    """Runs commands with settings of the test's own, in a folder of the test's own.

    Args:
        folder: Working folder, so that no developer's `.env` is read.
        settings: Environment variables.
    """

    def __init__(self, folder: Path, **settings: str) -> None:
        self.folder = folder
        self.settings = {"LOG_FORMAT": "json", "DATA_DIR": str(folder / "data"), "HTTP_PORT": "0", **settings}

    def environment(self, **more: str) -> dict[str, str]:
        """Nothing of the developer's settings, and those of the test; an empty value unsets one."""
        kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
        merged = {**kept, "COLUMNS": "80", **self.settings, **more}
        return {name: value for name, value in merged.items() if value}

    async def __call__(self, *arguments: str, **more: str) -> Answer:
        """Runs a command to its end."""
        process = await self._start(arguments, more)
        try:
            async with asyncio.timeout(_DEADLINE):
                out, err = await process.communicate()
        except BaseException:
            process.kill()
            await process.communicate()
            raise
        return Answer(process.returncode or 0, out.decode(), err.decode())

    @asynccontextmanager
    async def running(self, *arguments: str, **more: str) -> AsyncIterator[Running]:
        """A command that runs until the block ends it, or the block's end kills it."""
        process = await self._start(arguments, more, out=asyncio.subprocess.DEVNULL)
        running = Running(process)
        listening = asyncio.create_task(running.listen())
        try:
            yield running
        finally:
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()
            await listening

    async def _start(
        self, arguments: tuple[str, ...], more: dict[str, str], *, out: int = asyncio.subprocess.PIPE
    ) -> asyncio.subprocess.Process:
        return await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "speckle2pg",
            *arguments,
            cwd=self.folder,
            env=self.environment(**more),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=out,
            stderr=asyncio.subprocess.PIPE,
        )
