"""Copies the events and rows of real students on the server, to make a database large quickly.

The copies have other streams, people and ids. They cannot be decrypted, because their people have
no keys; they only make tables and indexes large. The indexes are built when all rows are there: for
random ids, inserting them one by one takes many times as long.
"""

from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, NamedTuple
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
COPIED_REST = sql.SQL(
    "rested_at - INTERVAL '1 ms' * (('x' || left("
    "pg_temp.copied_id(connection_id, %(nth)s)::text, 6))::bit(24)::integer)"
)
"""When a copied connection was idle first: up to 4.7 h earlier, as no two runs end at once."""
MOVE_CHECKPOINTS_SQL = """
UPDATE easeboard.projections
   SET position = (SELECT max(position) FROM easeboard.events)
 WHERE role = 'live'
"""


STOP_INDEXES_SQL = """
UPDATE pg_index
   SET indisready = false,
       indisvalid = false
 WHERE indrelid = %s::regclass
"""
"""REINDEX builds an index in this state, and makes it ready and valid again."""
CONNECTIONS = 2


class Copies(NamedTuple):
    """What to copy: the events and rows of these people, with the numbers of the copies."""

    people: list[UUID]
    stride: int
    """Positions between a copy and the next one."""
    first: int
    last: int


def copy_students(database: ServedDatabase, first: int, last: int) -> None:
    """Add the copies from the number `first` to the number `last` of everything that is real."""
    url = make_conninfo(database.admin_url, dbname="easeboard")
    with psycopg.connect(url, autocommit=True) as connection:
        # Checkpoints during the copy would write each changed page several times.
        connection.execute("ALTER SYSTEM SET max_wal_size = '8GB'")
        connection.execute("SELECT pg_reload_conf()")
        people = _real_people(connection)
        [(stride,)] = connection.execute(LAST_REAL_POSITION_SQL, [people]).fetchall()
        tables = connection.execute(TABLES_SQL).fetchall()
        copy = partial(_copy_table, url, Copies(people, stride, first, last))
        with ThreadPoolExecutor(CONNECTIONS) as executor:
            list(executor.map(copy, tables))
        connection.execute(MOVE_CHECKPOINTS_SQL)
        connection.execute("VACUUM ANALYZE")
        connection.execute("ALTER SYSTEM RESET max_wal_size")
        connection.execute("SELECT pg_reload_conf()")
        connection.execute("CHECKPOINT")


def _real_people(connection: psycopg.Connection[Any]) -> list[UUID]:
    rows = connection.execute("SELECT person_id FROM easeboard.people_keys").fetchall()
    return [person for (person,) in rows]


def _copy_table(url: str, copies: Copies, table: tuple[str, str]) -> None:
    """Add the copies of the rows of real people; nothing for a table without people."""
    name = sql.Identifier(*table)
    with psycopg.connect(url, autocommit=True) as connection:
        columns = connection.execute(COLUMNS_SQL, table).fetchall()
        if table == ("easeboard", "events"):
            columns = [each for each in columns if each[0] != "position"]
        if "person_id" not in dict(columns):
            return
        # Without triggers: they protect the log from everything but appends.
        connection.execute("SET session_replication_role = replica")
        connection.execute("SET maintenance_work_mem = '1GB'")
        connection.execute(COPIED_ID_SQL)
        real = sql.SQL(
            "CREATE TEMP TABLE real AS SELECT * FROM {} WHERE person_id = ANY(%s) ORDER BY ctid"
        )
        connection.execute(real.format(name), [copies.people])
        connection.execute(STOP_INDEXES_SQL, [name.as_string(connection)])
        insert = _insert_statement(name, columns)
        for nth in range(copies.first, copies.last + 1):
            connection.execute(insert, {"nth": nth, "after": nth * copies.stride})
        connection.execute(sql.SQL("REINDEX TABLE {}").format(name))


def _insert_statement(name: sql.Identifier, columns: list[tuple[str, str]]) -> sql.Composed:
    return sql.SQL("INSERT INTO {} ({}) SELECT {} FROM real").format(
        name,
        sql.SQL(", ").join(sql.Identifier(column) for column, _ in columns),
        sql.SQL(", ").join(_copied_value(column, kind) for column, kind in columns),
    )


def _copied_value(column: str, kind: str) -> sql.Composable:
    """Replace ids and what follows from them, and move positions behind those of earlier copies."""
    if kind == "uuid":
        return sql.SQL("pg_temp.copied_id({}, %(nth)s)").format(sql.Identifier(column))
    if column == "wait":
        return COPIED_DELAY
    if column == "rested_at":
        return COPIED_REST
    if column == "position":
        return sql.SQL("position + %(after)s")
    return sql.Identifier(column)
