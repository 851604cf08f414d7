"""`easeboard migrate`: applies the missing migrations to the database."""

import orjson

from infrastructure.all_migrations import apply_migrations
from infrastructure.postgres.database_address import open_database
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
        print(orjson.dumps({"applied": applied}).decode())
    elif applied:
        print(f"Applied these migrations: {', '.join(applied)}.")
    else:
        print("No migration was missing.")
