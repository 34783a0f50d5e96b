"""The objects of each project, as the text the server would answer with."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

from speckle2pg.sandbox import jsonb
from speckle2pg.sandbox.errors import StoreObjectError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

ID_LENGTH = 32
DATABASE_ERROR = "Error inserting object in the database. Check server logs for details"


class ObjectStore:
    """Object texts by project and id; the first text stored under an id stays."""

    def __init__(self) -> None:
        self._texts: dict[str, dict[str, bytes]] = {}
        self._withheld: dict[str, set[str]] = {}

    def add_objects(self, project_id: str, objects: Mapping[str, Mapping[str, Any] | bytes]) -> None:
        """Stores objects by id: bytes as they are, anything else as jsonb makes it."""
        texts = self._texts.setdefault(project_id, {})
        for object_id, value in objects.items():
            if object_id not in texts:
                texts[object_id] = value if isinstance(value, bytes) else jsonb.stored_text(value).encode()

    def upload(self, project_id: str, objects: Iterable[Any]) -> list[str]:
        """Stores what a client uploads, under its own ids.

        Raises:
            StoreObjectError: An id is not 32 characters long, or PostgreSQL refuses the object.
        """
        prepared = [_prepared(value) for value in objects]
        self.add_objects(project_id, dict(prepared))
        return [object_id for object_id, _ in prepared]

    def object_text(self, project_id: str, object_id: str) -> bytes | None:
        """The stored text, or None where the project has no such object (or it is withheld)."""
        if object_id in self._withheld.get(project_id, ()):
            return None
        return self._texts.get(project_id, {}).get(object_id)

    def object_ids(self, project_id: str) -> set[str]:
        """The ids of the objects that the project shows."""
        return set(self._texts.get(project_id, {})) - self._withheld.get(project_id, set())

    def withhold_objects(self, project_id: str, object_ids: Iterable[str]) -> None:
        """Makes stored objects missing until they are released: their upload is still under way."""
        self._withheld.setdefault(project_id, set()).update(object_ids)

    def release_objects(self, project_id: str, object_ids: Iterable[str] | None = None) -> None:
        """Makes withheld objects appear: those named, or all."""
        withheld = self._withheld.get(project_id, set())
        withheld.difference_update(set(withheld) if object_ids is None else set(object_ids))

    def remove_objects(self, project_id: str, object_ids: Iterable[str]) -> None:
        """Forgets objects for good."""
        for object_id in object_ids:
            self._texts.get(project_id, {}).pop(object_id, None)

    def forget_objects(self, project_id: str) -> None:
        """Forgets all objects of a project."""
        self._texts.pop(project_id, None)
        self._withheld.pop(project_id, None)

    def holders(self, object_id: str) -> int:
        """How many projects hold the object."""
        return sum(object_id in texts for texts in self._texts.values())


def _prepared(value: Any) -> tuple[str, bytes]:
    if not isinstance(value, dict):
        raise StoreObjectError(DATABASE_ERROR)
    object_id = value.get("hash") or value.get("id") or _digest(value)
    if not isinstance(object_id, str) or len(object_id) != ID_LENGTH:
        raise StoreObjectError(
            f"Error inserting object in the database. Invalid object ID. Object ID: {object_id}. "
            "Object ID's must be hashes represented by a string of 32 characters."
        )
    try:
        return object_id, jsonb.stored_text({**value, "id": object_id}).encode()
    except jsonb.JsonbError as error:
        raise StoreObjectError(DATABASE_ERROR) from error


def _digest(value: dict[str, Any]) -> str:
    return hashlib.md5(jsonb.compact_text(value).encode(), usedforsecurity=False).hexdigest()
