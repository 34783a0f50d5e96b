"""What a project picks out of ``properties`` by its own rules: the ``attributes`` of its rows."""

from __future__ import annotations

import fnmatch
import hashlib
import re
import unicodedata
from collections import defaultdict
from typing import TYPE_CHECKING, Any

import msgspec

from speckle2pg.pipeline.extract.values import CONVERTERS, Converted, Type

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

# Goes up when the same rules come to pick other values.
_READING = 1

_DIGEST_BYTES = 8

# Paths recur from element to element; a model with more of them than this is made of noise.
_REMEMBERED = 20_000

# What may stand beside a quantity's or a parameter's value, in v3 objects and in v2's.
_BESIDE_VALUE = frozenset(
    {"name", "units", "applicationUnit", "applicationUnitType", "internalDefinitionName", "applicationInternalName"}
    | {"isReadOnly", "isShared", "isTypeParameter", "speckle_type", "applicationId"}
)


class AttributeRule(msgspec.Struct, frozen=True):
    """One attribute: where it is looked for, in this order, and what it is.

    A path is the names from the outermost in, joined by dots (names may hold dots themselves), in which
    ``*`` is any text, dots included, and nothing else is special. Paths are case-sensitive.
    """

    name: str
    paths: tuple[str, ...]
    type: Type = "text"


class AttributeMap:
    """The rules of a project, ready to be applied to each element."""

    def __init__(self, rules: tuple[AttributeRule, ...]) -> None:
        self._rules = rules
        self._exact: dict[str, list[tuple[int, int]]] = defaultdict(list)
        self._patterns: list[tuple[re.Pattern[str], tuple[int, int]]] = []
        self._known: dict[str, tuple[tuple[int, int], ...]] = {}
        for index, rule in enumerate(rules):
            for rank, path in enumerate(rule.paths):
                self._add(unicodedata.normalize("NFC", path), (index, rank))

    def _add(self, path: str, place: tuple[int, int]) -> None:
        if "*" in path:
            # The translation has no backtracking to speak of, however many "*" there are.
            literal = re.sub(r"[\[?]", r"[\g<0>]", path)
            self._patterns.append((re.compile(fnmatch.translate(literal)), place))
        else:
            self._exact[path].append(place)

    @property
    def digest(self) -> str:
        """A short text that is the same for the same rules, in whatever order they came; empty for none."""
        if not self._rules:
            return ""
        form = (_READING, sorted((rule.name, rule.paths, rule.type) for rule in self._rules))
        return hashlib.blake2b(msgspec.json.encode(form), digest_size=_DIGEST_BYTES).hexdigest()

    def pick(self, properties: Mapping[str, Any]) -> dict[str, Converted]:
        """Return the attributes of an element, each the first value of its type that its paths lead to.

        Where one path leads to several values, the first by full path counts, as the order of members
        means nothing and PostgreSQL does not keep it. What does not convert is passed over.
        """
        if not self._rules:
            return {}
        found = sorted(
            (index, rank, path, repr(value), value)
            for path, value in _leaves(properties)
            for index, rank in self._places(path)
        )
        picked: dict[str, Converted] = {}
        for index, _, _, _, value in found:
            rule = self._rules[index]
            if rule.name not in picked:
                converted = CONVERTERS[rule.type](value)
                if converted is not None:
                    picked[rule.name] = converted
        return picked

    def _places(self, path: str) -> tuple[tuple[int, int], ...]:
        """Return which rules, by index, want the value at a path, and as which of their choices."""
        known = self._known.get(path)
        if known is None:
            if len(self._known) >= _REMEMBERED:
                self._known.clear()
            known = self._known[path] = tuple(self._matching(unicodedata.normalize("NFC", path)))
        return known

    def _matching(self, path: str) -> Iterator[tuple[int, int]]:
        yield from self._exact.get(path, ())
        yield from (place for pattern, place in self._patterns if pattern.match(path))


def compile_rules(rows: Iterable[Mapping[str, Any]]) -> AttributeMap:
    """Return the rules of ``attribute_map`` rows (name, paths, type), ready for use.

    Raises:
        msgspec.ValidationError: a row is no rule.
    """
    rules = msgspec.convert(list(rows), tuple[AttributeRule, ...])
    return AttributeMap(tuple(sorted(rules, key=lambda rule: rule.name)))


def _leaves(properties: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Yield the joined paths and values of the scalars; a quantity or parameter is its value, at its path."""
    waiting: list[tuple[str, Any]] = [("", properties)]
    while waiting:
        prefix, holder = waiting.pop()
        for name, value in holder.items() if isinstance(holder, dict) else enumerate(holder):
            path = f"{prefix}{name}"
            if isinstance(value, dict) and "value" in value:
                inner = value["value"]
                if inner is not None and not isinstance(inner, dict | list):
                    yield path, inner
                if value.keys() - _BESIDE_VALUE == {"value"}:
                    continue
            if isinstance(value, dict | list):
                waiting.append((f"{path}.", value))
            elif value is not None:
                yield path, value


NO_ATTRIBUTES = AttributeMap(())
