"""Reads all rows of a database, and restores them in an empty one.

The rows of the queue are left out: whatever is missing there is queued again. PostgreSQL converts
the rows to JSON and back, so that every type is restored as it was.
"""

from collections.abc import Sequence
from typing import Any

import psycopg
from psycopg import sql

from infrastructure.postgres.migrate import migrate
from infrastructure.projection_engine.read_model import ReadModelDefinition
from infrastructure.queue.procrastinate_schema import apply_queue_schema
from tests.replay.release_files import LOG_SCHEMA, Database, RecordedReadModel, Release

MIGRATIONS_TABLE = "schema_migrations"

Connection = psycopg.Connection[Any]


def read_database(url: str, models: Sequence[ReadModelDefinition]) -> Database:
    """Read the rows of the log and of the live version of these read models."""
    with psycopg.connect(url, options="-c timezone=UTC") as connection:
        recorded = _read_models(connection, models)
        rows = {
            f"{schema}.{table}": _rows_of(connection, sql.Identifier(schema, table))
            for schema in (LOG_SCHEMA, *(model.schema for model in recorded))
            for table in _tables_of(connection, schema)
        }
        return Database(
            rows={table: lines for table, lines in rows.items() if lines},
            sequences=_read_sequences(connection),
            read_models=recorded,
        )


def restore_database(url: str, release: Release) -> None:
    """Create the schema of a release in an empty database, and insert its rows."""
    level = max(row["version"] for row in release.rows_of(MIGRATIONS_TABLE))
    migrate(url, up_to=level, extra_steps=[apply_queue_schema])
    with psycopg.connect(url) as connection:
        # The recorded rows replace these, so that an edit of an old migration is noticed.
        connection.execute("DELETE FROM easeboard.schema_migrations")
        connection.execute("CREATE SCHEMA IF NOT EXISTS read")
        for model in release.database.read_models:
            _create_tables(connection, model)
        for table, rows in release.database.rows.items():
            _insert_rows(connection, sql.Identifier(*table.split(".")), rows)
        for sequence, last in release.database.sequences.items():
            connection.execute("SELECT setval(%s::regclass, %s)", [sequence, last])


def _read_models(
    connection: Connection, models: Sequence[ReadModelDefinition]
) -> list[RecordedReadModel]:
    versions = dict(
        connection.execute(
            "SELECT name, version FROM easeboard.projections WHERE role = 'live' ORDER BY name"
        ).fetchall()
    )
    return [
        RecordedReadModel(
            schema=f"{model.name}_v{versions[model.name]}",
            schema_sql=model.schema_sql,
            views=list(model.tables),
        )
        for model in models
    ]


def _tables_of(connection: Connection, schema: str) -> list[str]:
    cursor = connection.execute(
        "SELECT tablename FROM pg_tables WHERE schemaname = %s ORDER BY tablename", [schema]
    )
    return [name for (name,) in cursor]


def _rows_of(connection: Connection, table: sql.Identifier) -> list[bytes]:
    query = (
        "SELECT row_to_json(easeboard_row)::text FROM {} AS easeboard_row ORDER BY easeboard_row"
    )
    return [row.encode() for (row,) in connection.execute(sql.SQL(query).format(table))]


def _read_sequences(connection: Connection) -> dict[str, int]:
    cursor = connection.execute(
        "SELECT schemaname || '.' || sequencename, last_value"
        "  FROM pg_sequences WHERE schemaname = %s AND last_value IS NOT NULL ORDER BY 1",
        [LOG_SCHEMA],
    )
    return dict(cursor.fetchall())


def _create_tables(connection: Connection, model: RecordedReadModel) -> None:
    schema = sql.Identifier(model.schema)
    with connection.transaction():
        connection.execute(sql.SQL("CREATE SCHEMA {}").format(schema))
        connection.execute(sql.SQL("SET LOCAL search_path = {}").format(schema))
        connection.execute(model.schema_sql.encode())
        connection.execute("SET LOCAL search_path TO DEFAULT")
        for table in model.views:
            connection.execute(
                sql.SQL("CREATE VIEW {} AS SELECT * FROM {}").format(
                    sql.Identifier("read", table), sql.Identifier(model.schema, table)
                )
            )


def _insert_rows(connection: Connection, table: sql.Identifier, rows: list[bytes]) -> None:
    statement = sql.SQL(
        "INSERT INTO {table} OVERRIDING SYSTEM VALUE"
        " SELECT * FROM json_populate_record(NULL::{table}, %s::json)"
    ).format(table=table)
    with connection.cursor() as cursor:
        cursor.executemany(statement, [[row.decode()] for row in rows])
