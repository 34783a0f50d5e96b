"""What `doctor` found: per check whether it is right, and a sentence."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(slots=True)
class Findings:
    """What was checked: per check whether it is right (None: could not be checked) and a sentence."""

    items: list[tuple[str, bool | None, str]] = field(default_factory=list)

    def good(self, what: str, text: str) -> None:
        """It is right."""
        self.items.append((what, True, text))

    def bad(self, what: str, text: str) -> None:
        """It is wrong; the sentence says what to do."""
        self.items.append((what, False, text))

    def note(self, what: str, text: str) -> None:
        """It could not be checked, or works with a reservation."""
        self.items.append((what, None, text))
