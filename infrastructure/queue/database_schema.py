"""The whole schema of one database: our own tables, and those of the queue."""

from infrastructure.postgres.migrate import migrate, pending_migrations
from infrastructure.queue.schema import apply_queue_schema, pending_queue_schema


def apply_migrations(url: str) -> list[str]:
    """Apply what is missing and name it; raises MigrationRefused or PostgresUnavailable."""
    return migrate(url, extra_steps=[apply_queue_schema])


def missing_migrations(url: str) -> list[str]:
    """Name what is missing; raises MigrationRefused or PostgresUnavailable."""
    return pending_migrations(url, extra_steps=[pending_queue_schema])
