"""Recognises a database that this program must not migrate: its encoding, and schemas of others."""

from collections.abc import Iterable
from typing import Any

import psycopg
from psycopg import sql

from infrastructure.postgres.migration_files import MigrationRefused

MIGRATIONS_COLUMNS = ("version", "name", "sha256")


def refuse_other_encodings(connection: psycopg.Connection[Any]) -> None:
    """Check that the database stores text as UTF-8.

    Raises: MigrationRefused with the statement that creates such a database.
    """
    encoding, name = _row(
        connection, "SELECT current_setting('server_encoding'), current_database()"
    )
    if encoding != "UTF8":
        statement = sql.SQL("CREATE DATABASE {} ENCODING 'UTF8' TEMPLATE template0").format(
            sql.Identifier(f"{name}_utf8")
        )
        raise MigrationRefused(
            f"The database {name} has the encoding {encoding}, which cannot store all names of "
            f"courses; easeboard needs UTF8. Create another one, for example with "
            f"{statement.as_string(connection)} (add LOCALE 'C.UTF-8' if the server refuses it), "
            "and name it in DATABASE_URL."
        )


def refuse_foreign_log(connection: psycopg.Connection[Any]) -> None:
    """Check that the schema `easeboard`, if there is one, was made by this program.

    Raises: MigrationRefused if it has relations, but no table of our migrations.
    """
    columns = {
        name
        for (name,) in connection.execute(
            """
            SELECT attname
              FROM pg_attribute
             WHERE attrelid = to_regclass('easeboard.schema_migrations') AND attnum > 0
            """
        )
    }
    if columns.issuperset(MIGRATIONS_COLUMNS):
        return
    relation = first_relation(connection, "easeboard")
    if relation:
        raise foreign_schema("easeboard", f"it has {relation}, but not our list of migrations")


def refuse_existing_schemas(connection: psycopg.Connection[Any], names: Iterable[str]) -> None:
    """Check, before we create these schemas, that no other program has.

    Raises: MigrationRefused if one exists, even if it is empty.
    """
    for name in names:
        cursor = connection.execute("SELECT to_regnamespace(%s) IS NOT NULL", [name])
        if cursor.fetchone() == (True,):
            relation = first_relation(connection, name)
            raise foreign_schema(name, f"it has {relation}" if relation else "it has no tables")


def first_relation(connection: psycopg.Connection[Any], schema: str) -> str | None:
    """Return the name of a table, view or sequence in a schema; None if it has none."""
    row = connection.execute(
        """
        SELECT relname
          FROM pg_class
         WHERE relnamespace = to_regnamespace(%s) AND relkind IN ('r', 'p', 'v', 'm', 'f', 'S')
         ORDER BY relname
         LIMIT 1
        """,
        [schema],
    ).fetchone()
    return row[0] if row else None


def foreign_schema(name: str, reason: str) -> MigrationRefused:
    """Return the refusal to use a schema that another program has made."""
    return MigrationRefused(
        f"The database has a schema {name} that easeboard did not create ({reason}). Nothing was "
        f"changed. Use a database of its own for easeboard, or rename that schema: ALTER SCHEMA "
        f"{name} RENAME TO {name}_old."
    )


def _row(connection: psycopg.Connection[Any], query: str) -> tuple[Any, ...]:
    return connection.execute(query.encode()).fetchone() or ()
