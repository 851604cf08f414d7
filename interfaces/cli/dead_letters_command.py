"""`easeboard projections dead-letters`: prints the events that read models have set aside."""

from typing import Any

from interfaces.cli.errors import CommandFailed
from interfaces.cli.output import print_json, print_table
from interfaces.cli.runtime import configure, run
from interfaces.composition.background_rebuild import READ_MODELS_BY_NAME
from interfaces.composition.bootstrap import bootstrap

COLUMNS = ("projection", "id", "position", "topic", "waiting", "parked_at", "error")


def show_dead_letters(name: str | None, *, json: bool) -> None:
    """Print the dead letters of a read model, or of all.

    Raises:
        CommandFailed: If there is no read model of this name.
    """
    if name is not None and name not in READ_MODELS_BY_NAME:
        raise CommandFailed(
            f"There is no read model {name}: use {', '.join(READ_MODELS_BY_NAME)} or none."
        )
    letters = run(_load(name))
    if json:
        print_json({"items": letters})
    else:
        print_table(
            [column.replace("_", " ") for column in COLUMNS],
            [tuple(letter[column] for column in COLUMNS) for letter in letters],
        )


async def _load(name: str | None) -> list[dict[str, Any]]:
    async with bootstrap(configure()) as process:
        return await process.service.dead_letters_of(name)
