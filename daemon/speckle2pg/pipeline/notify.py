"""What listeners of channel `speckle2pg` are told, in the transaction that changed the rows."""

from __future__ import annotations

import json
from typing import Any


def announcement(
    key: dict[str, Any], seq: int, base_version_id: str | None, version_id: str | None, counts: dict[str, int]
) -> str:
    """The payload of NOTIFY: JSON with project, model, version, base, seq and the counts; well below 8,000 bytes."""
    return json.dumps(
        {
            "project": key["project_id"],
            "model": key["model_id"],
            "version": version_id,
            "base": base_version_id,
            "seq": seq,
            **counts,
        }
    )
