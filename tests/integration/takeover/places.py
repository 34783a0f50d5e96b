"""A small earlier database for these tests, and a live element to meet it."""

from __future__ import annotations

import re
import uuid
from pathlib import Path
from typing import Any

from speckle2pg.store import migrations
from support.earlier import Earlier
from support.logins import run

BRIDGE, TUNNEL = "bridge0001", "tunnel0002"
GUIDS = [uuid.UUID(int=number + 1) for number in range(11)]


PAGE = Path(__file__).parents[3] / "docs" / "takeover.md"


def documented(words: str) -> str:
    """The statements of the page in whose block these words are."""
    blocks = re.findall(r"```sql\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    (found,) = [block for block in blocks if words in block]
    return str(found)


def made_up(**details: Any) -> Earlier:
    """Eleven elements: of two projects, and of none."""
    return Earlier({BRIDGE: GUIDS[:5], TUNNEL: GUIDS[5:8], None: GUIDS[8:]}, **{"statuses": 8, **details})


def take_over(url: str, schema: str = "public", zone: str = "UTC") -> None:
    """As the command does."""
    migrations.migrate(url, schema, takeover_zone=zone)


def sync(url: str, project: str, guid: uuid.UUID, name: str, *, model: str = "m") -> None:
    """Writes a row as the daemon would."""
    run(
        url,
        "INSERT INTO models (project_id, id, name, seq, version_id) VALUES (%s, %s, %s, 1, 'v') ON CONFLICT DO NOTHING",
        project,
        model,
        model,
    )
    run(
        url,
        "INSERT INTO parts VALUES (%s, %s, '2025-06-01Z', '2025-06-01Z') ON CONFLICT DO NOTHING",
        project,
        guid,
    )
    run(
        url,
        "INSERT INTO model_elements (project_id, model_id, guid, object_id, content_hash, canonical_version, kind, "
        "element_type, element_name, version_id, from_seq, created_at, updated_at, change_pos) VALUES (%s, %s, %s, "
        "'o', '', 1, 'part', 'IfcWall', %s, 'v', 1, '2025-06-01Z', '2025-06-01Z', 1)",
        project,
        model,
        guid,
        name,
    )
