"""Copies the events and rows of real students on the server, to make a database large quickly.

The copies have other streams, people and ids. They cannot be decrypted, because their people have
no keys; they only make tables and indexes large.
"""

from typing import Any
from uuid import UUID

import psycopg
from psycopg import sql
from psycopg.conninfo import make_conninfo

from domain.sync_schedule import JITTER_STEPS
from tests.benchmarks.served_database import ServedDatabase

TABLES_SQL = """
SELECT schema.nspname, class.relname
  FROM pg_class AS class
  JOIN pg_namespace AS schema ON schema.oid = class.relnamespace
 WHERE class.relkind = 'r'
   AND (
           schema.nspname IN (
               SELECT name || '_v' || version
                 FROM easeboard.projections
                WHERE role = 'live'
           )
           OR (schema.nspname, class.relname) = ('easeboard', 'events')
       )
 ORDER BY 1, 2
"""
COLUMNS_SQL = """
SELECT column_name, udt_name
  FROM information_schema.columns
 WHERE table_schema = %s
   AND table_name = %s
   AND is_generated = 'NEVER'
   AND is_identity = 'NO'
 ORDER BY ordinal_position
"""
LAST_REAL_POSITION_SQL = """
SELECT max(position)
  FROM easeboard.events
 WHERE person_id = ANY(%s)
"""
COPIED_ID_SQL = """
CREATE FUNCTION pg_temp.copied_id(id uuid, nth integer) RETURNS uuid
LANGUAGE sql IMMUTABLE STRICT
RETURN md5(id::text || nth)::uuid
"""
COPIED_DELAY = sql.SQL(
    f"wait - wait %% {JITTER_STEPS} + get_byte(uuid_send("
    f"pg_temp.copied_id(connection_id, %(nth)s)), 15) %% {JITTER_STEPS}"
)
"""The delay of a copied connection: its jitter follows from the id, as in `delay_index`."""
MOVE_CHECKPOINTS_SQL = """
UPDATE easeboard.projections
   SET position = (SELECT max(position) FROM easeboard.events)
 WHERE role = 'live'
"""


def copy_students(database: ServedDatabase, first: int, last: int) -> None:
    """Add the copies from the number `first` to the number `last` of everything that is real."""
    url = make_conninfo(database.admin_url, dbname="easeboard")
    with psycopg.connect(url, autocommit=True) as connection:
        # Without triggers: they protect the log from everything but appends.
        connection.execute("SET session_replication_role = replica")
        connection.execute(COPIED_ID_SQL)
        people = _real_people(connection)
        [(stride,)] = connection.execute(LAST_REAL_POSITION_SQL, [people]).fetchall()
        for schema, table in connection.execute(TABLES_SQL).fetchall():
            statement = _copy_statement(connection, schema, table)
            for nth in range(first, last + 1):
                if statement:
                    parameters = {"nth": nth, "people": people, "after": nth * stride}
                    connection.execute(statement, parameters)
        connection.execute(MOVE_CHECKPOINTS_SQL)
        connection.execute("VACUUM ANALYZE")
        connection.execute("CHECKPOINT")


def _real_people(connection: psycopg.Connection[Any]) -> list[UUID]:
    rows = connection.execute("SELECT person_id FROM easeboard.people_keys").fetchall()
    return [person for (person,) in rows]


def _copy_statement(
    connection: psycopg.Connection[Any], schema: str, table: str
) -> sql.Composed | None:
    """Return the statement that copies the rows of real people; None for a table without people."""
    columns = connection.execute(COLUMNS_SQL, [schema, table]).fetchall()
    if (schema, table) == ("easeboard", "events"):
        columns = [each for each in columns if each[0] != "position"]
    if "person_id" not in dict(columns):
        return None
    values = [_copied_value(column, kind) for column, kind in columns]
    name = sql.Identifier(schema, table)
    return sql.SQL(
        "INSERT INTO {} ({}) SELECT {} FROM {} WHERE person_id = ANY(%(people)s)"
    ).format(
        name,
        sql.SQL(", ").join(sql.Identifier(column) for column, _ in columns),
        sql.SQL(", ").join(values),
        name,
    )


def _copied_value(column: str, kind: str) -> sql.Composable:
    """Replace ids and what follows from them, and move positions behind those of earlier copies."""
    if kind == "uuid":
        return sql.SQL("pg_temp.copied_id({}, %(nth)s)").format(sql.Identifier(column))
    if column == "wait":
        return COPIED_DELAY
    if column == "position":
        return sql.SQL("position + %(after)s")
    return sql.Identifier(column)
