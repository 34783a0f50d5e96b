"""The README says what there is."""

from __future__ import annotations

import re
from pathlib import Path

from speckle2pg.cli import app
from speckle2pg.settings import Settings

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_settings_table_names_every_setting_and_no_other() -> None:
    table = README.split("## Settings")[1].split("Not acted upon yet")[0]
    named = {
        name for row in re.findall(r"^\| (`[^|]+) \|", table, re.MULTILINE) for name in re.findall(r"`(\w+)`", row)
    }
    assert named == {name.upper() for name in Settings.model_fields}


def test_command_table_names_every_command() -> None:
    table = README.split("| command | does |")[1].split("HTTP, on")[0]
    named = set(re.findall(r"^\| `(\w+)", table, re.MULTILINE))
    commands = {command.name or command.callback.__name__ for command in app.registered_commands if command.callback}
    assert named == commands | {group.name for group in app.registered_groups}


def test_links_within_the_repository_lead_somewhere() -> None:
    for document in (ROOT / "README.md", *(ROOT / "docs").glob("*.md")):
        for target in re.findall(r"\]\((?!https?://)([^)#]+)", document.read_text(encoding="utf-8")):
            assert (document.parent / target).exists(), f"{document.name}: {target}"
