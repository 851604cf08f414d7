"""`easeboard migrate`: applies the missing migrations to the database."""

from infrastructure.all_migrations import migrate_database
from infrastructure.postgres.database_address import migration_address, open_database
from infrastructure.postgres.pooler_check import check_pooler
from interfaces.cli.output import print_json, print_line
from interfaces.cli.runtime import configure
from interfaces.composition.unknown_settings import log_unknown_settings


def run_migrations(*, json: bool) -> None:
    """Apply the missing migrations, and print their names and what is left to an operator.

    Raises:
        MigrationRefused: If a migration cannot be applied.
        PostgresUnavailable: If the database cannot be started or reached.
    """
    settings = configure()
    log_unknown_settings()
    with open_database(settings) as url:
        if not settings.embedded:
            check_pooler(url)
        applied, roles_problem = migrate_database(migration_address(settings, url))
    if json:
        print_json({"applied": applied, "roles_problem": roles_problem})
        return
    if roles_problem:
        print_line(roles_problem)
    if applied:
        print_line(f"Applied these migrations: {', '.join(applied)}.")
    else:
        print_line("No migration was missing.")
