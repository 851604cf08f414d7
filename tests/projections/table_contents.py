"""Creates the tables of a read model without the projection engine, fills and dumps them."""

from collections.abc import Iterable, Sequence
from itertools import islice
from random import Random
from typing import Any

from psycopg import Connection, sql

from domain.recorded_event import RecordedEvent
from projections.registry import RegisteredReadModel

TableDump = dict[str, list[str]]
"""The rows of each table as text, in order."""


def create_tables(connection: Connection[Any], model: RegisteredReadModel, schema: str) -> None:
    """Create the tables of a read model in a new schema, and make it the search path."""
    name = sql.Identifier(schema)
    connection.execute(sql.SQL("CREATE SCHEMA {}").format(name))
    connection.execute(sql.SQL("SET search_path = {}").format(name))
    connection.execute(model.schema_sql)


def build_and_dump(
    connection: Connection[Any],
    model: RegisteredReadModel,
    schema: str,
    batches: Iterable[Sequence[RecordedEvent]],
) -> TableDump:
    """Create the tables of a read model in a new schema, apply batches to them, and dump them."""
    create_tables(connection, model, schema)
    for batch in batches:
        events = [recorded for recorded in batch if type(recorded.event) in model.subscribes_to]
        with connection.cursor() as cursor:
            model.project(events, cursor)
    return dump_tables(connection, schema)


def dump_tables(connection: Connection[Any], schema: str) -> TableDump:
    """Return every row of every table of a schema."""
    tables = connection.execute(
        "SELECT tablename FROM pg_tables WHERE schemaname = %s ORDER BY tablename", [schema]
    ).fetchall()
    return {table: _rows(connection, sql.Identifier(schema, table)) for (table,) in tables}


def _rows(connection: Connection[Any], table: sql.Identifier) -> list[str]:
    result = connection.execute(
        sql.SQL("SELECT t::text FROM {} AS t ORDER BY t::text").format(table)
    )
    return [row for (row,) in result]


def random_batches(events: Sequence[RecordedEvent], rng: Random) -> Iterable[list[RecordedEvent]]:
    """Divide events into batches of random sizes from 1 to 30."""
    remaining = iter(events)
    while batch := list(islice(remaining, rng.choice([1, 2, 3, 7, 30]))):
        yield batch
