"""What `doctor` says of front ends: PostgREST's roles, and who sees anything through them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from speckle2pg.cli.findings import Findings
    from speckle2pg.store.database import Database


async def examine_front_ends(database: Database, findings: Findings) -> None:
    """Notes what PostgREST would lack; nothing of it keeps the daemon from its work."""
    row = await database.one("front_end_access")
    assert row is not None  # noqa: S101  (one row, always)
    if row["missing"]:
        findings.note(
            "front ends",
            f"roles {', '.join(row['missing'])} are missing, which PostgREST needs: let an administrator create them "
            f"(authenticator with LOGIN NOINHERIT), then run `speckle2pg migrate`",
        )
    elif row["withheld"]:
        findings.note(
            "front ends",
            f"authenticator may not become {' or '.join(row['withheld'])}: let an administrator run "
            f"GRANT {', '.join(row['withheld'])} TO authenticator",
        )
    elif not row["projects"]:
        findings.note(
            "front ends",
            "nobody sees anything through PostgREST: add rows to project_members (subject: sub or email of the "
            "token, or * for everybody)",
        )
    else:
        findings.good("front ends", f"members of {row['projects']} projects see them through PostgREST")
