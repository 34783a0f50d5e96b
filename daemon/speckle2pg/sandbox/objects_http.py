"""Reading objects over HTTP: the object stream with its masks, and the older endpoints."""

from __future__ import annotations

import json
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Any

from speckle2pg.sandbox import jsonb, masks
from speckle2pg.sandbox.errors import UserInputError
from speckle2pg.sandbox.front import json_reply
from speckle2pg.sandbox.permits import refusal_to_read, refusal_to_stream
from speckle2pg.sandbox.wire import HTML, JSON, TEXT, BrokenOffError, Reply

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from speckle2pg.sandbox.counts import Counts
    from speckle2pg.sandbox.front import Call
    from speckle2pg.sandbox.world import World

CHUNK = 1000
PART_BYTES = 65536
PLAIN_JSON = "application/json"
NO_OBJECT = Reply(404, b"Failed to find object.", HTML)
BAD_LIST = (
    'Invalid body. Please provide a JSON object containing the property "objects" of type string. '
    "The value must be a JSON string representation of an array of object IDs."
)

Objects = "Iterator[tuple[str, bytes]]"


@dataclass(slots=True)
class ObjectReading:
    """The endpoints that hand out objects. Missing ids are left out without a word."""

    world: World
    counts: Counts
    bundles: bool = False

    async def stream(self, call: Call) -> Reply:
        """`POST /api/v2/projects/:p/object-stream`: lines `id<TAB>json`, masked where asked."""
        project_id = call.argument("project_id")
        if (refusal := refusal_to_stream(self.world, project_id, call.viewer)) is not None:
            return refusal
        body = call.fields()
        issues = _issues(body)
        if issues:
            return json_reply([{"type": "Body", "errors": {"issues": issues, "name": "ZodError"}}], 400)
        if (refusal := self._bundled(body["objectIds"])) is not None:
            return refusal
        objects = self._objects(project_id, body["objectIds"])
        mask = _mask(body.get("attributeMask"))
        lines = (b"%s\t%s\n" % (key.encode(), mask(text)) for key, text in objects)
        return Reply(200, _joined(lines), TEXT, gzip=True)

    async def by_list(self, call: Call) -> Reply:
        """`POST /api/getobjects/:s`: the objects whose ids are a JSON text within the body."""
        project_id = call.argument("project_id")
        if (refusal := refusal_to_read(self.world, project_id, call.viewer)) is not None:
            return refusal
        ids = listed_ids(call)
        return self._bundled(ids) or self._old_form(call, self._objects(project_id, ids))

    async def single(self, call: Call) -> Reply:
        """`GET /objects/:s/:o/single`: one object, not compressed."""
        project_id = call.argument("project_id")
        if (refusal := refusal_to_read(self.world, project_id, call.viewer)) is not None:
            return refusal
        text = self.world.object_text(project_id, call.argument("object_id"))
        self.counts.add("objects_requested")
        if (refusal := self._bundled([call.argument("object_id")])) is not None:
            return refusal
        return NO_OBJECT if text is None else Reply(200, _root_text(text), JSON)

    async def tree(self, call: Call) -> Reply:
        """`GET /objects/:s/:o`: the root, then its closure, once for each project that holds it."""
        project_id, root_id = call.argument("project_id"), call.argument("object_id")
        if (refusal := refusal_to_read(self.world, project_id, call.viewer)) is not None:
            return refusal
        text = self.world.object_text(project_id, root_id)
        if text is None:
            return self._bundled([root_id]) or NO_OBJECT
        closure = json.loads(text).get("__closure") or {}
        repeated = (
            (key, child)
            for key in sorted(closure)
            if (child := self.world.object_text(project_id, key)) is not None
            for _ in range(self.world.holders(root_id))
        )
        return self._old_form(call, chain([(root_id, _root_text(text))], repeated))

    def _bundled(self, object_ids: list[str]) -> Reply | None:
        """The refusal of a server with bundles where an id is the reference of one."""
        if not self.bundles or not any(key.startswith("bundle.") for key in object_ids):
            return None
        error = {"message": "The version is a bundle.", "code": "BUNDLE_REFERENCE_NOT_FOUND"}
        return json_reply({"error": error}, 404)

    def _objects(self, project_id: str, object_ids: list[str]) -> Iterator[tuple[str, bytes]]:
        self.counts.add("objects_requested", len(object_ids))
        for start in range(0, len(object_ids), CHUNK):
            for key in sorted(set(object_ids[start : start + CHUNK])):
                text = self.world.object_text(project_id, key)
                if text is not None:
                    self.counts.objects_sent += 1
                    yield key, text

    @staticmethod
    def _old_form(call: Call, objects: Iterable[tuple[str, bytes]]) -> Reply:
        if call.request.headers.get("Accept") == "text/plain":
            lines = (b"%s\t%s\n" % (key.encode(), text) for key, text in objects)
            return Reply(200, _joined(lines), TEXT, gzip=True)
        return Reply(200, _joined(_array(text for _, text in objects)), PLAIN_JSON, gzip=True)


