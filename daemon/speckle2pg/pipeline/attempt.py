"""What becomes of an attempt to apply a version: its state on record, the log and the metrics."""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog

from speckle2pg import metrics
from speckle2pg.errors import (
    FatalError,
    HeldError,
    IncompleteError,
    RetryableError,
    StalePlanError,
    TokenRefusedError,
)
from speckle2pg.pipeline.extract.model import UnfoldingError
from speckle2pg.pipeline.patience import Patience

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from speckle2pg.pipeline.load import Applied
    from speckle2pg.pipeline.task import Task
    from speckle2pg.pipeline.versions import VersionList
    from speckle2pg.speckle.model import Version

log = structlog.get_logger()

LEAST_ATTEMPTS = 3
MISSING_SECONDS = 600.0
"""Seconds after which a version whose objects never came counts as failed; a person may retry it."""
SECONDS_BETWEEN = 30.0
"""Seconds that a version which is not the newest may hold up the newer ones, whatever ails it."""


class Attempts:
    """Tries versions.

    Args:
        versions: Where it is kept what became of them.
    """

    def __init__(self, versions: VersionList) -> None:
        self._versions = versions
        self.patience = Patience()

    async def run(
        self, task: Task, version: Version, apply: Callable[[], Awaitable[Applied]], *, newest: bool
    ) -> Applied | None:
        """Applies a version; None when it failed or is held, and the model goes on with the next one.

        Args:
            task: The model.
            version: What is applied.
            apply: Does it.
            newest: Nothing newer waits for it.

        Raises:
            RetryableError: It can succeed later; the version waits with the reason.
            UnreadableError, GoneError: The project is no longer readable.
        """
        await self._versions.begin(task.project_id, version.id)
        try:
            applied = await apply()
        except StalePlanError:
            metrics.SYNCS.labels("stale").inc()
            await self._versions.wait(task.project_id, version.id, "the model changed meanwhile; planned anew")
            raise
        except HeldError as error:
            await self._hold(task, version, str(error))
            return None
        except (FatalError, UnfoldingError) as error:
            await self._fail(task, version, str(error))
            return None
        except Exception as error:
            if newest and await self._gave_up(task, version, error):
                return None
            # Whatever it is, the version says why it waits.
            metrics.SYNCS.labels("retried").inc()
            await self._versions.wait(task.project_id, version.id, str(error) or type(error).__name__)
            if not newest and self._is_passable(task, version, error):
                return None
            raise
        self.patience.forget(task.key, version.id)
        return applied

    async def _gave_up(self, task: Task, version: Version, error: Exception) -> bool:
        """Whether objects were missing for too long. Other faults do not count: they end by themselves."""
        if not isinstance(error, IncompleteError):
            return False
        trouble = self.patience.tried(task.key, version.id)
        if not trouble.is_over(LEAST_ATTEMPTS, MISSING_SECONDS):
            return False
        await self._fail(
            task, version, f"{error}; given up after {trouble.attempts} attempts in {trouble.seconds:.0f} s"
        )
        return True

    def _is_passable(self, task: Task, version: Version, error: Exception) -> bool:
        """Whether the newer versions have waited for this one for long enough.

        If the next one cannot be applied either, it is the server that ails, and this one still waits.
        """
        if not isinstance(error, RetryableError) or isinstance(error, TokenRefusedError):
            return False
        return self.patience.tried(task.key, version.id).is_over(LEAST_ATTEMPTS, SECONDS_BETWEEN)

    async def _hold(self, task: Task, version: Version, reason: str) -> None:
        metrics.SYNCS.labels("held").inc()
        log.warning("version held", **_names(task, version), reason=reason)
        await self._versions.hold(task.project_id, version.id, reason)

    async def _fail(self, task: Task, version: Version, reason: str) -> None:
        metrics.SYNCS.labels("failed").inc()
        self.patience.forget(task.key, version.id)
        log.error("version failed", **_names(task, version), reason=reason)
        await self._versions.fail(task.project_id, version.id, reason)


def _names(task: Task, version: Version) -> dict[str, str]:
    return {"project": task.project_id, "model": task.model.name, "version": version.id}
