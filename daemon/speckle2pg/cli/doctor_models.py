"""What `doctor` looks for in the rows: models that claim the same parts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from speckle2pg.errors import Speckle2pgError

if TYPE_CHECKING:
    from speckle2pg.cli.findings import Findings
    from speckle2pg.store.database import Database

SHARED = 0.3
"""Share of the smaller model's guids above which two models are either two views of one thing, or copies."""


async def examine_models(database: Database, findings: Findings) -> None:
    """Warns of models of a project that share many guids: right for two exports of one structure, wrong for twins."""
    try:
        pairs = await database.all("twin_models", shared=SHARED)
    except Speckle2pgError as error:
        findings.note("twins", str(error))
        return
    for pair in pairs:
        findings.note(
            "twins",
            f"project {pair['project_id']}: models {pair['one']!r} and {pair['other']!r} share {pair['shared']} guids, "
            f"{pair['shared'] / pair['smaller']:.0%} of the smaller one. Right if both show the same parts, which then "
            f"have one status. If one is a copy made for another structure, name both in projects.separate_models",
        )
    if not pairs:
        findings.good("twins", f"no two models of a project share more than {SHARED:.0%} of their guids")
