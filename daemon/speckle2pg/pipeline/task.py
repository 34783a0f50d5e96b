"""What a sync of one model is given."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from speckle2pg.pipeline.extract.attributes import NO_ATTRIBUTES
from speckle2pg.pipeline.plan import is_separate

if TYPE_CHECKING:
    from datetime import datetime

    from speckle2pg.events import Cause
    from speckle2pg.pipeline.extract.attributes import AttributeMap
    from speckle2pg.pipeline.plan import Cursor
    from speckle2pg.speckle.model import Model


@dataclass(frozen=True, slots=True)
class Task:
    """A model to sync, with what the registry says of its project.

    Attributes:
        project_id: Its project.
        model: The model and its newest versions, as the server just told.
        cause: Who made us look.
        at: When that was.
        separate_models: Globs of models whose guids are kept apart.
        attributes: What the project picks out of properties.
        settled: Whether the guids of the model's rows are kept apart, which a later change of globs or of its name does
            not touch, because people's statuses hang on them; None while there are none, or to settle it anew.
        full: Apply again even what is applied, and download all of it.
        every: Apply each version that is newer than what the model shows, not only the newest.
        cursor: Where the model stood before the server was asked, so that an answer older than what somebody else
            applied meanwhile is found stale; None reads it now, which is enough for a preview.
    """

    project_id: str
    model: Model
    cause: Cause
    at: datetime
    separate_models: tuple[str, ...] = ()
    attributes: AttributeMap = NO_ATTRIBUTES
    settled: bool | None = None
    full: bool = False
    every: bool = False
    cursor: Cursor | None = None

    @property
    def key(self) -> tuple[str, str]:
        """Project id and model id."""
        return (self.project_id, self.model.id)

    @property
    def separate(self) -> bool:
        """Whether the model's guids are kept apart from those of its copies."""
        return is_separate(self.model.name, self.separate_models) if self.settled is None else self.settled
