"""The whole schema of one database: our own tables, and those of the queue."""

from infrastructure.postgres.migrate import migrate, pending
from infrastructure.queue.schema import apply_queue_schema, pending_queue_schema


def bring_up_to_date(url: str) -> list[str]:
    """Apply what is missing and name it; raises MigrationRefused or PostgresUnavailable."""
    return migrate(url, also=[apply_queue_schema])


def missing_of(url: str) -> list[str]:
    """Name what is missing; raises MigrationRefused or PostgresUnavailable."""
    return pending(url, also=[pending_queue_schema])
