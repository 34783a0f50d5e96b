"""Blocks of code in the documents, so that tests can run what people copy."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]

_FENCE = re.compile(r"^ *```(\w*)\n(.*?)^ *```$|^(#+ [^\n]*)$", re.MULTILINE | re.DOTALL)
# Only this much of SQL's form is in the documents.
_STATEMENT = re.compile(r"((?:'(?:[^']|'')*'|--[^\n]*|[^;'])+);")


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block.

    Attributes:
        document: The document's path in the repository.
        heading: The heading above it, without its number signs.
        language: The word after the fence.
        line: Where it begins.
    """

    document: str
    heading: str
    language: str
    text: str
    line: int

    def __str__(self) -> str:
        """Where it stands."""
        return f"{self.document}:{self.line}"

    @property
    def statements(self) -> list[str]:
        """The statements of a block of SQL, each with its semicolon there."""
        left = _STATEMENT.sub("", self.text)
        assert all(line.lstrip().startswith("--") for line in left.splitlines() if line.strip()), (str(self), left)
        return [statement.strip() for statement in _STATEMENT.findall(self.text)]

    @property
    def is_asked_by_people(self) -> bool:
        """Whether a front end sends it; all else is the owner's matter."""
        return self.statements[0].split()[0] in {"SELECT", "UPDATE", "WITH"}


def blocks(document: str, *languages: str) -> Iterator[Block]:
    """The blocks of a document that are in some languages."""
    text = (ROOT / document).read_text(encoding="utf-8")
    heading = ""
    for found in _FENCE.finditer(text):
        if found[3]:
            heading = found[3].lstrip("# ")
        elif found[1] in languages:
            yield Block(document, heading, found[1], found[2], text.count("\n", 0, found.start()) + 1)