def listed_ids(call: Call) -> list[str]:
    """The ids in the JSON text under `objects`, which is what the older endpoints take."""
    try:
        ids = json.loads(call.fields()["objects"])
    except (KeyError, TypeError, ValueError) as error:
        raise UserInputError(BAD_LIST) from error
    return [key for key in ids if isinstance(key, str)] if isinstance(ids, list) else []


def _root_text(text: bytes) -> bytes:
    """An object as JavaScript writes it again; the count of children is always lost on upload."""
    return jsonb.compact_text({**json.loads(text), "totalChildrenCount": None}).encode()


def _mask(given: dict[str, list[str]] | None) -> Callable[[bytes], bytes]:
    if given is None:
        return bytes
    keep = "include" in given
    paths = given["include" if keep else "exclude"]

    def masked(text: bytes) -> bytes:
        try:
            value = jsonb.parse(text)
        except ValueError as error:
            raise BrokenOffError("An object that JavaScript cannot parse ends the answer.") from error
        return jsonb.compact_text((masks.pick if keep else masks.omit)(value, paths)).encode()

    return masked


def _array(texts: Iterable[bytes]) -> Iterator[bytes]:
    yield b"["
    for number, text in enumerate(texts):
        yield (b"," if number else b"") + text
    yield b"]"


def _joined(parts: Iterable[bytes]) -> Iterator[bytes]:
    """Small parts in pieces worth compressing."""
    buffer = bytearray()
    for part in parts:
        buffer += part
        if len(buffer) >= PART_BYTES:
            yield bytes(buffer)
            buffer.clear()
    yield bytes(buffer)


def _issues(body: dict[str, Any]) -> list[dict[str, Any]]:
    """What is wrong with a body of the object stream."""
    unknown = sorted(set(body) - {"objectIds", "attributeMask"})
    issues = [_issue("unrecognized_keys", [], f"Unrecognized key(s) in object: '{k}'") for k in unknown]
    ids = body.get("objectIds")
    if not isinstance(ids, list) or not all(isinstance(key, str) for key in ids):
        issues.append(_issue("invalid_type", ["objectIds"], "Required"))
    elif not ids:
        issues.append(_issue("too_small", ["objectIds"], "Array must contain at least 1 element(s)"))
    if "attributeMask" in body and not _is_mask(body["attributeMask"]):
        issues.append(_issue("invalid_union", ["attributeMask"], "Invalid input"))
    return issues


def _is_mask(value: Any) -> bool:
    if not isinstance(value, dict) or set(value) not in ({"include"}, {"exclude"}):
        return False
    paths = next(iter(value.values()))
    return isinstance(paths, list) and bool(paths) and all(isinstance(path, str) for path in paths)


def _issue(code: str, path: list[str], message: str) -> dict[str, Any]:
    return {"code": code, "path": path, "message": message}
