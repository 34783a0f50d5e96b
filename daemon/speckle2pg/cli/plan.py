"""What `speckle2pg sync` prints of each model: a plan, or what was done."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from speckle2pg.pipeline.load import Applied, Change, Preview
    from speckle2pg.pipeline.merge import Counts
    from speckle2pg.speckle.model import Model
    from speckle2pg.store.database import Row

_SIGNS = {"added": "+", "modified": "~", "removed": "-"}


@dataclass(frozen=True, slots=True)
class ModelPlan:
    """What a sync of one model would do.

    Attributes:
        model: The model.
        preview: What would change; None where that cannot be told.
        notes: What else is to be known: why nothing would be written, and which decisions are open.
    """

    model: Model
    preview: Preview | None
    notes: tuple[str, ...] = ()

    def lines(self) -> list[str]:
        """For people: the counts, the first elements of each operation, and the notes."""
        if self.preview is None:
            return [f"{self.model.name}: {'; '.join(self.notes)}"]
        notes = [*self.notes, *([f"would be held: {self.preview.held}"] if self.preview.held else [])]
        first = f"{self.model.name}: {plus(self.preview.counts)}"
        return [first, *self._named(self.preview), *(f"  {note}" for note in notes)]

    def as_json(self) -> dict[str, Any]:
        """For programs."""
        found: dict[str, Any] = {"id": self.model.id, "name": self.model.name, "notes": list(self.notes)}
        if self.preview is None:
            return {**found, "version": None, "counts": None, "first": None, "held": None}
        first: dict[str, list[dict[str, Any]]] = {operation: [] for operation in _SIGNS}
        for change in self.preview.first:
            first[change.operation].append(_without_operation(change))
        counts = asdict(self.preview.counts)
        return {
            **found,
            "version": self.preview.version_id,
            "counts": counts,
            "first": first,
            "held": self.preview.held,
        }

    @staticmethod
    def _named(preview: Preview) -> list[str]:
        totals = asdict(preview.counts)
        lines: list[str] = []
        for operation, changes in groupby(preview.first, key=lambda change: change.operation):
            shown = [_words(change) for change in changes]
            lines += [f"  {_SIGNS[operation]} {words}" for words in shown]
            more = totals[operation] - len(shown)
            lines += [f"  {_SIGNS[operation]} and {more} more"] if more else []
        return lines


@dataclass(frozen=True, slots=True)
class ModelDone:
    """What a sync of one model did.

    Attributes:
        row: The model as it is now.
        applied: The last application; None where nothing had to be done.
    """

    row: Row
    applied: Applied | None

    def lines(self) -> list[str]:
        """For people."""
        if self.row["state"] != "active":
            return [f"{self.row['name']}: {self.row['state']}"]
        change = plus(self.applied.counts) if self.applied else "current"
        return [f"{self.row['name']}: {change}, {self.row['element_count']} elements"]

    def as_json(self) -> dict[str, Any]:
        """For programs."""
        counts = asdict(self.applied.counts) if self.applied else None
        names = ("id", "name", "state", "version_id", "element_count")
        return {**{name: self.row[name] for name in names}, "counts": counts}


def plus(counts: Counts) -> str:
    """Counts on one line."""
    return f"+{counts.added} ~{counts.modified} -{counts.removed} ={counts.unchanged}"


def _words(change: Change) -> str:
    words = " ".join(word for word in (change.element_type, change.name) if word) or "an element without a name"
    text = f"{words} [{change.mark}]" if change.mark else words
    # Other people wrote it, and it goes to a terminal.
    return "".join(letter if letter.isprintable() else " " for letter in text)


def _without_operation(change: Change) -> dict[str, Any]:
    return {"type": change.element_type, "name": change.name, "mark": change.mark}
