"""Whether what stands under our names are the tables of an earlier adapter."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from speckle2pg.errors import SchemaError
from speckle2pg.store.owner import run

if TYPE_CHECKING:
    import psycopg
    from psycopg.rows import DictRow

EARLIER_TABLES = ("elements", "models", "projects")

_TEXT = ("text", "character varying")
_TIME = ("timestamp without time zone", "timestamp with time zone")
# Per table the columns that it must have, with the types that they may have.
_KNOWN: dict[str, dict[str, tuple[str, ...]]] = {
    "elements": {
        "guid": ("uuid",),
        "element_type": _TEXT,
        "element_name": _TEXT,
        "status": _TEXT,
        "created_at": _TIME,
        "model_id": _TEXT,
    },
    "projects": {"id": _TEXT, "name": _TEXT},
    "models": {"id": _TEXT},
}
# Columns that it may have: they are understood if they are of these types.
_OPTIONAL: dict[str, dict[str, tuple[str, ...]]] = {
    "elements": {"project_id": _TEXT},
    "projects": {"description": _TEXT, "created_at": _TIME},
    "models": {"name": _TEXT, "description": _TEXT, "created_at": _TIME},
}


@dataclass(frozen=True, slots=True)
class Shape:
    """Tables of an earlier adapter.

    Attributes:
        columns: Names of the columns by table, in order.
        faults: Why they cannot be taken over; none: they can.
    """

    columns: dict[str, tuple[str, ...]]
    faults: tuple[str, ...]

    @property
    def project_column(self) -> str:
        """Column of `elements` that holds the project where it is not null; else model_id does."""
        return "project_id" if "project_id" in self.columns["elements"] else "model_id"

    @property
    def is_similar(self) -> bool:
        """Whether people who see these tables think of an earlier adapter, faults or not."""
        found = self.columns.get("elements", ())
        return "guid" in found and len([name for name in _KNOWN["elements"] if name in found]) > 1

    def further_columns(self, table: str) -> tuple[str, ...]:
        """Columns that people added."""
        own = {**_KNOWN[table], **_OPTIONAL[table]}
        return tuple(name for name in self.columns[table] if name not in own)

    def check(self, schema: str) -> None:
        """Raises SchemaError if the tables cannot be taken over."""
        if self.faults:
            raise SchemaError(
                f"schema {schema} cannot be taken over: {'; '.join(self.faults)}. Nothing was changed. Known are "
                f"elements (guid uuid as the primary key, element_type, element_name, status, created_at, model_id) "
                f"and projects (id, name), with models (id) and further columns if there are any"
            )


def set_aside_name(name: str, number: int = 1) -> str:
    """The name that something of an earlier adapter gets, 63 bytes at most; further numbers give further names."""
    ending = "_earlier" if number == 1 else f"_earlier{number}"
    return name.encode()[: 63 - len(ending)].decode(errors="ignore") + ending


def earlier_schema(schema: str) -> str:
    """The schema in which the old names show the old shape."""
    return set_aside_name(schema)


def owners_schema(schema: str) -> str:
    """The schema in which they show it to views that read with their owner's rights."""
    ending = "_earlier_owner"
    return schema.encode()[: 63 - len(ending)].decode(errors="ignore") + ending


def read_shape(connection: psycopg.Connection[DictRow], schema: str, others: tuple[str, ...]) -> Shape:
    """Reads what is there, and judges it.

    Args:
        connection: Any login's.
        schema: DB_SCHEMA.
        others: Further things of our names in it, which nobody knows.
    """
    tables = {row["name"]: row for row in run(connection, "earlier_tables", schema=schema, names=list(EARLIER_TABLES))}
    columns: dict[str, dict[str, DictRow]] = {name: {} for name in tables}
    for row in run(connection, "earlier_columns", schema=schema, names=list(EARLIER_TABLES)):
        columns[row["table"]][row["name"]] = row
    faults = [f"it holds {name}, which has one of our names as well" for name in others]
    faults += [f"table {name} is missing" for name in ("elements", "projects") if name not in tables]
    for name, table in tables.items():
        faults += _table_faults(table) or _column_faults(name, columns[name])
    faults += _name_faults(connection, schema, tuple(tables))
    return Shape({name: tuple(found) for name, found in columns.items()}, tuple(faults))


def _table_faults(table: DictRow) -> list[str]:
    if table["kind"] != "r":
        return [f"{table['name']} is no plain table"]
    if table["inherits"]:
        return [f"table {table['name']} inherits, or others inherit from it"]
    if not table["is_ours"]:
        return [f"table {table['name']} belongs to {table['owner']}: migrate as that login, or give it to yours"]
    return []


def _column_faults(table: str, columns: dict[str, DictRow]) -> list[str]:
    faults = [f"{table}.{name} is missing" for name in _KNOWN[table] if name not in columns]
    for name, types in {**_KNOWN[table], **_OPTIONAL[table]}.items():
        if name in columns and columns[name]["type"] not in types:
            faults.append(f"{table}.{name} is {columns[name]['type']}, not {' or '.join(types)}")
    if table == "elements" and not columns.get("guid", {"is_key": True})["is_key"]:
        faults.append("elements.guid is not the primary key")
    return faults


def _name_faults(connection: psycopg.Connection[DictRow], schema: str, tables: tuple[str, ...]) -> list[str]:
    """What the tables will be called, and what stands in for them, must not be there yet."""
    aside = [set_aside_name(name) for name in tables]
    taken = [(schema, row["name"]) for row in run(connection, "names_taken", schema=schema, names=aside)]
    for beside in (earlier_schema(schema), owners_schema(schema)):
        taken += [(beside, row["name"]) for row in run(connection, "names_taken", schema=beside, names=list(tables))]
    return [f"the name {place}.{name}, which is needed, is taken" for place, name in taken]
