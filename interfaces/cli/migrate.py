"""`easeboard migrate`: the schema, brought up to date."""

import orjson

from infrastructure.postgres.database_address import open_database
from infrastructure.queue.database_schema import apply_migrations
from interfaces.cli.runtime import configure


def run_migrations(*, json: bool) -> None:
    """Apply what is missing and say what was."""
    with open_database(configure()) as url:
        applied = apply_migrations(url)
    if json:
        print(orjson.dumps({"applied": applied}).decode())
    elif applied:
        print("Applied " + ", ".join(applied) + ".")
    else:
        print("The schema is up to date.")
