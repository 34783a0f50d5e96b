# ruff: noqa: S608  (statements are made of the literals of this file)
"""A made-up database of an earlier adapter, as a dump of it would be."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import psycopg

if TYPE_CHECKING:
    import uuid
    from collections.abc import Sequence

_TABLES = """
SET check_function_bodies = false;
CREATE TABLE {schema}.projects (
    id text NOT NULL,
    name character varying(200),
    description text,
    created_at timestamp without time zone DEFAULT now()
);
CREATE TABLE {schema}.models (
    id text NOT NULL,
    name text,
    created_at timestamp without time zone DEFAULT now()
);
CREATE TABLE {schema}.elements (
    guid uuid NOT NULL,
    element_type character varying(100),
    element_name text,
    status character varying(50) DEFAULT 'not_started'::character varying,
    created_at timestamp without time zone DEFAULT now(),
    model_id text,
    project_id text,
    contractor text NOT NULL,
    crew_size integer,
    row_number integer NOT NULL
);
CREATE SEQUENCE {schema}.elements_row_number_seq AS integer OWNED BY {schema}.elements.row_number;
ALTER TABLE ONLY {schema}.elements
    ALTER COLUMN row_number SET DEFAULT nextval('{schema}.elements_row_number_seq'::regclass);
"""

_CONSTRAINTS = """
ALTER TABLE ONLY {schema}.projects ADD CONSTRAINT projects_pkey PRIMARY KEY (id);
ALTER TABLE ONLY {schema}.models ADD CONSTRAINT models_pkey PRIMARY KEY (id);
ALTER TABLE ONLY {schema}.elements ADD CONSTRAINT elements_pkey PRIMARY KEY (guid);
CREATE INDEX elements_by_status ON {schema}.elements USING btree (status);
ALTER TABLE ONLY {schema}.elements
    ADD CONSTRAINT elements_model_id_fkey FOREIGN KEY (model_id) REFERENCES {schema}.models(id);
"""

DEPENDENTS = """
CREATE TABLE {schema}.acts (number integer PRIMARY KEY, guid uuid NOT NULL, signed_on date);
ALTER TABLE ONLY {schema}.acts
    ADD CONSTRAINT acts_guid_fkey FOREIGN KEY (guid) REFERENCES {schema}.elements(guid);
INSERT INTO {schema}.acts
    SELECT row_number() OVER (ORDER BY guid), guid, DATE '2024-05-01' FROM {schema}.elements
    WHERE model_id IS NOT NULL ORDER BY guid LIMIT 5;
CREATE TABLE {schema}.budgets (stream text REFERENCES {schema}.projects(id), amount numeric(12, 2));
CREATE VIEW {schema}.mounted AS
    SELECT e.guid, e.element_name, e.status, e.contractor, p.name AS project
    FROM {schema}.elements e LEFT JOIN {schema}.projects p ON p.id = e.model_id
    WHERE e.status = 'mounted';
COMMENT ON VIEW {schema}.mounted IS 'What is mounted.';
CREATE VIEW {schema}.mounted_by_project AS SELECT project, count(*) AS n FROM {schema}.mounted GROUP BY project;
CREATE VIEW {schema}.all_of_it WITH (security_barrier = true) AS SELECT * FROM {schema}.elements;
CREATE MATERIALIZED VIEW {schema}.contractors AS
    SELECT contractor, count(*) AS n FROM {schema}.elements GROUP BY contractor;
CREATE FUNCTION {schema}.mark_time() RETURNS trigger LANGUAGE plpgsql AS $f$ BEGIN RETURN NEW; END $f$;
CREATE TRIGGER elements_time BEFORE UPDATE ON {schema}.elements
    FOR EACH ROW EXECUTE FUNCTION {schema}.mark_time();
CREATE FUNCTION {schema}.how_many() RETURNS bigint LANGUAGE sql AS 'SELECT count(*) FROM elements';
"""


@dataclass(frozen=True, slots=True)
class Earlier:
    """What is in such a database.

    Args:
        guids: Guids by project id; those of the project None have no model_id.
        statuses: How many of them have a status; spread evenly.
        schema: Where it is.
        dependents: Statements that hang something on the tables.
    """

    guids: dict[str | None, Sequence[uuid.UUID]]
    statuses: int
    schema: str = "public"
    dependents: str = DEPENDENTS
    given: dict[uuid.UUID, str] = field(default_factory=dict)

    def project_of(self) -> dict[uuid.UUID, str | None]:
        """The project of each guid."""
        return {guid: stream for stream, guids in self.guids.items() for guid in guids}

    def dump(self) -> str:
        """The SQL text."""
        return "".join(
            text.replace("{schema}", self.schema) for text in (_TABLES, self._rows(), _CONSTRAINTS, self.dependents)
        )

    def _rows(self) -> str:
        """All rows, as COPY statements cannot be sent as text."""
        chance = random.Random(4)
        streams = [stream for stream in self.guids if stream]
        lines = [
            f"('{stream}', 'Мост {number}', 'Earlier', '2023-01-02 03:04:05')" for number, stream in enumerate(streams)
        ]
        models = [f"('{stream}', 'Stream {stream}')" for stream in streams]
        everyone = [(stream, guid) for stream, guids in self.guids.items() for guid in guids]
        chosen = set(chance.sample(range(len(everyone)), self.statuses))
        elements = []
        for number, (stream, guid) in enumerate(everyone):
            status = chance.choice(("mounted", "delivered", "welded ü")) if number in chosen else None
            if status:
                self.given[guid] = status
            shown = f"'{status}'" if status else chance.choice(("NULL", "''", "'not_started'"))
            model = f"'{stream}'" if stream else "NULL"
            elements.append(
                f"('{guid}', 'IfcBeam', 'Old name {number}', {shown}, '2024-{number % 12 + 1:02}-28 02:30:00', "
                f"{model}, 'Contractor {number % 3}', {number % 7})"
            )
        return (
            f"INSERT INTO {self.schema}.projects VALUES {', '.join(lines)};\n"
            f"INSERT INTO {self.schema}.models (id, name) VALUES {', '.join(models)};\n"
            f"INSERT INTO {self.schema}.elements (guid, element_type, element_name, status, created_at, model_id, "
            f"contractor, crew_size) VALUES {', '.join(elements)};\n"
        )

    def restore(self, url: str) -> None:
        """Puts the dump into a database."""
        with psycopg.connect(url) as connection:
            if connection.execute("SELECT to_regnamespace(%s)", (self.schema,)).fetchone() == (None,):
                connection.execute(f"CREATE SCHEMA {self.schema}".encode())
            connection.execute(self.dump().encode())
