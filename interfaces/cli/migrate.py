"""`easeboard migrate`: applies the missing migrations to the database."""

from infrastructure.all_migrations import apply_migrations
from infrastructure.postgres.database_address import open_database
from interfaces.cli.output import print_json, print_line
from interfaces.cli.runtime import configure


def run_migrations(*, json: bool) -> None:
    """Apply the missing migrations and print their names.

    Raises:
        MigrationRefused: If a migration cannot be applied.
        PostgresUnavailable: If the database cannot be started or reached.
    """
    with open_database(configure()) as url:
        applied = apply_migrations(url)
    if json:
        print_json({"applied": applied})
    elif applied:
        print_line(f"Applied these migrations: {', '.join(applied)}.")
    else:
        print_line("No migration was missing.")
