"""The complete schema of one database: our own tables, and those of the queue."""

from infrastructure.postgres.migrate import migrate, pending_migrations
from infrastructure.queue.procrastinate_schema import apply_queue_schema, pending_queue_schema


def apply_migrations(url: str) -> list[str]:
    """Apply the missing migrations, and return their names.

    Raises:
        MigrationRefused: If the schema cannot be brought up to date, or is of a newer program.
        PostgresUnavailable: If the database cannot be reached.
    """
    return migrate(url, extra_steps=[apply_queue_schema])


def missing_migrations(url: str) -> list[str]:
    """Return the names of the missing migrations; raises the errors of `apply_migrations`."""
    return pending_migrations(url, extra_steps=[pending_queue_schema])
