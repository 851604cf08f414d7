"""`easeboard migrate`: the schema, brought up to date."""

import orjson

from infrastructure.postgres.database_address import database
from infrastructure.queue.database_schema import bring_up_to_date
from interfaces.cli.runtime import configured


def migrate(*, json: bool) -> None:
    """Apply what is missing and say what was."""
    with database(configured()) as url:
        applied = bring_up_to_date(url)
    if json:
        print(orjson.dumps({"applied": applied}).decode())
    elif applied:
        print("Applied " + ", ".join(applied) + ".")
    else:
        print("The schema is up to date.")
