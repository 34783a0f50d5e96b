"""The kinds of values that settings have, each with what it refuses and in which words."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr
from pydantic_settings import NoDecode


def _web_address(value: str) -> str:
    try:
        parts = urlsplit(value)
        valid = parts.scheme.lower() in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        valid = False
    if not valid or value.split() != [value]:
        raise ValueError("must be an address that begins with http:// or https://, with a host")
    return value


def _postgres_url(value: SecretStr) -> SecretStr:
    """Refuses what PostgreSQL's library would split otherwise than meant: it would then print parts of a password."""
    url = value.get_secret_value()
    if not url.startswith(("postgresql://", "postgres://")):
        raise ValueError("must be an address that begins with postgresql://")
    parts = urlsplit(url)
    authority, _, _ = url.partition("://")[2].partition("?")
    try:
        # Several hosts, each with its port, have no port of the whole.
        ports_are_numbers = "," in parts.netloc or parts.port is None or parts.port > 0
    except ValueError:
        ports_are_numbers = False
    if not ports_are_numbers or authority.count("@") > 1 or "@" in parts.path or parts.fragment or url.split() != [url]:
        raise ValueError(
            "is no valid address: in user and password write @ as %40, : as %3A, / as %2F, # as %23, ? as %3F, "
            "% as %25 and a space as %20"
        )
    return value


def _schema_name(value: str) -> str:
    if not re.fullmatch(r"[a-z_][a-z0-9_]{0,62}", value) or value in _RESERVED_WORDS:
        raise ValueError(
            f"cannot be {value!r}: use a name that SQL needs no quotes for, of a to z, 0 to 9 and _, "
            f"63 characters at most"
        )
    if value.startswith("pg_") or value == "information_schema":
        raise ValueError(f"cannot be {value!r}: PostgreSQL keeps that name for itself")
    return value


def _time_zone(value: str) -> str:
    try:
        ZoneInfo(value)
    except (ZoneInfoNotFoundError, ValueError):
        raise ValueError(f"is no known time zone: {value!r}; write for example Europe/Berlin") from None
    return value


def _comma_list(value: Any) -> Any:
    return [item.strip() for item in value.split(",") if item.strip()] if isinstance(value, str) else value


def _number_of_seconds(value: Any) -> Any:
    """Accepts 300, "300" and "300s"; pydantic itself would read "300" only as ISO 8601 or a number."""
    return value.strip().removesuffix("s").strip() if isinstance(value, str) else value


# PostgreSQL's reserved words (appendix C of its manual): as names they need quotes.
_RESERVED_WORDS = frozenset(
    re.findall(
        r"\w+",
        """all analyse analyze and any array as asc asymmetric authorization binary both case cast check collate
    collation
    column concurrently constraint create cross current_catalog current_date current_role current_schema current_time
    current_timestamp current_user default deferrable desc distinct do else end except false fetch for foreign freeze
    from full grant group having ilike in initially inner intersect into is isnull join lateral leading left like limit
    localtime localtimestamp natural not notnull null offset on only or order outer overlaps placing primary references
    returning right select session_user similar some symmetric system_user table tablesample then to trailing true
    union unique user using variadic verbose when where window with""",
    )
)

WebAddress = Annotated[str, AfterValidator(_web_address), AfterValidator(lambda value: value.rstrip("/"))]
WebAddressList = Annotated[list[Annotated[str, AfterValidator(_web_address)]], NoDecode, BeforeValidator(_comma_list)]
PostgresURL = Annotated[SecretStr, AfterValidator(_postgres_url)]
Seconds = Annotated[float, BeforeValidator(_number_of_seconds), Field(gt=0, allow_inf_nan=False)]
TextList = Annotated[list[str], NoDecode, BeforeValidator(_comma_list)]
SchemaName = Annotated[str, AfterValidator(_schema_name)]
TimeZone = Annotated[str, AfterValidator(_time_zone)]
Level = Annotated[
    Literal["DEBUG", "INFO", "WARNING", "ERROR"],
    BeforeValidator(lambda value: value.upper() if isinstance(value, str) else value),
]
