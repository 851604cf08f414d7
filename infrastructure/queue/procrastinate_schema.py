"""Creates and migrates the tables of procrastinate in a PostgreSQL schema of their own."""

import re
from pathlib import Path
from typing import Any, LiteralString

import psycopg
from procrastinate.schema import SchemaManager
from psycopg import sql

from infrastructure.postgres.foreign_schemas import first_relation, foreign_schema

QUEUE_SCHEMA = "procrastinate"
_SCRIPT_NAME = re.compile(r"\d\d\.\d\d\.\d\d_\d\d_\w+")


def refuse_foreign_queue(connection: psycopg.Connection[Any]) -> None:
    """Check that the schema `procrastinate`, if it has tables, was made by this program.

    We record the newest script of procrastinate as the comment of the schema; scripts of a newer
    release have the same form.

    Raises: MigrationRefused if it is of another program.
    """
    comment, relation = _newest_applied(connection), first_relation(connection, QUEUE_SCHEMA)
    if comment is not None and not _SCRIPT_NAME.fullmatch(comment):
        raise foreign_schema(QUEUE_SCHEMA, f"its comment is {comment!r}")
    if relation and comment is None:
        raise foreign_schema(QUEUE_SCHEMA, f"it has {relation}")


def pending_queue_schema(connection: psycopg.Connection[Any]) -> list[str]:
    """Return the names of the scripts of procrastinate to be applied, `procrastinate/…`."""
    return [f"{QUEUE_SCHEMA}/{name}" for name in _pending(connection)]


def apply_queue_schema(connection: psycopg.Connection[Any]) -> list[str]:
    """Apply the pending scripts in one transaction and return their names, `procrastinate/…`.

    The caller holds the migration lock. The newest script is recorded as the schema's comment.
    """
    names = _pending(connection)
    if not names:
        return []
    schema = sql.Identifier(QUEUE_SCHEMA)
    with connection.transaction():
        connection.execute(sql.SQL("CREATE SCHEMA IF NOT EXISTS {}").format(schema))
        connection.execute(sql.SQL("SET LOCAL search_path TO {}").format(schema))
        for name in names:
            connection.execute(_statements(name))
        connection.execute("SET LOCAL search_path TO DEFAULT")
        connection.execute(
            sql.SQL("COMMENT ON SCHEMA {} IS {}").format(
                schema, sql.Literal(_migrations()[-1].stem)
            )
        )
    return [f"{QUEUE_SCHEMA}/{name}" for name in names]


def _pending(connection: psycopg.Connection[Any]) -> list[str]:
    newest = _newest_applied(connection)
    if newest is None:
        return ["schema"]
    return [file.stem for file in _migrations() if file.stem > newest]


def _newest_applied(connection: psycopg.Connection[Any]) -> str | None:
    row = connection.execute(
        "SELECT obj_description(to_regnamespace(%s), 'pg_namespace')", [QUEUE_SCHEMA]
    ).fetchone()
    return row[0] if row else None


def _migrations() -> list[Path]:
    return sorted(Path(SchemaManager.get_migrations_path()).glob("*.sql"))


def _statements(name: str) -> LiteralString:
    if name == "schema":
        return SchemaManager.get_schema()
    file = Path(SchemaManager.get_migrations_path()) / f"{name}.sql"
    return file.read_text("utf-8")
