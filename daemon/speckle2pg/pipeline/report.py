"""What an application leaves in the metrics and the log."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import structlog

from speckle2pg import metrics

if TYPE_CHECKING:
    from speckle2pg.events import Cause
    from speckle2pg.pipeline.load import Applied
    from speckle2pg.pipeline.stages import Stages
    from speckle2pg.speckle.model import Version

log = structlog.get_logger()


def report(
    project_id: str, model_name: str, cause: Cause, version: Version | None, applied: Applied, stages: Stages
) -> None:
    """Counts and logs a committed application; without a version the model was emptied."""
    counts, seconds = applied.counts, stages.seconds()
    changed = counts.added or counts.modified or counts.removed
    metrics.SYNCS.labels("synced" if changed else "unchanged").inc()
    for operation in ("added", "modified", "removed", "restored", "unchanged"):
        metrics.ELEMENTS.labels(operation).inc(getattr(counts, operation))
    for name, duration in seconds.items():
        metrics.STAGE_DURATION.labels(name).observe(duration)
    if version is not None:
        metrics.END_TO_END.observe(max(0.0, (datetime.now(UTC) - version.created_at).total_seconds()))
    log.info(
        "model synced",
        project=project_id,
        model=model_name,
        version=applied.version_id,
        seq=applied.seq,
        cause=cause,
        added=counts.added,
        modified=counts.modified,
        removed=counts.removed,
        unchanged=counts.unchanged,
        seconds=round(sum(seconds.values()), 3),
    )
