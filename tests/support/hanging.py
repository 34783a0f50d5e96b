"""A test that hangs names itself and ends the run, with the stacks of its threads and tasks.

Of an asynchronous test a thread's stack shows the event loop alone: what it waits for is in its tasks.
"""

from __future__ import annotations

import asyncio
import faulthandler
import os
import sys
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

    import pytest

SECONDS = 240.0
"""Ten times what the slowest quick test takes on a busy machine."""
EXIT_CODE = 70


@contextmanager
def watched(item: pytest.Item) -> Iterator[None]:
    """Ends the process if the block takes too long."""
    timer = threading.Timer(SECONDS * (10 if item.get_closest_marker("slow") else 1), _end, [item])
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _end(item: pytest.Item) -> None:
    capture = item.config.pluginmanager.getplugin("capturemanager")
    if capture is not None:
        capture.suspend_global_capture(in_=True)
    # Unbuffered and past every capture: the process is about to end.
    with open(2, "w", encoding="utf-8", closefd=False) as stderr:
        stderr.write(f"\n\n{item.nodeid} hangs\n")
        stderr.flush()
        faulthandler.dump_traceback(stderr, all_threads=True)
        for task in _tasks():
            stderr.write(f"\n{task.get_name()}\n")
            task.print_stack(file=stderr)
    os._exit(EXIT_CODE)


def _tasks() -> list[asyncio.Task[object]]:
    """Tasks of all loops that are not done; from this thread asyncio's own list cannot be asked for them."""
    frame: FrameType | None = sys._current_frames()[threading.main_thread().ident or 0]
    while frame is not None:
        loop = frame.f_locals.get("self")
        if isinstance(loop, asyncio.AbstractEventLoop):
            return sorted(asyncio.all_tasks(loop), key=lambda task: task.get_name())
        frame = frame.f_back
    return []
