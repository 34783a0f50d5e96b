"""What to do with a model: the server's list against what is stored, decided by pure functions."""

from __future__ import annotations

import fnmatch
import unicodedata
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from speckle2pg.speckle.model import Version


@dataclass(frozen=True, slots=True)
class Cursor:
    """Where a model stands in the database.

    Attributes:
        seq: Applications so far; a load commits only if it is still this.
        version_id: Version that the rows show; None before the first one.
        element_count: Rows present.
        version_created_at: When that version was created in Speckle.
        derivation: By which rules the rows were made; see `remap.derivation`.
    """

    seq: int = 0
    version_id: str | None = None
    element_count: int = 0
    version_created_at: datetime | None = None
    derivation: str | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """What a sync of a model has to do.

    Attributes:
        action: `nothing`: current, or the newest version waits for a person; `apply`: load `versions`;
            `empty`: the model has no version left.
        versions: What to load, in this order.
        reason: Why nothing is done, for `sync` and the log.
    """

    action: Literal["nothing", "apply", "empty"]
    versions: tuple[Version, ...] = ()
    reason: str = ""


_WAITS_FOR_A_PERSON = ("failed", "held", "rejected")


def newest(versions: Sequence[Version]) -> Version | None:
    """The greatest by (created_at, id): creation times tie, and the server's order among ties is undefined."""
    return max(versions, key=lambda version: version.order, default=None)


def plan_model(
    version: Version | None,
    cursor: Cursor,
    state: str | None,
    *,
    before: tuple[Version, ...] = (),
    full: bool = False,
) -> Plan:
    """Decides what a model needs.

    Args:
        version: Its newest version on the server, if it has any.
        cursor: Where it stands here.
        state: State on record of that version.
        before: Versions to load before it.
        full: Apply even what is already applied, what failed and what is held: it is judged anew. What a person
            rejected stays so.
    """
    if version is None:
        action: Literal["nothing", "empty"] = "empty" if cursor.version_id is not None else "nothing"
        return Plan(action, reason="the model has no versions")
    reason = ""
    if version.id == cursor.version_id:
        reason = "" if full else "current"
    elif state == "rejected" or (state in _WAITS_FOR_A_PERSON and not full):
        reason = f"version {version.id} is {state}"
    versions = before if reason else (*before, version)
    return Plan("apply" if versions else "nothing", versions, reason)


def is_followed(model_name: str, globs: Sequence[str]) -> bool:
    """Whether a model's full name is matched: fnmatch, NFC, without case; `!` excludes; only exclusions means all else.

    Args:
        model_name: Full name with folders, as on the server.
        globs: Patterns of the registry row.
    """
    name = _normal(model_name)
    wanted = [glob for glob in globs if not glob.startswith("!")]
    unwanted = [glob[1:] for glob in globs if glob.startswith("!")]
    if unwanted and not wanted:
        wanted = ["*"]
    return _any(name, wanted) and not _any(name, unwanted)


def is_separate(model_name: str, globs: Sequence[str]) -> bool:
    """Whether a model's guids are kept apart from those of its copies."""
    return _any(_normal(model_name), globs)


def _any(name: str, globs: Sequence[str]) -> bool:
    return any(fnmatch.fnmatchcase(name, _normal(glob)) for glob in globs)


def _normal(text: str) -> str:
    return unicodedata.normalize("NFC", text).casefold()
