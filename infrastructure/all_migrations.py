"""The complete schema of one database: our own tables, and those of the queue."""

from typing import Any, NamedTuple

import psycopg

from infrastructure.postgres.database_roles import apply_database_roles
from infrastructure.postgres.migrate import SchemaState, migrate, read_schema_state
from infrastructure.queue.procrastinate_schema import (
    apply_queue_schema,
    pending_queue_schema,
    refuse_foreign_queue,
)


class MigrationResult(NamedTuple):
    """The names of the applied migrations, and what could not be done about database roles."""

    applied: list[str]
    roles_problem: str | None


def migrate_database(url: str) -> MigrationResult:
    """Apply the missing migrations, then create the database roles and grant their rights.

    Raises:
        MigrationRefused: If the schema cannot be brought up to date, or is not of this program.
        PostgresUnavailable: If the database cannot be reached.
    """
    problems: list[str] = []

    def apply_roles(connection: psycopg.Connection[Any]) -> list[str]:
        problem = apply_database_roles(connection)
        problems.extend([problem] if problem else [])
        return []

    steps = [apply_queue_schema, apply_roles]
    applied = migrate(url, checks=[refuse_foreign_queue], extra_steps=steps)
    return MigrationResult(applied, problems[0] if problems else None)


def apply_migrations(url: str) -> list[str]:
    """Migrate, and return the names of the applied migrations; raises as `migrate_database`."""
    return migrate_database(url).applied


def missing_migrations(url: str) -> list[str]:
    """Return the names of the missing migrations; raises the errors of `schema_state`."""
    return schema_state(url).missing


def schema_state(url: str) -> SchemaState:
    """Compare the schema with what this program needs; changes nothing.

    Raises:
        MigrationRefused: If this program cannot use the schema.
        PostgresUnavailable: If the database cannot be reached.
    """
    return read_schema_state(url, checks=[refuse_foreign_queue], extra_steps=[pending_queue_schema])
