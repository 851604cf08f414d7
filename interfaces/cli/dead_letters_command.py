"""`easeboard projections dead-letters`: lists, retries and skips what was set aside."""

import getpass
from collections.abc import Sequence
from typing import Any, Literal
from uuid import UUID

from application.event_metadata import with_event_metadata
from application.settle_dead_letter import LetterNotFound, LetterOutcome, SettleDeadLetter
from interfaces.cli.errors import CommandFailed
from interfaces.cli.output import print_json, print_line, print_table
from interfaces.cli.runtime import configure, run
from interfaces.composition.background_rebuild import READ_MODELS_BY_NAME
from interfaces.composition.bootstrap import bootstrap
from interfaces.service import Service

COLUMNS = ("projection", "id", "position", "topic", "waiting", "parked_at", "error")
SENTENCES = {
    "applied": "{0.projection} has applied {0.id} and what waited behind it.",
    "skipped": "{0.projection} leaves {0.id} out for good, and has applied what waited behind it.",
    "kept": "{0.projection} still cannot apply {0.id}: {0.error}",
}


def show_dead_letters(name: str | None, *, json: bool) -> None:
    """Print the dead letters of a read model, or of all.

    Raises:
        CommandFailed: If there is no read model of this name.
    """
    _require_name(name)
    letters = run(_load(name))
    if json:
        print_json({"items": letters})
    else:
        print_table(
            [column.replace("_", " ") for column in COLUMNS],
            [tuple(letter[column] for column in COLUMNS) for letter in letters],
        )


def settle(
    name: str | None, action: Literal["retry", "skip"], letter_id: UUID | None, *, json: bool
) -> None:
    """Retry or skip a letter in a read model, or in all that have it; without an id, every letter.

    Raises:
        CommandFailed: If there is no such read model or letter.
        SystemExit: With exit code 1, if an event still cannot be applied.
    """
    _require_name(name)
    outcomes = run(_settle(name, action, letter_id))
    if letter_id and not outcomes:
        raise CommandFailed(
            f"There is no dead letter {letter_id}: easeboard projections dead-letters lists those"
            " that there are."
        )
    if json:
        print_json({"items": [outcome._asdict() for outcome in outcomes]})
    for outcome in () if json else outcomes:
        print_line(SENTENCES[outcome.result].format(outcome))
    if not outcomes and not json:
        print_line("There are no dead letters.")
    if any(outcome.result == "kept" for outcome in outcomes):
        raise SystemExit(1)


def _require_name(name: str | None) -> None:
    if name is not None and name not in READ_MODELS_BY_NAME:
        raise CommandFailed(
            f"There is no read model {name}: use {', '.join(READ_MODELS_BY_NAME)} or none."
        )


async def _load(name: str | None) -> list[dict[str, Any]]:
    async with bootstrap(configure()) as process:
        return await process.service.dead_letters_of(name)


async def _settle(
    name: str | None, action: Literal["retry", "skip"], letter_id: UUID | None
) -> list[LetterOutcome]:
    async with bootstrap(configure()) as process:
        letters = await process.service.dead_letters_of(name)
        chosen = [letter for letter in letters if letter_id in {None, letter["id"]}]
        with with_event_metadata(f"cli:{getpass.getuser()}"):
            return await _settle_each(process.service, action, chosen)


async def _settle_each(
    service: Service, action: Literal["retry", "skip"], letters: Sequence[dict[str, Any]]
) -> list[LetterOutcome]:
    """Settle letters one after the other; one that another command has settled is left out."""
    outcomes = []
    for letter in letters:
        command = SettleDeadLetter(
            projection=letter["projection"], letter_id=letter["id"], action=action
        )
        try:
            outcomes.append(await service.settle_dead_letter(command))
        except LetterNotFound:
            continue
    return outcomes
