"""What a source tells the streams: where to look, never what is there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from datetime import datetime

Cause = Literal["subscription", "webhook", "reconcile", "start", "registry", "admin", "retry"]
"""Who made the daemon look; kept as `versions.announced_by`."""

Key = tuple[str, str | None]
"""What an event is about: (project id, model id), or (project id, None) for the whole project."""


@dataclass(frozen=True, slots=True)
class Event:
    """A hint to look at a model, or with no model at a whole project.

    Attributes:
        project_id: Speckle project id.
        model_id: Speckle model id; None means the whole project.
        cause: Who noticed.
        at: When it was noticed.
    """

    project_id: str
    model_id: str | None
    cause: Cause
    at: datetime

    @property
    def key(self) -> Key:
        """The slot that this event takes in its project's mailbox."""
        return (self.project_id, self.model_id)
