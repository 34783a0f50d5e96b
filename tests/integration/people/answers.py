"""Answers to the documented questions, from the drawings and from what people set: none of the tables is asked."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from integration.people.bridge_in_use import DONE

if TYPE_CHECKING:
    import uuid
    from collections.abc import Callable, Iterable
    from datetime import date

    from integration.people.bridge_in_use import BridgeInUse, Setting
    from integration.people.drawings import Piece

# Sums are rounded to kilograms.
KILOGRAM = 0.51

_SHARES = {"not_started": 0.0, "delivered": 0.2, "mounted": 0.8, "accepted": 1.0}

Sums = dict[Any, tuple[int, float]]


@dataclass(frozen=True, slots=True)
class Answers:
    """What is true of a bridge in use."""

    site: BridgeInUse

    @property
    def parts(self) -> Iterable[Piece]:
        """All parts, each once."""
        return self.site.parts.values()

    def is_done(self, piece: Piece) -> bool:
        """Whether a part is done."""
        return self.site.status_of(piece) in DONE

    @staticmethod
    def station(piece: Piece) -> float:
        """Metres along the road; a picket is a hundred."""
        pickets, metres = piece.station[2:].split("+")
        return 100 * int(pickets) + float(metres)

    def progress(
        self, by: Callable[[Piece], str | None], model_id: str | None = None
    ) -> dict[str | None, tuple[int, int, int]]:
        """Parts, done parts and per cent of the work; of one model, or of all."""
        groups: dict[str | None, list[Piece]] = defaultdict(list)
        for piece in self.site.of(model_id).values() if model_id else self.parts:
            groups[by(piece)].append(piece)
        return {
            key: (
                len(group),
                sum(map(self.is_done, group)),
                round(100 * sum(_SHARES[self.site.status_of(piece)] for piece in group) / len(group)),
            )
            for key, group in groups.items()
        }

    def progress_by_weight(self) -> dict[float, int]:
        """Per cent of the work at each station, by kilograms."""
        whole: dict[float, float] = defaultdict(float)
        done: dict[float, float] = defaultdict(float)
        for piece in self.parts:
            whole[self.station(piece)] += piece.weight
            done[self.station(piece)] += piece.weight * _SHARES[self.site.status_of(piece)]
        return {station: round(100 * done[station] / weight) for station, weight in whole.items()}

    def changes(self, model: str, old_id: str, new_id: str) -> Counter[tuple[str, str, str]]:
        """Parts by model, change and type."""
        old, new = self.site.drawn[old_id], self.site.drawn[new_id]
        found = [("removed", old[guid]) for guid in old.keys() - new.keys()]
        found += [("added", new[guid]) for guid in new.keys() - old.keys()]
        found += [("modified", new[guid]) for guid in old.keys() & new.keys() if old[guid] != new[guid]]
        return Counter((model, change, piece.ifc_type) for change, piece in found)

    def removed_though_done(self) -> set[uuid.UUID]:
        """Parts that are in no drawing any more, although somebody had set them done."""
        drawn = {guid for version in self.site.drawn.values() for guid in version}
        last = {setting.guid: setting.status for setting in self.site.settings}
        return {guid for guid, status in last.items() if status in DONE and guid in drawn - self.site.parts.keys()}

    def begun_assemblies(self) -> dict[uuid.UUID, tuple[int, list[str]]]:
        """Assemblies with done and other parts: how many parts, and the marks that are missing."""
        groups: dict[uuid.UUID, list[Piece]] = defaultdict(list)
        for piece in self.parts:
            if piece.assembly:
                groups[piece.assembly].append(piece)
        missing = {key: sorted(p.mark for p in group if not self.is_done(p)) for key, group in groups.items()}
        return {key: (len(group), missing[key]) for key, group in groups.items() if 0 < len(missing[key]) < len(group)}

    def ambiguous_marks(self) -> dict[str, int]:
        """Marks of parts that differ in length or profile: how many parts have them."""
        kinds: dict[str, set[tuple[str, float]]] = defaultdict(set)
        for piece in self.parts:
            kinds[piece.mark].add((piece.profile, piece.length))
        counted = Counter(piece.mark for piece in self.parts)
        return {mark: counted[mark] for mark, found in kinds.items() if len(found) > 1}

    def untouched(self) -> set[uuid.UUID]:
        """Parts for which nobody set a status, nor for their assembly."""
        touched = {setting.guid for setting in self.site.settings}
        return {piece.guid for piece in self.parts if not touched & {piece.guid, piece.assembly}}

    def done(self, begin: date, end: date) -> Sums:
        """By person and status that is done: how many parts became it in a time, and their weight."""
        own = {setting.guid for setting in self.site.settings}
        found: dict[Any, list[float]] = defaultdict(list)
        for setting in self.site.settings:
            if setting.status in DONE and begin <= setting.day < end:
                found[setting.person, setting.status] += [
                    piece.weight
                    for piece in self.parts
                    if piece.guid == setting.guid or (piece.assembly == setting.guid and piece.guid not in own)
                ]
        return _summed(found)

    def mounted_weeks(self) -> Sums:
        """By Monday: how many of the parts that are done were mounted then, and their weight."""
        last: dict[uuid.UUID, Setting] = {}
        for setting in self.site.settings:
            if setting.status == "mounted":
                for piece in self.parts:
                    if setting.guid in {piece.guid, piece.assembly} and self.is_done(piece):
                        last[piece.guid] = setting
        found: dict[Any, list[float]] = defaultdict(list)
        for guid, setting in last.items():
            found[setting.day - timedelta(days=setting.day.weekday())].append(self.site.parts[guid].weight)
        return _summed(found)


def _summed(weights: dict[Any, list[float]]) -> Sums:
    return {key: (len(group), sum(group)) for key, group in weights.items() if group}
