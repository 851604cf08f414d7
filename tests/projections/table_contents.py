"""The tables of a read model without the engine: made, fed, and read back whole."""

from collections.abc import Iterable, Sequence
from itertools import islice
from random import Random
from typing import Any

from psycopg import Connection, sql

from domain.recorded_event import Recorded
from projections.registry import ReadModel

Dump = dict[str, list[str]]


def make(connection: Connection[Any], model: ReadModel, schema: str) -> None:
    """Empty tables in a schema of their own."""
    name = sql.Identifier(schema)
    connection.execute(sql.SQL("CREATE SCHEMA {}").format(name))
    connection.execute(sql.SQL("SET search_path = {}").format(name))
    connection.execute(model.schema_sql)


def fill(
    connection: Connection[Any],
    model: ReadModel,
    schema: str,
    batches: Iterable[Sequence[Recorded]],
) -> Dump:
    """Make tables, feed them and dump them."""
    make(connection, model, schema)
    for batch in batches:
        heard = [recorded for recorded in batch if type(recorded.event) in model.hears]
        with connection.cursor() as cursor:
            model.project(heard, cursor)
    return dump(connection, schema)


def dump(connection: Connection[Any], schema: str) -> Dump:
    """Every row of every table in a schema, as text, in order."""
    tables = connection.execute(
        "SELECT tablename FROM pg_tables WHERE schemaname = %s ORDER BY tablename", [schema]
    ).fetchall()
    return {table: _rows(connection, sql.Identifier(schema, table)) for (table,) in tables}


def _rows(connection: Connection[Any], table: sql.Identifier) -> list[str]:
    found = connection.execute(
        sql.SQL("SELECT t::text FROM {} AS t ORDER BY t::text").format(table)
    )
    return [row for (row,) in found]


def in_parts(events: Sequence[Recorded], chance: Random) -> Iterable[list[Recorded]]:
    """The same events in batches of chance sizes."""
    left = iter(events)
    while batch := list(islice(left, chance.choice([1, 2, 3, 7, 30]))):
        yield batch
