"""SIGTERM ends a command as Ctrl-C does: by cancelling it, so that what it opened is closed."""

from __future__ import annotations

import asyncio
import signal
from contextlib import suppress
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

T = TypeVar("T")

EXIT_INTERRUPTED = 128 + signal.SIGINT
EXIT_TERMINATED = 128 + signal.SIGTERM


class TerminatedError(Exception):
    """The command was ended by a signal, and everything that it had opened is closed.

    Args:
        exit_code: What the shell is told.
    """

    def __init__(self, exit_code: int = EXIT_TERMINATED) -> None:
        super().__init__(f"ended by signal {exit_code - 128}")
        self.exit_code = exit_code


async def terminable(work: Coroutine[Any, Any, T], exit_code: int = EXIT_TERMINATED) -> T:
    """Runs a coroutine that SIGTERM cancels, until a daemon within it takes the signal over.

    Args:
        work: What the command does.
        exit_code: What the shell is told after SIGTERM.

    Raises:
        TerminatedError: It was cancelled by SIGTERM.
    """
    loop, task, terminated = asyncio.get_running_loop(), asyncio.current_task(), asyncio.Event()
    assert task is not None  # noqa: S101  (within a coroutine there is one)

    def terminate() -> None:
        # A second signal must not interrupt the closing.
        if not terminated.is_set():
            terminated.set()
            task.cancel()

    with suppress(NotImplementedError, RuntimeError):
        loop.add_signal_handler(signal.SIGTERM, terminate)
    try:
        return await work
    except asyncio.CancelledError:
        if terminated.is_set():
            raise TerminatedError(exit_code) from None
        raise


async def in_thread(work: Callable[[], T], undo: Callable[[T], object]) -> T:
    """Runs blocking work in a thread; if the caller is cancelled meanwhile, what it made is undone.

    Args:
        work: Makes something that has to be given back.
        undo: Gives it back.
    """
    task = asyncio.create_task(asyncio.to_thread(work))
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        with suppress(Exception):
            made = await task
            await asyncio.to_thread(undo, made)
        raise


def closing() -> None:
    """From here on signals are heard no more: what is left is to close what was opened, which takes a moment."""
    for number in (signal.SIGINT, signal.SIGTERM):
        with suppress(NotImplementedError, RuntimeError):
            asyncio.get_running_loop().add_signal_handler(number, lambda: None)
