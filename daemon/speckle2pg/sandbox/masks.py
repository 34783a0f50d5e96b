"""Attribute masks of the object stream: lodash's `pick` and `omit` with their paths.

A path is a key, or keys joined with dots and brackets: `properties.Attributes`, `elements[0].referencedId`,
`a["b.c"]`. A key that is in the object literally wins over the reading as a path.

Source: https://lodash.com/docs/4.17.15#pick and https://lodash.com/docs/4.17.15#omit
"""

from __future__ import annotations

import copy
import re
from itertools import pairwise
from typing import Any

PART = re.compile(
    r"""[^.\[\]]+|\[(?:(?P<number>-?\d+(?:\.\d+)?)|(?P<quote>["'])(?P<quoted>(?:(?!(?P=quote))[^\\]|\\.)*?)(?P=quote)"""
    r"""|(?P<plain>[^"'\]][^\]]*))\]|(?=(?:\.|\[\])(?:\.|\[\]|$))"""
)
ESCAPED = re.compile(r"\\(.)")
INDEX = re.compile(r"(?:0|[1-9]\d*)\Z")


def pick(value: Any, paths: list[str]) -> Any:
    """The members at `paths`, in the order of the paths; paths that lead nowhere are left out."""
    picked: dict[str, Any] = {}
    if not isinstance(value, dict):
        return picked
    for path in paths:
        keys = cast_path(path, value)
        found, member = _get(value, keys)
        if found:
            _set(picked, keys, member)
    return picked


def omit(value: Any, paths: list[str]) -> Any:
    """The value without the members at `paths`."""
    if not isinstance(value, dict):
        return {}
    all_keys = [cast_path(path, value) for path in paths]
    deep = any(len(keys) > 1 for keys in all_keys)
    kept = copy.deepcopy(value) if deep else dict(value)
    for keys in all_keys:
        _unset(kept, keys)
    return kept


def cast_path(path: str, value: Any) -> list[str]:
    """The keys that `path` stands for in `value`."""
    if isinstance(value, dict) and path in value:
        return [path]
    keys = [""] if path.startswith(".") else []
    for match in PART.finditer(path):
        if match["quote"]:
            keys.append(ESCAPED.sub(r"\1", match["quoted"]))
        else:
            keys.append(match["number"] or match["plain"] or match[0])
    return keys


def _step(value: Any, key: str) -> tuple[bool, Any]:
    if isinstance(value, dict):
        return key in value, value.get(key)
    if isinstance(value, list) and INDEX.match(key) and int(key) < len(value):
        return True, value[int(key)]
    return False, None


def _get(value: Any, keys: list[str]) -> tuple[bool, Any]:
    found = bool(keys)
    for key in keys:
        found, value = _step(value, key)
        if not found:
            break
    return found, value


def _set(target: Any, keys: list[str], member: Any) -> None:
    for key, following in pairwise(keys):
        found, inner = _step(target, key)
        if not found or not isinstance(inner, dict | list):
            inner = [] if INDEX.match(following) else {}
            _put(target, key, inner)
        target = inner
    _put(target, keys[-1], member)


def _put(target: Any, key: str, member: Any) -> None:
    if isinstance(target, dict):
        target[key] = member
    elif isinstance(target, list) and INDEX.match(key):
        # JavaScript leaves holes, which JSON writes as null.
        target.extend([None] * (int(key) + 1 - len(target)))
        target[int(key)] = member


def _unset(value: Any, keys: list[str]) -> None:
    if not keys:
        return
    found, parent = _get(value, keys[:-1]) if len(keys) > 1 else (True, value)
    if found and isinstance(parent, dict):
        parent.pop(keys[-1], None)
    elif found and isinstance(parent, list) and INDEX.match(keys[-1]) and int(keys[-1]) < len(parent):
        parent[int(keys[-1])] = None
