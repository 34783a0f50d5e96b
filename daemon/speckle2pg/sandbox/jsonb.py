"""What PostgreSQL's jsonb and JavaScript's JSON make of an object on its way through a Speckle server.

The server parses an upload with JavaScript, stores it in a jsonb column and answers with that column's
text: keys reordered, `1.0` turned into `1`, integers beyond 2^53 rounded. An object's hash can therefore
not be recomputed from what is downloaded.
"""

from __future__ import annotations

import json
import math
from decimal import Decimal
from typing import Any

EXACT_INTEGER = 2**53
FIRST_SURROGATE, LAST_SURROGATE = 0xD800, 0xDFFF


class JsonbError(ValueError):
    """PostgreSQL's jsonb refuses the value: it holds a NUL character or a lone surrogate."""


def parse(text: str | bytes) -> Any:
    """Reads JSON as JavaScript does: every number is a double, so 1e400 is infinite. NaN is an error."""
    return json.loads(text, parse_int=_integer, parse_float=float, parse_constant=_no_constant)


def stored_text(value: Any) -> str:
    """The text of a jsonb column that JavaScript's `JSON.stringify(value)` was put into.

    Args:
        value: What `parse` or plain Python code made.

    Returns:
        The text, with `, ` and `: ` between members, keys by length in bytes and then by bytes.

    Raises:
        JsonbError: The value holds what jsonb refuses.

    Source: https://www.postgresql.org/docs/current/datatype-json.html
    """
    parts: list[str] = []
    _write(value, parts)
    return "".join(parts)


def compact_text(value: Any) -> str:
    """JavaScript's `JSON.stringify(value)`; lone surrogates are escaped, all other characters stay raw."""
    if isinstance(value, dict):
        members = (f"{_quoted(str(key))}:{compact_text(member)}" for key, member in _script_order(value))
        return "{" + ",".join(members) + "}"
    if isinstance(value, list | tuple):
        return "[" + ",".join(map(compact_text, value)) + "]"
    if isinstance(value, str):
        return _quoted(value)
    return _scalar(value)


def script_number(value: float) -> str:
    """A number as JavaScript writes it: whole doubles up to 1e21 without exponent, infinity as null."""
    if not math.isfinite(value):
        return "null"
    if value == 0:
        return "0"
    text = repr(value)
    # Shortest digits that give the number back, without exponent from 1e-6 to below 1e21.
    if 1e-6 <= abs(value) < 1e21:  # noqa: PLR2004 - the limits of ECMAScript's Number::toString
        return format(Decimal(text), "f").removesuffix(".0")
    mantissa, exponent = text.split("e")
    sign = "-" if exponent.startswith("-") else "+"
    return f"{mantissa.removesuffix('.0')}e{sign}{exponent.lstrip('+-').lstrip('0')}"


def _write(value: Any, parts: list[str]) -> None:
    if isinstance(value, dict):
        _write_object(value, parts)
    elif isinstance(value, list | tuple):
        parts.append("[")
        for index, item in enumerate(value):
            parts.append(", " if index else "")
            _write(item, parts)
        parts.append("]")
    elif isinstance(value, str):
        parts.append(_checked(value))
    else:
        text = _scalar(value)
        # A jsonb number is PostgreSQL's numeric, which is written without an exponent.
        parts.append(format(Decimal(text), "f") if "e" in text and text[0] in "-0123456789" else text)


def _write_object(value: dict[str, Any], parts: list[str]) -> None:
    members = sorted((len(_encoded(str(key))), _encoded(str(key)), key) for key in value)
    parts.append("{")
    for index, (_, _, key) in enumerate(members):
        parts.append((", " if index else "") + _checked(str(key)) + ": ")
        _write(value[key], parts)
    parts.append("}")


def _scalar(value: Any) -> str:
    if value is None or value is True or value is False:
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, int) and abs(value) <= EXACT_INTEGER:
        return str(value)
    return script_number(float(value))


def _script_order(value: dict[str, Any]) -> list[tuple[str, Any]]:
    """A JavaScript object's order: array-like keys by number first, the others as they came."""
    numbered = [key for key in value if key.isdecimal() and key.isascii() and str(int(key)) == key]
    if not numbered:
        return list(value.items())
    first = sorted(numbered, key=int)
    return [(key, value[key]) for key in (*first, *(key for key in value if key not in set(first)))]


def _encoded(text: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        raise JsonbError("Unicode high surrogate must not be followed by another character") from error


def _checked(text: str) -> str:
    if "\0" in text:
        raise JsonbError("unsupported Unicode escape sequence: \\u0000 cannot be converted to text.")
    _encoded(text)
    return json.dumps(text, ensure_ascii=False)


def _quoted(text: str) -> str:
    written = json.dumps(text, ensure_ascii=False)
    if written.isascii() or not any(FIRST_SURROGATE <= ord(char) <= LAST_SURROGATE for char in written):
        return written
    return "".join(
        f"\\u{ord(char):04x}" if FIRST_SURROGATE <= ord(char) <= LAST_SURROGATE else char for char in written
    )


def _integer(text: str) -> int | float:
    # Python refuses to convert very long integers, and JavaScript knows only doubles.
    value = float(text)
    return int(value) if abs(value) < EXACT_INTEGER else value


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")
